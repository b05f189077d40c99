"""Synthesis of a board's top level with Yosys, kept between runs."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..boards import Device
from ..flow.cache import cached, digest
from ..flow.errors import ToolError
from ..flow.yosys import driver_conflicts, run_yosys, yosys_version
from ..rtl.copies import COPY
from .block_registers import use_block_registers
from .memories import choose_registers, count_blocks, read_memories
from .multipliers import choose_soft, read_products

__all__ = ["Netlist", "synthesise"]

# Amaranth leaves wires such as \words[3] beside the vector \words, which abc9 takes for one; so
# what is only another name for something goes first.  Registers that are copies on purpose stay so.
# Memories of rtl/memory.py never use a word that was read while it was written.
_READ = """\
read_rtlil design.il
hierarchy -top {top}
proc
setattr -set keep 1 a:{copy} %ci1:+$dff[Q] t:$dff %i
opt_clean -purge
"""
# Flat and with the widths that synthesis will find, so that it finds the same cells.
_PRODUCTS = """\
flatten
opt_expr
opt_clean -purge
wreduce t:$mul
"""
# A narrow product takes some sixty look-up tables, and they lie beside its registers: the way to a
# multiplier block and back takes longer than they do.
_NARROW = """\
select t:$mul r:A_WIDTH<=5 %i r:B_WIDTH<=5 %i
alumacc
select -clear
maccmap t:$macc_v2 t:$macc
"""
# What has become adders already cannot become a multiplier block.
_SOFT = """\
select -read soft.txt
alumacc
select -clear
maccmap t:$macc_v2 t:$macc
"""
_COLLECT = """\
memory_collect
setparam -set RD_COLLISION_X_MASK 1'1 t:$mem_v2 a:no_rw_check %i
"""
_REGISTERS = """\
select -read registers.txt
setattr -set ram_style "logic"
select -clear
"""
_SYNTHESIS = """\
synth_{family} -top {top} {options}
check -assert
tee -q -o cells.json stat -json
write_json netlist.json
"""

#: What happens after Yosys, as a part of the key of a netlist.
_BLOCK_REGISTERS = Path(__file__).parent / "block_registers.py"


@dataclass(frozen=True, kw_only=True)
class Netlist:
    """A synthesised design: the file for nextpnr, and the number of cells by type."""

    path: Path
    cells: dict[str, int]

    @property
    def key(self) -> str:
        """A name that changes with the content."""
        return self.path.parent.name


def synthesise(rtlil: str, *, top: str, device: Device, save_dsp: int = 0, save_ram: int = 0,
               timeout_s: float = 2 * 3600) -> Netlist:
    """Synthesise the design in ``rtlil`` for ``device``.

    Parameters
    ----------
    save_dsp : int
        Multiplier blocks to do without: so many of the cheapest products are made of look-up
        tables.
    save_ram : int
        Block RAMs of an iCE40 to do without: so many of the smallest memories are made of
        registers.  Where small ones do not suffice, the netlist is that of ``save_ram=0``.

    Raises
    ------
    ToolError
        Yosys fails, or resolves a driver conflict by itself: that is how it loses logic.
    """
    keys = {"copy": COPY, "top": top, "family": device.family, "options": " ".join(device.synth)}
    narrow = _NARROW if device.family == "ecp5" else ""
    flat = save_dsp or save_ram or narrow
    products = (_READ + _PRODUCTS + narrow if flat else _READ).format(**keys)
    memories = products + (_SOFT if save_dsp else "") + _COLLECT
    script = memories + (_REGISTERS if save_ram else "") + _SYNTHESIS.format(**keys)
    registers = []
    if save_ram:
        without = synthesise(rtlil, top=top, device=device, save_dsp=save_dsp, timeout_s=timeout_s)
        blocks = count_blocks(json.loads(without.path.read_text()), top)
        registers = choose_registers(_memories(without, memories, timeout_s), blocks, save_ram)
        if not registers:
            return without

    def build(out: Path) -> None:
        (out / "design.il").write_text(rtlil)
        if save_dsp:
            found = read_products(_dump("$mul", products, out, timeout_s))
            _select(out / "soft.txt", top, choose_soft(found, device.family, save_dsp))
        _select(out / "registers.txt", top, registers)
        log = run_yosys(script, cwd=out, timeout_s=timeout_s)
        if conflicts := driver_conflicts(log):
            raise ToolError(f"synthesis found {len(conflicts)} driver conflicts, such as "
                            f"{conflicts[0]}")
        (out / "yosys.log").write_text(log)
        cells = json.loads((out / "cells.json").read_text())["design"]["num_cells_by_type"]
        if device.family == "ecp5":
            netlist = json.loads((out / "netlist.json").read_text())
            if taken := use_block_registers(netlist).total():
                cells["TRELLIS_FF"] -= taken
                (out / "netlist.json").write_text(json.dumps(netlist))
        (out / "cells.json").write_text(json.dumps(cells))

    saved = [str(save_dsp), *([str(save_ram)] if save_ram else [])]
    key = digest(rtlil, script, *saved, yosys_version(), _BLOCK_REGISTERS.read_bytes())
    folder = cached("synthesis", key, build)
    cells = json.loads((folder / "cells.json").read_text())
    return Netlist(path=folder / "netlist.json", cells=cells)


def _memories(netlist: Netlist, script: str, timeout_s: float) -> dict[str, int]:
    """Return the bits of each memory that ``script`` finds in the design of ``netlist``."""
    def dump(out: Path) -> None:
        for name in ("design.il", "soft.txt"):
            if (netlist.path.parent / name).exists():
                shutil.copy(netlist.path.parent / name, out)
        _dump("$mem_v2", script, out, timeout_s)

    folder = cached("memories", digest(netlist.key, script), dump)
    return read_memories((folder / "cells.txt").read_text())


def _dump(cell_type: str, script: str, out: Path, timeout_s: float) -> str:
    """Return what Yosys prints of all cells of a type after ``script``."""
    run_yosys(f"{script}tee -q -o cells.txt dump t:{cell_type}\n", cwd=out, timeout_s=timeout_s)
    return (out / "cells.txt").read_text()


def _select(path: Path, top: str, cells: list[str]) -> None:
    """Write a selection for Yosys' ``select -read``."""
    path.write_text("".join(f"{top}/{cell}\n" for cell in cells))
