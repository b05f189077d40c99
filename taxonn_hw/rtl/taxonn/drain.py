"""Drain: the accumulators of all lanes, one a clock, towards the neuron unit."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Drain"]


class Drain(wiring.Component):
    """Parallel in, serial out.

    Latency 1 cycle; one value a cycle.

    Parameters
    ----------
    lanes : int
        Accumulators.
    shape : ShapeCastable
        Shape of one.
    tag : ShapeCastable
        Goes with each value.
    n_neurons : int
        Highest neuron count of a layer that is drained.

    Members
    -------
    values : In(shape[lanes])
    load : In(1)
        Take the values; ``count`` of them are wanted, the first is neuron ``item``.
    count, item, tag, finish : In
        ``finish`` marks the pass complete with the last value.
    valid, o_value, o_item, o_tag, o_finish : Out
    ending : Out(1)
        The value of this cycle is the last; a load may come next cycle.
    """

    def __init__(self, *, lanes: int, shape, tag, n_neurons: int) -> None:
        self.lanes, self.shape = lanes, shape
        super().__init__({
            "values": In(data.ArrayLayout(shape, lanes)),
            "load": In(1),
            "count": In(range(lanes + 1)),
            "item": In(range(max(n_neurons, 2))),
            "tag": In(tag),
            "finish": In(1),
            "valid": Out(1),
            "o_value": Out(shape),
            "o_item": Out(range(max(n_neurons, 2))),
            "o_tag": Out(tag),
            "o_finish": Out(1),
            "ending": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        held = Signal(data.ArrayLayout(self.shape, self.lanes), reset_less=True)
        left = Signal(range(self.lanes + 1))
        finish = Signal()
        m.d.comb += [
            self.valid.eq(left != 0), self.ending.eq(left == 1), self.o_value.eq(held[0]),
            self.o_finish.eq(finish & self.ending),
        ]
        with m.If(self.load):
            m.d.sync += [held.eq(self.values), left.eq(self.count), self.o_item.eq(self.item),
                         self.o_tag.eq(self.tag), finish.eq(self.finish)]
        with m.Elif(self.valid):
            m.d.sync += [left.eq(left - 1), self.o_item.eq(self.o_item + 1)]
            m.d.sync += [held[lane].eq(held[lane + 1]) for lane in range(self.lanes - 1)]
        return m
