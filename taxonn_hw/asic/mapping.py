"""Mapping on standard cells with Yosys, memories left out, kept between runs.

Every memory becomes a black box, whatever its size: weights, vectors, inputs, lists, queues.  The
registers at its ports, decoders and multiplexers are logic and stay.  What no one reads, and what
is constant, is removed across module boundaries before mapping, so a variant pays for nothing that
it does not use.  Modules are mapped one by one, equal lanes once; the hierarchy stays, so that
area can be told by unit.  Values at power-up are dropped, as cells have none; a reset sets what
needs a value.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from amaranth.back import rtlil

from ..flow.cache import cached, digest
from ..flow.errors import ToolError
from ..flow.yosys import driver_conflicts, run_yosys, yosys_version
from ..rtlil import merge_modules
from ..sidecar import TOP
from .liberty import Liberty

__all__ = ["MEMORY", "Mapped", "map_component"]

#: Ending of the modules that stand for memories.
MEMORY = "_memory_words"
# What constants across modules leave of flip-flops' logic may be a $mux again: simplemap.
_SCRIPT = """\
read_rtlil design.il
hierarchy -check -top {top}
proc
opt_clean -purge
memory_collect
setattr -set submod "{name}" t:$mem_v2
submod
select *{memory}
write_json -selected memories.json
select -clear
blackbox *{memory}
setattr -unset init w:*
opt -full
{across}
synth -top {top}
{across}
simplemap
dfflibmap -liberty cells.lib {left_alone}
abc -liberty cells.lib {left_alone}
opt_clean -purge
tee -q -o stat.json stat -liberty cells.lib -json
flatten
write_blif -cname gates.blif
read_liberty -lib cells.lib
check -assert
"""
_ACROSS = "opt_hier\nopt -full\n" * 3  # each round sees one level of modules further
_TIMEOUT_S = 4 * 3600


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """A mapped design.

    Members
    -------
    folder : Path
        ``gates.blif``: cells, and modules that end in :data:`MEMORY`; ``memories.json``: those.
    area_um2 : float
        Of all cells, in the unit of the library.
    units : dict
        Unit -> area; the array's own registers, lanes, trees and so on one by one.
    cells : int
    """

    folder: Path
    area_um2: float
    units: dict[str, float]
    cells: int


def map_component(component, liberty: Liberty) -> Mapped:
    """Map an accelerator on the cells of ``liberty``.

    Raises
    ------
    ToolError
        Yosys fails, resolves a driver conflict by itself, or leaves something without a cell.
    """
    text = merge_modules(rtlil.convert(component, name=TOP, emit_src=False), top=TOP)
    left_alone = " ".join(f"-dont_use {cell}" for cell in liberty.left_alone)
    script = _SCRIPT.format(top=TOP, memory=MEMORY, name=MEMORY.lstrip("_"), across=_ACROSS,
                            left_alone=left_alone)

    def build(out: Path) -> None:
        (out / "design.il").write_text(text)
        (out / "cells.lib").write_text(liberty.text)
        log = run_yosys(script, cwd=out, timeout_s=_TIMEOUT_S)
        if conflicts := driver_conflicts(log):
            raise ToolError(f"mapping found {len(conflicts)} driver conflicts, such as "
                            f"{conflicts[0]}")
        (out / "yosys.log").write_text(log)
        for name in ("design.il", "cells.lib"):
            (out / name).unlink()

    folder = cached("asic", digest(text, liberty.text, script, yosys_version()), build)
    stat = json.loads((folder / "stat.json").read_text())
    return _mapped(folder, stat, set(liberty.cells))


def _mapped(folder: Path, stat: dict, cells: set[str]) -> Mapped:
    """Sum areas and cells of Yosys' statistics; ``cells`` are those of the library."""
    modules = {name.lstrip("\\"): module for name, module in stat["modules"].items()}
    types = {kind for module in modules.values() for kind in module["num_cells_by_type"]}
    unmapped = sorted(kind for kind in types
                      if kind not in cells and kind not in modules and not kind.endswith(MEMORY))
    if unmapped:
        raise ToolError(f"the library has no cell for {', '.join(unmapped)}")
    total, units, counts = modules[TOP]["area"], {}, {}

    def count(name: str) -> int:
        if name not in counts:
            by_type = modules[name]["num_cells_by_type"] if name in modules else {}
            counts[name] = sum(number * (1 if kind in cells else count(kind))
                               for kind, number in by_type.items())
        return counts[name]

    def split(name: str, unit: str, deep: bool) -> None:
        """Add what is in the module ``name``: its submodules, and the rest as ``unit``."""
        rest = modules[name].get("area", 0.0)
        for kind, number in modules[name]["num_cells_by_type"].items():
            if kind not in modules or not modules[kind].get("area"):
                continue
            rest -= number * modules[kind]["area"]
            part = kind.removeprefix(f"{TOP}_")
            if deep and part == "array":
                split(kind, "array, registers and control", False)
                continue
            label = _label(part)
            units[label] = units.get(label, 0.0) + number * modules[kind]["area"]
        units[unit] = units.get(unit, 0.0) + max(rest, 0.0)

    split(TOP, "other", True)
    ordered = sorted(units.items(), key=lambda item: -item[1])
    return Mapped(folder=folder, area_um2=total, cells=count(TOP),
                  units={name: area for name, area in ordered if area > 0})


def _label(part: str) -> str:
    """Return the name of the unit that the module ``part`` belongs to."""
    for prefix, label in (("array_lane", "array, lanes"), ("array_random", "array, random words"),
                          ("list_", "scalar lists"), ("array_tree", "array, adder tree"),
                          ("array_forward_tree", "array, adder tree"),
                          ("array_backward_tree", "array, backward adder tree"),
                          ("array_", f"array, {part.removeprefix('array_')}")):
        if part.startswith(prefix):
            return label
    return part.replace("_", " ")
