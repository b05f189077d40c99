"""Weight memory: one row of all lanes a clock, read and write, and a narrow port for the host."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["WeightMemory"]


class WeightMemory(wiring.Component):
    """Rows of ``lanes`` words.

    Read latency 1 cycle.  A row must not be read in the cycle of its write (the hazard stage sees
    to that).

    Members
    -------
    row, read : In
        Row to read.
    words : Out(word[lanes])
        One cycle after ``read``, until the next read.
    write_row, write, new : In
        Write a whole row.
    move, move_row, move_group, move_write, move_data, moved : In, Out
        With ``move`` high the host has the memory: read ``move_row`` (``moved`` shows group
        ``move_group`` of it two cycles later) or write one group.
    """

    def __init__(self, *, lanes: int, group: int, word, n_rows: int) -> None:
        self.lanes, self.group, self.word, self.n_rows = lanes, group, word, n_rows
        row = range(max(n_rows, 2))
        self.group_layout = data.ArrayLayout(word.width, group)
        super().__init__({
            "row": In(row), "read": In(1), "words": Out(data.ArrayLayout(word, lanes)),
            "write_row": In(row), "write": In(1), "new": In(data.ArrayLayout(word, lanes)),
            "move": In(1), "move_row": In(row), "move_group": In(range(max(lanes // group, 2))),
            "move_write": In(1), "move_data": In(self.group_layout),
            "moved": Out(self.group_layout),
        })

    def elaborate(self, platform):
        m = Module()
        groups = self.lanes // self.group
        memory = Memory(shape=data.ArrayLayout(self.group_layout, groups), depth=self.n_rows,
                        init=[])
        m.submodules.memory = memory
        write, read = memory.write_port(granularity=1), memory.read_port()
        m.d.comb += [
            read.addr.eq(Mux(self.move, self.move_row, self.row)),
            read.en.eq(self.read | self.move),
            write.addr.eq(Mux(self.move, self.move_row, self.write_row)),
        ]
        # Whole rows at once: a vector driven piece by piece costs Icarus its width for each piece.
        m.d.comb += [
            write.data.as_value().eq(Mux(self.move, self.move_data.as_value().replicate(groups),
                                         self.new.as_value())),
            self.words.as_value().eq(read.data.as_value()),
        ]
        for k in range(groups):
            m.d.comb += write.en[k].eq(
                Mux(self.move, self.move_write & (self.move_group == k), self.write))
        chosen = Signal(self.group_layout, reset_less=True)
        read_group = Signal(range(max(groups, 2)))
        m.d.sync += [read_group.eq(self.move_group),
                     chosen.eq(Array(read.data[k] for k in range(groups))[read_group])]
        m.d.comb += self.moved.eq(chosen)
        return m
