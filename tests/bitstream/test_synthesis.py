"""Synthesis refuses a net with two drivers, which Yosys would resolve by itself."""

import pytest

from taxonn_hw.bitstream.synthesis import synthesise
from taxonn_hw.boards import DEVICES
from taxonn_hw.flow import ToolError

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
