"""Memories with one write and one read port, in block RAM where the device has it.

A word that is read in the cycle in which it is written must not be used: devices deliver anything
then, and to promise one value or the other would cost logic around every block RAM.  The
attribute ``no_rw_check`` tells Yosys so.
"""

from dataclasses import dataclass

from amaranth.hdl import Signal, Value
from amaranth.lib.memory import Memory, WritePort

__all__ = ["ReadPort", "add_memory"]

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
