"""Constraints of a board's top level: where its ports lie, and the frequency that comes in."""

from collections.abc import Mapping

from ..boards import Pin

__all__ = ["constraints"]


def constraints(family: str, pins: Mapping[str, Pin], input_mhz: float) -> str:
    """Return the text of the PCF (iCE40) or LPF (ECP5) file."""
    write = {"ice40": _pcf, "ecp5": _lpf}[family]
    return "".join(f"{line}\n" for line in write(pins, input_mhz))


def _pcf(pins: Mapping[str, Pin], input_mhz: float):
    for pin in pins.values():
        pullup = "-pullup yes " if pin.attributes.get("PULLUP") == "1" else ""
        yield f"set_io {pullup}{pin.port} {pin.site}"
    yield f"set_frequency clock {input_mhz:g}"


def _lpf(pins: Mapping[str, Pin], input_mhz: float):
    yield from ("BLOCK ASYNCPATHS;", "BLOCK RESETPATHS;")
    for pin in pins.values():
        yield f'LOCATE COMP "{pin.port}" SITE "{pin.site}";'
        if pin.attributes:
            values = " ".join(f"{key}={value}" for key, value in pin.attributes.items())
            yield f'IOBUF PORT "{pin.port}" {values};'
    yield f'FREQUENCY PORT "clock" {input_mhz:g} MHZ;'
