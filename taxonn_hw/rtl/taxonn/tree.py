"""Adder tree: the sum over lanes, a register a level, and the sum over blocks behind it."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

__all__ = ["AdderTree", "sum_layout"]


def sum_layout(tag, total) -> data.StructLayout:
    """Layout of a finished sum."""
    return data.StructLayout({"valid": 1, "tag": tag, "total": total})


class AdderTree(wiring.Component):
    """Sum of one product per lane, accumulated over slots where sums take several.

    Latency ``ceil_log2(lanes)`` cycles, one more with ``several``, at least 1; one slot a cycle.

    Parameters
    ----------
    lanes : int
        Products a slot.
    product, total : ShapeCastable
        Shape of a product and of the final sum.
    tag : ShapeCastable
        What travels with a sum.
    several : bool
        A sum may take several slots.

    Members
    -------
    products : In(product[lanes])
    i : In({valid, first, last, tag})
        ``first`` begins a sum, ``last`` completes it.
    o : Out({valid, tag, total})
        ``valid`` one cycle for each completed sum.
    """

    def __init__(self, *, lanes: int, product, total, tag, several: bool) -> None:
        self.lanes, self.product, self.total, self.tag = lanes, product, total, tag
        self.several = several or lanes == 1
        self.latency = ceil_log2(lanes) + self.several
        self.i_layout = data.StructLayout({"valid": 1, "first": 1, "last": 1, "tag": tag})
        super().__init__({
            "products": In(data.ArrayLayout(product, lanes)),
            "i": In(self.i_layout),
            "o": Out(sum_layout(tag, total)),
        })

    def elaborate(self, platform):
        m = Module()
        level = [self.products[lane] for lane in range(self.lanes)]
        travel = self.i
        depth = 0
        while len(level) > 1:
            sums = []
            for k in range(0, len(level), 2):
                value = level[k] + level[k + 1] if k + 1 < len(level) else level[k]
                register = Signal(value.shape(), name=f"level{depth}_{k // 2}", reset_less=True)
                m.d.sync += register.eq(value)
                sums.append(register)
            register = Signal(self.i_layout, name=f"travel{depth}")
            m.d.sync += register.eq(travel)
            level, travel, depth = sums, register, depth + 1
        if not self.several:
            m.d.comb += [self.o.valid.eq(travel.valid), self.o.tag.eq(travel.tag),
                         self.o.total.eq(level[0])]
            return m
        total = Signal(self.total, reset_less=True)
        m.d.sync += [self.o.valid.eq(travel.valid & travel.last), self.o.tag.eq(travel.tag)]
        with m.If(travel.valid):
            m.d.sync += total.eq(Mux(travel.first, level[0], total + level[0]))
        m.d.comb += self.o.total.eq(total)
        return m
