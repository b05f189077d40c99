"""Parameter memory: weights or biases of a junction, all of a clock in one row."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .staged import Staged, pick

__all__ = ["MOVED_LATENCY", "ParameterMemory"]

#: Cycles from the place of a move to ``moved``: memory, a register behind it, the choice.
MOVED_LATENCY = 3

#: Rows up to which wide memories are best made of look-up tables.
_FEW_ROWS = 16


class ParameterMemory(wiring.Component):
    """Rows of ``n`` words, one read and one written in a clock, and a narrow way for the host.

    Read latency 1.  A row is never read in the cycle of its write: the write of a clock's row comes
    after its read, and the next read a junction cycle later.

    Parameters
    ----------
    n, rows : int
    group : int
        Words that the host moves at once; divides ``n``.
    shape : Shape
        Of a word.
    training : bool
        Whether rows are written back.

    Members
    -------
    row : In
    words : Out(shape[n])
        One cycle later.
    write, write_row, new : In
    move : In(1)
        The host has the memory: ``move_write`` writes ``move_data`` [group] to group
        ``move_group`` of ``move_row``; ``moved`` shows it :data:`MOVED_LATENCY` cycles later.
    """

    def __init__(self, *, n: int, rows: int, group: int, shape, training: bool) -> None:
        self.n, self.rows, self.group, self.shape, self.training = n, rows, group, shape, training
        row = range(max(rows, 2))
        self.words_layout = data.ArrayLayout(shape, n)
        self.group_layout = data.ArrayLayout(shape, group)
        super().__init__({
            "row": In(row), "words": Out(self.words_layout),
            "write": In(1), "write_row": In(row), "new": In(self.words_layout),
            "move": In(1), "move_row": In(row), "move_group": In(range(max(n // group, 2))),
            "move_write": In(1), "move_data": In(self.group_layout),
            "moved": Out(self.group_layout),
        })

    def elaborate(self, platform):
        m = Module()
        groups = self.n // self.group
        # Synthesis would spread a few dozen wide rows over thousands of look-up tables.
        wide = self.rows > _FEW_ROWS and self.n > 1
        memory = Memory(shape=data.ArrayLayout(self.group_layout, groups), depth=self.rows, init=[],
                        attrs={"ram_style": "block"} if wide else {})
        m.submodules.memory = memory
        write, read = memory.write_port(granularity=1), memory.read_port()
        loaded = self.move_data.as_value().replicate(groups)
        chosen = Cat(self.move_write & (self.move_group == k) for k in range(groups))
        m.d.comb += [read.addr.eq(Mux(self.move, self.move_row, self.row)),
                     self.words.as_value().eq(read.data.as_value())]
        if self.training:
            m.d.comb += [
                write.addr.eq(Mux(self.move, self.move_row, self.write_row)),
                write.data.as_value().eq(Mux(self.move, loaded, self.new.as_value())),
                write.en.eq(Mux(self.move, chosen, self.write.replicate(groups))),
            ]
        else:
            m.d.comb += [write.addr.eq(self.move_row), write.data.as_value().eq(loaded),
                         write.en.eq(chosen)]
        # The lanes keep the same register of the words; synthesis makes one of the two.
        held = Signal(read.data.shape(), name="held", reset_less=True)
        group = Staged(m, self.move_group, 0, "group").at(MOVED_LATENCY - 1)
        moved = Signal(self.group_layout, name="moved_group", reset_less=True)
        m.d.sync += [held.as_value().eq(read.data.as_value()),
                     moved.as_value().eq(pick(group, [held[k].as_value() for k in range(groups)]))]
        m.d.comb += self.moved.eq(moved)
        return m
