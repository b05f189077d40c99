"""Which registers blocks take, and which they must leave alone."""

import copy

import pytest

from taxonn_hw.bitstream.block_registers import use_block_registers

CLOCK, OTHER_CLOCK, ENABLE, PORT = 1, 2, 3, 4


def register(d, q, enable=None, **changes):
    """A register from bit ``d`` to bit ``q``; ``changes`` are parameters and pins."""
    pins = {"CLK": [CLOCK], "CE": [enable] if enable else [], "LSR": ["0"], "DI": [d], "Q": [q]}
    parameters = {"CEMUX": "CE" if enable else "1 ", "CLKMUX": "CLK", "REGSET": "RESET"}
    for name, value in changes.items():
        (pins if name in pins else parameters)[name] = value
    return {"type": "TRELLIS_FF", "parameters": parameters, "connections": pins,
            "port_directions": {pin: "output" if pin == "Q" else "input" for pin in pins}}


def multiplier(*products):
    """A multiplier with so many of its product bits connected."""
    pins = {"A0": [90], "B0": [91], **{f"P{k}": [bit] for k, bit in enumerate(products)}}
    return {"type": "MULT18X18D", "parameters": {}, "connections": pins,
            "port_directions": {pin: "output" if pin[0] == "P" else "input" for pin in pins}}


def memory(width, a=(), b=(), **changes):
    """A block RAM whose port B reads ``width`` bits."""
    pins = {"CLKA": [CLOCK], "CLKB": [CLOCK], "RSTA": ["0"], "RSTB": ["0"], "OCEA": ["0"],
            "OCEB": ["1"], **{f"DOA{k}": [bit] for k, bit in enumerate(a)},
            **{f"DOB{k}": [bit] for k, bit in enumerate(b)}}
    parameters = {"DATA_WIDTH_B": f"{width:032b}", "REGMODE_A": "NOREG", "REGMODE_B": "NOREG",
                  "CLKAMUX": "CLKA", "CLKBMUX": "CLKB"}
    for name, value in changes.items():
        (pins if name in pins else parameters)[name] = value
    return {"type": "DP16KD", "parameters": parameters, "connections": pins,
            "port_directions": {pin: "output" if pin[:2] == "DO" else "input" for pin in pins}}


def absorbed(**cells):
    """Return what was taken, and the cells that are left."""
    module = {"attributes": {"top": "1"}, "cells": cells,
              "ports": {"y": {"direction": "output", "bits": [PORT]}}}
    taken = use_block_registers({"modules": {"top": module, "black": {"attributes": {}}}})
    return dict(taken), module["cells"]


def test_a_product_takes_its_registers():
    taken, left = absorbed(m=multiplier(10, 11, 12), r0=register(10, 20), r1=register(11, 21))
    assert taken == {"MULT18X18D": 2} and left.keys() == {"m"}
    pins, parameters = left["m"]["connections"], left["m"]["parameters"]
    assert [pins[pin] for pin in ("P0", "P1", "P2")] == [[20], [21], [12]]
    assert (pins["CLK0"], pins["CE0"], pins["RST0"]) == ([CLOCK], ["1"], ["0"])
    assert parameters == {"REG_OUTPUT_CLK": "CLK0", "REG_OUTPUT_CE": "CE0",
                          "REG_OUTPUT_RST": "RST0"}


def test_an_enable_goes_along():
    taken, left = absorbed(m=memory(18, b=[10]), r=register(10, 20, ENABLE))
    assert taken == {"DP16KD": 1}
    assert left["m"]["connections"]["OCEB"] == [ENABLE]
    assert left["m"]["connections"]["DOB0"] == [20]
    assert left["m"]["parameters"]["REGMODE_B"] == "OUTREG"
    assert left["m"]["parameters"]["REGMODE_A"] == "NOREG"


def test_a_wide_word_comes_from_both_sides_of_port_b():
    taken, left = absorbed(m=memory(36, a=[10], b=[11]), r0=register(10, 20), r1=register(11, 21))
    assert taken == {"DP16KD": 2}
    parameters, pins = left["m"]["parameters"], left["m"]["connections"]
    assert parameters["REGMODE_A"] == parameters["REGMODE_B"] == "OUTREG"
    assert (pins["DOA0"], pins["DOB0"], pins["OCEB"]) == ([20], [21], ["1"])


def test_ports_are_on_their_own():
    taken, left = absorbed(m=memory(18, a=[10], b=[11]), r0=register(10, 20),
                           r1=register(11, 21, LSR=[8]))
    assert taken == {"DP16KD": 1} and left.keys() == {"m", "r1"}
    assert left["m"]["parameters"]["REGMODE_A"] == "OUTREG"
    assert left["m"]["parameters"]["REGMODE_B"] == "NOREG"


def lut(bit):
    return {"type": "LUT4", "parameters": {}, "connections": {"A": [bit], "Z": [60]},
            "port_directions": {"A": "input", "Z": "output"}}


@pytest.mark.parametrize("cells", [
    {"r1": register(11, 21, LSR=[8])},                              # a reset
    {"r1": register(11, 21, ENABLE)},                               # another enable
    {"r1": register(11, 21, CLK=[OTHER_CLOCK])},                    # another clock
    {"r1": register(11, 21, CLKMUX="INV")},
    {"r1": register(11, 21, REGSET="SET")},                         # starts at one
    {"r1": register(11, 21), "l": lut(11)},                         # somebody else reads the bit
    {"r1": register(11, 21), "r2": register(11, 22)},               # two copies of a register
    {"l": lut(11)},                                                 # no register at all
], ids=range(8))
@pytest.mark.parametrize("block", [multiplier(10, 11), memory(18, b=[10, 11])],
                         ids=["multiplier", "memory"])
def test_all_or_none(block, cells):
    cells = copy.deepcopy({"m": block, "r0": register(10, 20), **cells})
    before = copy.deepcopy(cells)
    assert absorbed(**cells) == ({}, before)


@pytest.mark.parametrize("reader", [
    register(8, 20, ENABLE, CE=[10]),                # its enable, not its data
    register(10, 20, ENABLE, CEMUX="INV")])
def test_a_register_that_is_not_plain(reader):
    assert absorbed(m=multiplier(10), r=reader)[0] == {}


def test_a_bit_that_leaves_the_chip_stays():
    cells = {"m": multiplier(10, PORT), "r0": register(10, 20), "r1": register(PORT, 21)}
    assert absorbed(**cells)[0] == {}


@pytest.mark.parametrize("changes", [
    {"CLKB": [OTHER_CLOCK]}, {"RSTB": [8]}, {"CLKBMUX": "INV"}, {"REGMODE_B": "OUTREG"}])
def test_ports_that_must_stay_as_they_are(changes):
    cells = {"m": memory(18, b=[10], **changes), "r": register(10, 20)}
    assert absorbed(**cells)[0] == {}
