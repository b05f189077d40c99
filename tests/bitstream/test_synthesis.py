"""Synthesis refuses a net with two drivers, which Yosys would resolve, and keeps copies, which it
would merge."""

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Cat, Elaboratable, Module, Signal

from taxonn_hw.bitstream.synthesis import synthesise
from taxonn_hw.boards import DEVICES
from taxonn_hw.flow import ToolError
from taxonn_hw.rtl.copies import add_copies, spread

_TWO_DRIVERS = """\
module \\top
  wire input 1 \\a
  wire input 2 \\b
  wire output 3 \\y
{cells}
end
"""
_NOT = """\
  cell $not ${name}
    parameter \\A_SIGNED 0
    parameter \\A_WIDTH 1
    parameter \\Y_WIDTH 1
    connect \\A \\{name}
    connect \\Y \\y
  end
"""


@pytest.mark.parametrize("device", ["iCE40UP5K", "LFE5U-25F"])
def test_two_drivers(device, monkeypatch, tmp_path):
    monkeypatch.setenv("TAXONN_CACHE", str(tmp_path))
    text = _TWO_DRIVERS.format(cells=_NOT.format(name="a"))
    synthesise(text, top="top", device=DEVICES[device])
    text = _TWO_DRIVERS.format(cells=_NOT.format(name="a") + _NOT.format(name="b"))
    with pytest.raises(ToolError, match=r"driver|problems"):
        synthesise(text, top="top", device=DEVICES[device])


class Copied(Elaboratable):
    """A bit that three registers keep, and one whose register branches twice."""

    def __init__(self):
        self.i, self.o = Signal(), Signal(3)
        self.leaves = Signal(4)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.o.eq(Cat(add_copies(m, self.i, 48, name="copy"))),
                     self.leaves.eq(Cat(spread(m, self.i, "leaf", levels=2)))]
        return m


@pytest.mark.parametrize(("device", "cell"), [("iCE40UP5K", "SB_DFF"), ("LFE5U-25F", "TRELLIS_FF")])
def test_copies_stay_copies(device, cell, monkeypatch, tmp_path):
    monkeypatch.setenv("TAXONN_CACHE", str(tmp_path))
    dut = Copied()
    text = rtlil.convert(dut, name="top", ports=[dut.i, dut.o, dut.leaves], emit_src=False)
    assert synthesise(text, top="top", device=DEVICES[device]).cells[cell] == 3 + 2 + 4
