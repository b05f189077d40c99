"""Pins of a board's top level, read from the resources of its platform class."""

from dataclasses import dataclass

from amaranth.build import Subsignal

from .definition import Board

__all__ = ["Pin", "board_pins", "input_mhz"]


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A port of the top level on a pin.

    ``invert`` says that the pin is active low; ``attributes`` are those of the platform, such as
    ``IO_TYPE`` and ``PULLMODE`` (ECP5) or ``PULLUP`` (iCE40).
    """

    port: str
    site: str
    invert: bool
    attributes: dict[str, str]


def board_pins(board: Board) -> dict[str, Pin]:
    """Return the pins of the top level by port: clock, rx, tx, LEDs and fixed levels."""
    platform = board.platform()
    pins = [_pin(platform, "clock", board.clock, 0, None),
            _pin(platform, "rx", board.uart, 0, "rx"), _pin(platform, "tx", board.uart, 0, "tx")]
    for k, led in enumerate(board.leds):
        pins.append(_pin(platform, f"led_{k}", led.resource, led.number, led.part))
    pins += [_pin(platform, f"level_{k}", name, 0, None) for k, name in enumerate(board.levels)]
    sites = [pin.site for pin in pins]
    if len(set(sites)) < len(sites):
        raise ValueError(f"board {board.name} uses a pin twice: {' '.join(sites)}")
    return {pin.port: pin for pin in pins}


def input_mhz(board: Board) -> float:
    """Return the frequency of the board's oscillator."""
    return board.platform().lookup(board.clock).clock.frequency / 1e6


def _pin(platform, port: str, name: str, number: int, part: str | None) -> Pin:
    resource = platform.lookup(name, number)
    node, attributes = resource, dict(resource.attrs)
    if part is not None:
        node = next(io for io in resource.ios if isinstance(io, Subsignal) and io.name == part)
        attributes |= node.attrs
    (pins,) = node.ios
    (site,) = pins.map_names(platform._conn_pins, resource)
    values = {key: value(platform) if callable(value) else value
              for key, value in attributes.items()}
    return Pin(port=port, site=site, invert=pins.invert,
               attributes={key: str(value) for key, value in values.items() if value is not None})
