"""From an Amaranth component to one compact file of Verilog-2005.

The steps: Amaranth's RTLIL, equal modules merged (:mod:`taxonn_hw.rtlil`), then Yosys.  Its
``proc; pmuxtree`` leaves only ``assign`` and clocked ``always`` blocks.  Amaranth's own conversion
writes ``always @*`` blocks, which Icarus does not evaluate at time 0 unless told ``-g2005``
(amaranth issue 1629), and which make the file twice as long.
"""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from amaranth.back import rtlil

from .flow.yosys import run_yosys
from .rtlil import Port, memories, merge_modules, ports

__all__ = ["LINT_WAIVERS", "Converted", "convert"]

#: Ports of the cells of a device that a design names.
_ICE40_CELLS = "read_verilog -lib +/ice40/cells_sim.v"
_SCRIPT = """\
{cells}
read_rtlil design.il
hierarchy -check -top {top}
proc
pmuxtree
opt_expr
opt_clean -purge
opt_dff -simple-dffe
opt_clean -purge
hierarchy -top {top}
check -assert
memory_collect
write_verilog design.v
"""

#: Warnings of ``verilator --lint-only -Wall`` that the text itself turns off, with the reason.
LINT_WAIVERS = {
    "DECLFILENAME": "one file holds all modules, so that a user adds one file to a project",
    "PROCASSINIT": "a register has a value at power-up and a reset, both wanted",
    "UNOPTFLAT": "sign extension copies a bit within its own vector; Yosys checks for real loops",
    "UNSIGNED": "Yosys compares a word of one bit with 0",
    "UNUSEDSIGNAL": "Yosys keeps a sum whole where only some of its bits are used",
    "WIDTHEXPAND": "Yosys leaves extension of operands to the rules of Verilog",
    "WIDTHTRUNC": "Yosys writes the test of a vector for zero as a logical not",
}

#: Attributes, but for those that memories have from rtl/memory.py: a line or within one.
_ATTRIBUTE = re.compile(r"^ *\(\* (?!no_rw_check)[^\n]*? \*\)\n|\(\* (?!no_rw_check)[^\n]*? \*\) ",
                        re.MULTILINE)
_INIT = re.compile(r"    (\S+|\\\S+ )\[(\d+)\] = (\d+'[bdh][0-9a-f]+);$")


@dataclass(frozen=True, kw_only=True)
class Converted:
    """Verilog text and what is in it."""

    text: str
    ports: list[Port]
    memories: list[dict]


def convert(component, *, top: str, banner: str) -> Converted:
    """Convert ``component`` to Verilog with ``top`` as the name of its module.

    ``banner`` becomes the comment at the head of the file.  The same component gives the same
    bytes, in any process.
    """
    text = rtlil.convert(component, name=top, emit_src=False)
    text = merge_modules(text, top=top)
    with tempfile.TemporaryDirectory(prefix="taxonn-export-") as folder:
        Path(folder, "design.il").write_text(text)
        cells = _ICE40_CELLS if "  cell \\SB_" in text else ""
        run_yosys(_SCRIPT.format(top=top, cells=cells), cwd=Path(folder))
        verilog = Path(folder, "design.v").read_text()
    verilog = re.sub(r"\A/\*.*?\*/\n", "", verilog, count=1, flags=re.DOTALL)
    comment = "".join(f"// {line}\n" for line in banner.splitlines())
    comment += "".join(f"/* verilator lint_off {name} */  // {reason}\n"
                       for name, reason in LINT_WAIVERS.items())
    verilog = _ATTRIBUTE.sub("", verilog).replace("no_rw_check = 32'd1", "no_rw_check")
    return Converted(text=comment + _compact_init(verilog), ports=ports(text, top=top),
                     memories=memories(text, top=top))


def _compact_init(verilog: str) -> str:
    """Turn an ``initial`` block that gives every word the same value into a loop."""
    lines, out, start = verilog.splitlines(), [], 0
    while start < len(lines):
        end = start + 1
        if lines[start] == "  initial begin":
            words = []
            while (match := _INIT.match(lines[end])) is not None:
                words.append(match)
                end += 1
            same = len({(word[1], word[3]) for word in words}) == 1
            in_order = [int(word[2]) for word in words] == list(range(len(words)))
            if len(words) > 4 and same and in_order and lines[end] == "  end":
                name, value = words[0][1], words[0][3]
                block = "init_" + re.sub(r"\W", "_", name.strip(" \\"))
                out += [f"  initial begin : {block}", "    integer i;",
                        f"    for (i = 0; i < {len(words)}; i = i + 1)",
                        f"      {name}[i] = {value};", "  end"]
                start = end + 1
                continue
        out += lines[start:end]
        start = end
    return "\n".join(out) + "\n"
