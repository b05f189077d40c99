"""Icarus Verilog: found on the PATH, since no pip package has it."""

import re
import shutil
from functools import cache
from pathlib import Path

from .cache import cached, digest
from .errors import ToolError
from .process import run_tool

__all__ = ["build_vvp", "icarus_version", "require_icarus", "simulation_copy"]

_WAVES = """
module taxonn_waves;
  initial begin
    $dumpfile("waves.out");
    $dumpvars(0, {top});
  end
endmodule
"""


def require_icarus() -> None:
    """Raise ToolError unless ``iverilog`` and ``vvp`` are there."""
    for program in "iverilog", "vvp":
        if shutil.which(program) is None:
            raise ToolError(
                f"{program} is not on the PATH: install Icarus Verilog 11 or later "
                "(Debian: apt-get install iverilog)"
            )


@cache
def icarus_version() -> str:
    """Return the version of Icarus Verilog, such as ``11.0``."""
    require_icarus()
    _, text = run_tool(["iverilog", "-V"], timeout_s=60, check=False)
    match = re.search(r"Icarus Verilog version (\S+)", text)
    return match[1] if match else "unknown"


def simulation_copy(verilog_text: str) -> str:
    """Return the text that Icarus is to read for the exported ``verilog_text``: the same text.

    Measured with Icarus 11.0 on tests/dummy.py, which has an FSM, a memory and outputs decoded
    from state. What taxonn_hw/verilog.py writes has no ``always @*`` and passes as it is. What
    Amaranth's own conversion writes passes with -g2005 too, while with -g2012 its
    ``i_samples__ready`` is X for ever: Yosys reads a variable with a declared initial value in
    each ``always @*``, which Verilog-2005 counts as a change at time 0, and SystemVerilog not.
    """
    return verilog_text


def build_vvp(verilog: Path, *, top: str, waves: bool) -> Path:
    """Compile ``verilog`` for ``vvp`` and return the program, from the cache.

    With ``waves`` the simulation writes ``waves.out`` into its working folder.
    """
    text = simulation_copy(Path(verilog).read_text())
    if waves:
        text += _WAVES.format(top=top)
    text = f"`timescale 1ns/1ps\n{text}"
    # -g2005: with cocotb's -g2012 an `always @*` whose inputs never change is not evaluated at
    # time 0, and the outputs decoded from an FSM stay X (amaranth issue 1629).
    args = ["-g2005", "-s", top, *(["-s", "taxonn_waves"] if waves else [])]

    def build(out: Path) -> None:
        (out / "top.v").write_text(text)
        run_tool(["iverilog", "-o", "sim.vvp", *args, "top.v"], cwd=out, timeout_s=600)

    return cached("icarus", digest(text, icarus_version(), *args), build) / "sim.vvp"
