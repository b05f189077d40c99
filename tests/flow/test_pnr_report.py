"""Reading nextpnr's report: resources, clock, and the worst path in words."""

import pytest

from taxonn_hw.flow.pnr_report import Usage, read_timing, read_usage, unit_of


def hop(kind, delay, start, end=None):
    (cell, port), (to, at) = start, end or start
    return {"type": kind, "delay": delay, "from": {"cell": cell, "port": port, "loc": [0, 0]},
            "to": {"cell": to, "port": at, "loc": [0, 0]}}


def path(first, *, clock="$glbnet$clk"):
    start, lut, carry, end = first, ("core.b_LUT4_Z", "F"), ("core.c_CCU2C_S0", "COUT"), (
        "core.sum_TRELLIS_FF_Q_3", "DI")
    return {"from": f"posedge {clock}", "to": f"posedge {clock}", "path": [
        hop("clk-to-q", 0.5, start), hop("routing", 1.0, start, ("core.b_LUT4_Z", "A")),
        hop("logic", 0.25, ("core.b_LUT4_Z", "A"), lut), hop("routing", 0.5, lut, carry),
        hop("logic", 0.25, ("core.c_CCU2C_S0", "A0"), carry), hop("routing", 0.5, carry, end),
        hop("setup", 0.0, end)]}


def report(first=("core.list.count_TRELLIS_FF_Q", "Q"), clock="$glbnet$clk", constraint=50.0):
    return {"fmax": {clock: {"achieved": 333.3, "constraint": constraint}},
            "critical_paths": [{"from": "<async>", "to": f"posedge {clock}", "path": []},
                               path(first, clock=clock)],
            "utilization": {"TRELLIS_COMB": {"used": 5, "available": 24288},
                            "DP16KD": {"used": 1, "available": 56},
                            "TRELLIS_FF": {"used": 3, "available": 24288},
                            "DCCA": {"used": 1, "available": 56},
                            "MULT18X18D": {"used": 0, "available": 28},
                            "EHXPLLL": {"used": 0, "available": 0}}}


def test_usage():
    assert read_usage(report(), "ecp5") == {
        "lut": Usage(used=5, available=24288), "ff": Usage(used=3, available=24288),
        "ram": Usage(used=1, available=56), "dsp": Usage(used=0, available=28)}


@pytest.mark.parametrize(("first", "words"), [
    (("core.list.count_TRELLIS_FF_Q", "Q"), "register core.list.count"),
    (("core.array.weights.memory.0.0", "DOA3"), "RAM core.array.weights.memory.0.0"),
    (("core.table.0.0_RAM", "RDATA_7"), "RAM core.table.0.0_RAM"),
    (("core.lane_2.p_MULT18X18D_P0", "P12"), "multiplier core.lane_2.p"),
    (("core.lane_2.p_SB_MAC16_O", "O_12"), "multiplier core.lane_2.p"),
])
def test_the_worst_path_in_words(first, words):
    timing = read_timing(report(first), 50)
    assert timing.worst_path == (f"3.0 ns from {words} to core.sum through 1 logic cells and "
                                 "1 carries: 1.0 ns in cells, 2.0 ns in wires")
    assert (timing.fmax_mhz, timing.clock_mhz, timing.met) == (333.3, 50, True)
    assert not read_timing(report(constraint=340), 340).met


def test_another_clock_than_asked_for():
    with pytest.raises(ValueError, match=r"is constrained to 50\.0 MHz, not 60"):
        read_timing(report(), 60)
    two = report()
    two["fmax"]["other"] = two["fmax"]["$glbnet$clk"]
    with pytest.raises(ValueError, match="2 clocks"):
        read_timing(two, 50)


@pytest.mark.parametrize(("cell", "unit"), [
    ("core.array.lane_7.s6_rounded_1_TRELLIS_FF_Q_5", "core.array.lane_7.s6_rounded_1"),
    ("core.loader.list_0.exhausted_LUT4_C_Z_LUT4_Z_D_LUT4_Z", "core.loader.list_0.exhausted"),
    ("link.receiver.crc_SB_DFFESR_Q_D_SB_LUT4_O_LC", "link.receiver.crc"),
    ("core.array.biases.memory.0.2$RAMW_SLICE", "core.array.biases.memory.0.2"),
    ("core.control.$signal$27_SB_DFFSR_Q", "core.control"),
    ("plain", "plain"),
])
def test_unit_of(cell, unit):
    assert unit_of(cell) == unit
