"""PLL settings: within the data sheets' limits, as close as can be, as icepll has them."""

from fractions import Fraction

import numpy as np
import pytest

from taxonn_hw.boards import plan_clock
from taxonn_hw.errors import UserError


def ice40_out(source, settings):
    pfd = source / (settings["DIVR"] + 1)
    vco = pfd * (settings["DIVF"] + 1)
    assert 10 <= pfd <= 133 and 533 <= vco <= 1066
    assert 0 <= settings["DIVR"] < 16 and 0 <= settings["DIVF"] < 128
    assert 1 <= settings["DIVQ"] <= 6
    return vco / 2**settings["DIVQ"]


def ecp5_out(source, settings):
    pfd = source / settings["CLKI_DIV"]
    clkop = pfd * settings["CLKFB_DIV"]
    vco = clkop * settings["CLKOP_DIV"]
    assert 10 <= pfd <= 400 and 400 <= vco <= 800
    assert all(1 <= settings[name] <= 128 for name in settings) and settings["CLKFB_DIV"] <= 80
    return vco / settings["CLKOS_DIV"]


@pytest.mark.parametrize(("wanted", "divf", "divq"), [(24, 63, 5), (30, 79, 5), (48, 63, 4),
                                                      (60, 79, 4)])
def test_ice40_as_icepll_has_it(wanted, divf, divq):
    plan = plan_clock("ice40", 12, wanted)
    assert plan.settings == {"DIVR": 0, "DIVF": divf, "DIVQ": divq, "FILTER_RANGE": 1}
    assert plan.output_mhz == wanted


def test_ice40_closest_of_all():
    """Every setting there is, tried one by one."""
    rng = np.random.default_rng(1)
    for source in (12, 25, 48, 100):
        outs = [Fraction(source, r + 1) * (f + 1) / 2**q
                for r in range(16) if 10 <= Fraction(source, r + 1) <= 133
                for f in range(128) if 533 <= Fraction(source, r + 1) * (f + 1) <= 1066
                for q in range(1, 7)]
        outs = [out for out in outs if 16 <= out <= 275]
        for wanted in rng.integers(160, 2750, 30) / 10:
            wanted = Fraction(float(wanted)).limit_denominator(1000)
            plan = plan_clock("ice40", source, float(wanted))
            assert plan.output_mhz == ice40_out(Fraction(source), plan.settings)
            assert abs(plan.output_mhz - wanted) == min(abs(out - wanted) for out in outs)


@pytest.mark.parametrize(("pfd", "wanted", "number"), [
    (12, 150, 1), (20, 150, 2), (30, 150, 3), (50, 150, 4), (80, 160, 5), (120, 150, 6)])
def test_ice40_loop_filter(pfd, wanted, number):
    plan = plan_clock("ice40", pfd, wanted)
    assert plan.output_mhz == wanted
    assert (plan.settings["DIVR"], plan.settings["FILTER_RANGE"]) == (0, number)


@pytest.mark.parametrize("source", [12, 25, 48, 100])
def test_ecp5_within_one_percent(source):
    for wanted in np.random.default_rng(2).integers(100, 2000, 40) / 10:
        plan = plan_clock("ecp5", source, float(wanted))
        assert plan.output_mhz == ecp5_out(Fraction(source), plan.settings)
        assert abs(float(plan.output_mhz) / wanted - 1) < 0.01


@pytest.mark.parametrize(("source", "wanted"), [(25, 65), (25, 62.5), (12, 60), (48, 100)])
def test_ecp5_hits_round_numbers(source, wanted):
    assert plan_clock("ecp5", source, wanted).output_mhz == wanted


@pytest.mark.parametrize("family", ["ice40", "ecp5"])
def test_the_oscillator_itself_needs_no_pll(family):
    plan = plan_clock(family, 12, 12)
    assert plan.settings is None and plan.output_mhz == 12


@pytest.mark.parametrize(("family", "wanted", "words"), [
    ("ice40", 14, "16 to 275 MHz from 12, or 12 as it is, not 14"),
    ("ice40", 400, "16 to 275 MHz from 12, or 12 as it is, not 400"),
    ("ecp5", 1, "3.125 to 400 MHz from 12, or 12 as it is, not 1"),
    ("ecp5", 1000, "3.125 to 400 MHz from 12, or 12 as it is, not 1000"),
])
def test_out_of_reach(family, wanted, words):
    with pytest.raises(UserError) as error:
        plan_clock(family, 12, wanted)
    assert words in str(error.value) and str(error.value).startswith("--freq: ")
