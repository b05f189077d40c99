"""Memories with one write and one read port, in block RAM where the device has it.

A word that is read in the cycle in which it is written must not be used: devices deliver anything
then, and to promise one value or the other would cost logic around every block RAM.  The
attribute ``no_rw_check`` tells Yosys so.
"""

from dataclasses import dataclass

from amaranth.hdl import Cat, Signal, Value
from amaranth.lib.memory import Memory, WritePort

__all__ = ["ReadPort", "add_deep_memory", "add_memory"]

#: Width of a block RAM of an ECP5 -> words it then has.
_BLOCKS = {1: 16384, 2: 8192, 4: 4096, 9: 2048, 18: 1024}

#: Set by tests: such a word is delivered with all bits wrong, so that a use of it shows.
POISON = False


@dataclass(frozen=True)
class ReadPort:
    """Address and enable as of :class:`amaranth.lib.memory.ReadPort`; ``data`` one cycle later."""

    addr: Signal
    en: Signal
    data: Value


def add_memory(m, name: str, *, shape, depth: int, granularity: int | None = None,
               init=()) -> tuple[WritePort, ReadPort]:
    """Add a memory of ``depth`` words to ``m``; return its write and its read port.

    Read latency 1 cycle; ``data`` holds until the next cycle with ``en``.  ``granularity`` is in
    elements of an array ``shape``, each with an enable of its own.
    """
    memory = Memory(shape=shape, depth=depth, init=list(init), attrs={"no_rw_check": 1})
    m.submodules[name] = memory
    write, read = memory.write_port(granularity=granularity), memory.read_port()
    if not POISON:
        return write, ReadPort(read.addr, read.en, read.data)
    wrong = Signal(name=f"{name}_wrong")
    with m.If(read.en):
        m.d.sync += wrong.eq(write.en.any() & (write.addr == read.addr))
    data = Signal(shape, name=f"{name}_poisoned")
    raw = Value.cast(read.data)
    m.d.comb += Value.cast(data).eq(raw ^ wrong.replicate(len(raw)))
    return write, ReadPort(read.addr, read.en, data)


def add_deep_memory(m, name: str, *, width: int, depth: int, address, write, new) -> Value:
    """Add a memory of many words, with one address for both; return the word, a cycle later.

    It is cut into columns so narrow that a block RAM holds all words of one, as far as that costs
    at most an eighth more blocks: else a multiplexer of blocks would follow the slow read.
    """
    columns = _column_width(width, depth)
    words = []
    for first in range(0, width, columns):
        part = min(columns, width - first)
        to, out = add_memory(m, f"{name}_{first}", shape=part, depth=depth)
        m.d.comb += [out.addr.eq(address), out.en.eq(~write), to.addr.eq(address),
                     to.en.eq(write), to.data.eq(new[first:first + part])]
        words.append(out.data)
    return Cat(words)


def _column_width(width: int, depth: int) -> int:
    blocks = {columns: -(-width // columns) * -(-depth // words)
              for columns, words in _BLOCKS.items()}
    most = min(blocks.values()) * 9 / 8
    fits = {columns: n for columns, n in blocks.items() if n <= most}
    return min(fits, key=lambda columns: (-(-depth // _BLOCKS[columns]), -columns))
