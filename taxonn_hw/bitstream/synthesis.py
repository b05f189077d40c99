"""Synthesis of a board's top level with Yosys, kept between runs."""

import json
from dataclasses import dataclass
from pathlib import Path

from ..boards import Device
from ..flow.cache import cached, digest
from ..flow.errors import ToolError
from ..flow.yosys import driver_conflicts, run_yosys, yosys_version

__all__ = ["Netlist", "synthesise"]

# Amaranth leaves wires such as \words[3] beside the vector \words, which abc9 takes for one; so
# what is only another name for something goes first.  Memories of rtl/memory.py never use a word
# that was read while it was written.
_SCRIPT = """\
read_rtlil design.il
hierarchy -top {top}
proc
opt_clean -purge
memory_collect
setparam -set RD_COLLISION_X_MASK 1'1 t:$mem_v2 a:no_rw_check %i
synth_{family} -top {top} {options}
check -assert
tee -q -o cells.json stat -json
write_json netlist.json
"""


@dataclass(frozen=True, kw_only=True)
class Netlist:
    """A synthesised design: the file for nextpnr, and the number of cells by type."""

    path: Path
    cells: dict[str, int]

    @property
    def key(self) -> str:
        """A name that changes with the content."""
        return self.path.parent.name


def synthesise(rtlil: str, *, top: str, device: Device, dsp: bool = True,
               timeout_s: float = 2 * 3600) -> Netlist:
    """Synthesise the design in ``rtlil`` for ``device``.

    Without ``dsp`` products are made of look-up tables.

    Raises
    ------
    ToolError
        Yosys fails, or resolves a driver conflict by itself: that is how it loses logic.
    """
    options = list(device.synth)
    if not dsp:
        options = [o for o in options if o != "-dsp"] if device.family == "ice40" else ["-nodsp"]
    script = _SCRIPT.format(family=device.family, top=top, options=" ".join(options))

    def build(out: Path) -> None:
        (out / "design.il").write_text(rtlil)
        log = run_yosys(script, cwd=out, timeout_s=timeout_s)
        if conflicts := driver_conflicts(log):
            raise ToolError(f"synthesis found {len(conflicts)} driver conflicts, such as "
                            f"{conflicts[0]}")
        (out / "yosys.log").write_text(log)

    folder = cached("synthesis", digest(rtlil, script, yosys_version()), build)
    cells = json.loads((folder / "cells.json").read_text())["design"]["num_cells_by_type"]
    return Netlist(path=folder / "netlist.json", cells=cells)
