"""Which memories are made of registers when an iCE40 has too few block RAMs.

A queue of four words takes a whole block there: the smallest memories in blocks give way, just as
many as are needed.  (On ECP5 they are LUT RAM anyway.)
"""

import re
from collections import Counter
from collections.abc import Mapping

__all__ = ["RAM_CELLS", "choose_registers", "count_blocks", "read_memories"]

#: Cells of a netlist that each take a block.
RAM_CELLS = ("SB_RAM40_4K", "SB_RAM40_4KNR", "SB_RAM40_4KNW", "SB_RAM40_4KNRNW")

#: Bits up to which a memory may be registers.  Each takes a logic cell or two with its choice.
_MOST_BITS = 512

_CELL = re.compile(r"^\s*cell \$mem_v2 (\S+)\n(.*?)^\s*end$", re.M | re.S)
_NUMBER = re.compile(r"^\s*parameter (?:signed )?\\(SIZE|WIDTH) (\d+)$", re.M)


def read_memories(text: str) -> dict[str, int]:
    """Return cell -> bits of the memories in what Yosys' ``dump t:$mem_v2`` prints."""
    found = {}
    for cell, body in _CELL.findall(text):
        numbers = {name: int(number) for name, number in _NUMBER.findall(body)}
        found[cell] = numbers["SIZE"] * numbers["WIDTH"]
    return found


def count_blocks(netlist: dict, top: str) -> Counter:
    """Return how many blocks each memory takes in Yosys' JSON, by the name of its cell before.

    Yosys calls the blocks of a memory by its name and two numbers.
    """
    return Counter("\\" + name.rsplit(".", 2)[0]
                   for name, cell in netlist["modules"][top]["cells"].items()
                   if cell["type"] in RAM_CELLS)


def choose_registers(bits: Mapping[str, int], blocks: Mapping[str, int], excess: int) -> list[str]:
    """Return the cells that must do without blocks to save ``excess`` of them.

    ``bits`` of each memory, ``blocks`` that it takes.  None, if all the small ones do not suffice.
    """
    small = {cell for cell in blocks if bits.get(cell, _MOST_BITS + 1) <= _MOST_BITS}
    chosen = []
    for cell in sorted(small, key=lambda cell: (bits[cell], cell)):
        if excess <= 0:
            break
        chosen.append(cell)
        excess -= blocks[cell]
    return chosen if excess <= 0 else []
