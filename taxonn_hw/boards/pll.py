"""Whole-number settings of the PLLs for a wanted clock.

iCE40 (family data sheet, sysCLOCK PLL; simple feedback): PFD = in / (DIVR + 1) within 10..133 MHz,
VCO = PFD (DIVF + 1) within 533..1066 MHz, out = VCO / 2^DIVQ within 16..275 MHz.

ECP5 (family data sheet, EHXPLLL): PFD = in / CLKI_DIV within 10..400 MHz; the feedback output CLKOP
runs at PFD * CLKFB_DIV, VCO = CLKOP * CLKOP_DIV within 400..800 MHz, and the clock is taken from
CLKOS = VCO / CLKOS_DIV, which hits a wanted frequency more closely than CLKOP.
"""

from dataclasses import dataclass
from fractions import Fraction

from ..errors import UserError

__all__ = ["ClockPlan", "plan_clock"]

_FILTER_MHZ = (17, 26, 44, 66, 101)  # upper ends of PFD for FILTER_RANGE 1 to 5; else 6
_MIDDLE_MHZ = {"ice40": 800, "ecp5": 600}  # of the VCO
_LIMITS = {"ice40": (16, 275), "ecp5": (Fraction(25, 8), 400)}  # MHz out of the PLL


@dataclass(frozen=True, kw_only=True)
class ClockPlan:
    """The clock of a board: what comes in, what the accelerator gets, and the PLL between.

    ``settings`` are the parameters of the PLL by name; None: the oscillator is used as it is.
    """

    family: str
    input_mhz: Fraction
    output_mhz: Fraction
    vco_mhz: Fraction | None = None
    settings: dict[str, int] | None = None


def plan_clock(family: str, input_mhz: float, wanted_mhz: float) -> ClockPlan:
    """Return the plan whose frequency comes closest to ``wanted_mhz``.

    Of equals, the one with the fastest phase comparison (least jitter), then with the VCO nearest
    to the middle of its range.

    Raises
    ------
    UserError
        When the PLL cannot come within 5 % of what is wanted.
    """
    source = Fraction(input_mhz).limit_denominator(10_000)
    wanted = Fraction(wanted_mhz).limit_denominator(10_000)
    if wanted == source:
        return ClockPlan(family=family, input_mhz=source, output_mhz=source)
    candidates = {"ice40": _ice40, "ecp5": _ecp5}[family](source, wanted)
    best = min(candidates, default=None, key=lambda plan: (
        abs(plan[0] - wanted), -plan[1], abs(plan[2] - _MIDDLE_MHZ[family])))
    if best is None or abs(best[0] - wanted) > wanted / 20:
        low, high = (float(limit) for limit in _LIMITS[family])
        raise UserError(f"--freq: the PLL makes {low:g} to {high:g} MHz from {float(source):g}, "
                        f"or {float(source):g} as it is, not {float(wanted):g}")
    output, _, vco, settings = best
    return ClockPlan(family=family, input_mhz=source, output_mhz=output, vco_mhz=vco,
                     settings=settings)


def _ice40(source: Fraction, wanted: Fraction):
    low, high = _LIMITS["ice40"]
    for divr in range(16):
        pfd = source / (divr + 1)
        if not 10 <= pfd <= 133:
            continue
        for divq in range(1, 7):
            ideal = wanted * 2**divq / pfd - 1
            for divf in {int(ideal), int(ideal) + 1}:
                vco = pfd * (divf + 1)
                if 0 <= divf <= 127 and 533 <= vco <= 1066 and low <= vco / 2**divq <= high:
                    number = sum(pfd >= limit for limit in _FILTER_MHZ) + 1
                    yield vco / 2**divq, pfd, vco, {
                        "DIVR": divr, "DIVF": divf, "DIVQ": divq, "FILTER_RANGE": number}


def _ecp5(source: Fraction, wanted: Fraction):
    low, high = _LIMITS["ecp5"]
    for clki in range(1, 129):
        pfd = source / clki
        if not 10 <= pfd <= 400:
            continue
        for clkfb in range(1, 81):
            clkop = pfd * clkfb
            if not low <= clkop <= high:
                continue
            for clkop_div in range(-(-400 // clkop), min(800 // clkop, 128) + 1):
                vco = clkop * clkop_div
                ideal = vco / wanted
                for clkos in {int(ideal), int(ideal) + 1}:
                    if 1 <= clkos <= 128 and 400 <= vco <= 800 and low <= vco / clkos <= high:
                        yield vco / clkos, pfd, vco, {
                            "CLKI_DIV": clki, "CLKFB_DIV": clkfb, "CLKOP_DIV": clkop_div,
                            "CLKOS_DIV": clkos}
