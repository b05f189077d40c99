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
    """Sum of one product per lane, plus a bias, accumulated over slots.

    Latency ``ceil_log2(lanes) + 1`` cycles; one slot a cycle.

    Parameters
    ----------
    lanes : int
        Products a slot.
    product, total : ShapeCastable
        Shape of a product and of the final sum.
    tag : ShapeCastable
        What travels with a sum.

    Members
    -------
    products : In(product[lanes])
    i : In({valid, first, last, bias, tag})
        ``bias`` is added on ``first``; ``last`` completes the sum.
    o : Out({valid, tag, total})
        ``valid`` one cycle for each completed sum.
    """

    def __init__(self, *, lanes: int, product, total, tag) -> None:
        self.lanes, self.product, self.total, self.tag = lanes, product, total, tag
        self.latency = ceil_log2(lanes) + 1
        self.i_layout = data.StructLayout(
            {"valid": 1, "first": 1, "last": 1, "bias": total, "tag": tag})
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
        m.d.sync += [
            self.o.valid.eq(travel.valid & travel.last),
            self.o.tag.eq(travel.tag),
        ]
        with m.If(travel.valid):
            m.d.sync += self.o.total.eq(Mux(travel.first, travel.bias, self.o.total) + level[0])
        return m
