"""Rows of one element a lane that every lane group reads at an address of its own."""

from amaranth.hdl import Cat, Module, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..memory import add_memory

__all__ = ["GroupedMemory"]


class GroupedMemory(wiring.Component):
    """A memory for each of ``groups`` equal shares of the lanes.

    Read latency 1 cycle.

    Members
    -------
    rows : In, one a group
    words : Out, one a lane
        One cycle later.
    write, row, lanes, code : In
        Write ``code`` to row ``row`` of the lanes in the mask.
    """

    def __init__(self, *, lanes: int, groups: int, width: int, depth: int) -> None:
        self.n_lanes, self.groups, self.width, self.depth = lanes, groups, width, depth
        row = range(max(depth, 2))
        super().__init__({
            "rows": In(data.ArrayLayout(row, groups)), "words": Out(data.ArrayLayout(width, lanes)),
            "write": In(1), "row": In(row), "lanes": In(lanes), "code": In(width),
        })

    def elaborate(self, platform):
        m = Module()
        share = self.n_lanes // self.groups
        words = []
        for g in range(self.groups):
            write, read = add_memory(m, f"memory_{g}", shape=data.ArrayLayout(self.width, share),
                                     depth=self.depth, granularity=1)
            words.append(read.data)
            chosen = self.lanes[g * share:(g + 1) * share]
            m.d.comb += [
                read.addr.eq(self.rows[g]), write.addr.eq(self.row),
                write.en.eq(chosen & self.write.replicate(share)),
                write.data.as_value().eq(self.code.replicate(share)),
            ]
        m.d.comb += self.words.as_value().eq(Cat(Value.cast(word) for word in words))
        return m
