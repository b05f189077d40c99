"""Weight memory: one row of all lanes a clock, read and write."""

from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..memory import add_memory

__all__ = ["WeightMemory"]


class WeightMemory(wiring.Component):
    """Rows of ``lanes`` words.

    Read latency 1 cycle.  A row must not be read in the cycle of its write (the hazard stage sees
    to that).

    Members
    -------
    row : In
        Row to read.
    words : Out(word[lanes])
        One cycle later.
    write_row, write, new : In
        Write a whole row.
    """

    def __init__(self, *, lanes: int, word, n_rows: int) -> None:
        self.n_rows = n_rows
        row = range(max(n_rows, 2))
        self.layout = data.ArrayLayout(word, lanes)
        super().__init__({
            "row": In(row), "words": Out(self.layout),
            "write_row": In(row), "write": In(1), "new": In(self.layout),
        })

    def elaborate(self, platform):
        m = Module()
        write, read = add_memory(m, "memory", shape=self.layout, depth=self.n_rows)
        m.d.comb += [
            read.addr.eq(self.row), self.words.eq(read.data), write.addr.eq(self.write_row),
            write.en.eq(self.write), write.data.eq(self.new),
        ]
        return m
