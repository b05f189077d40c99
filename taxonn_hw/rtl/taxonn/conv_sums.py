"""Sums on their way to the neuron unit: over lane groups, and one for each position of a mean."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...plan.program import Finish
from .neuron_unit import sum_tag
from .numerics import Numerics
from .tree import AdderTree, sum_layout

__all__ = ["GroupDrain", "Repeater"]


class GroupDrain(wiring.Component):
    """The accumulators of a position, channel by channel, each the sum over its lane groups.

    Latency 1 cycle and :func:`taxonn_hw.plan.latency.group_latency`; one channel a cycle.

    Members
    -------
    values : In, one a lane
    load, count, tag : In
        Take the values: ``count`` channels, the first of which is ``tag``'s.
    o : Out({valid, tag, total})
    """

    def __init__(self, *, numerics: Numerics) -> None:
        self.numerics = n = numerics
        self.n_lanes, self.shape = n.network.lanes, n.sum_shape((Finish.DRAIN,))
        self.layout = sum_tag(n)
        super().__init__({
            "values": In(data.ArrayLayout(self.shape, self.n_lanes)), "load": In(1),
            "count": In(range(self.n_lanes + 1)), "tag": In(self.layout),
            "o": Out(sum_layout(self.layout, self.shape)),
        })

    def elaborate(self, platform):
        m = Module()
        program = self.numerics.program
        held = Signal(data.ArrayLayout(self.shape, self.n_lanes), reset_less=True)
        tag = Signal(self.layout, name="held_tag", reset_less=True)
        left = Signal(range(self.n_lanes + 1))
        m.submodules.tree = tree = AdderTree(lanes=program.groups, product=self.shape,
                                             total=self.shape, tag=self.layout, several=False)
        m.d.comb += [
            tree.i.valid.eq(left != 0), tree.i.first.eq(1), tree.i.last.eq(1),
            tree.i.tag.eq(tag), tree.i.tag.finish.eq(tag.finish & (left == 1)),
            self.o.eq(tree.o),
        ]
        for g in range(program.groups):
            m.d.comb += tree.products[g].eq(self.numerics.view.by_groups(
                tag.layer, lambda groups, g=g: (
                    held[g * (self.n_lanes // groups)] if g < groups else 0), self.shape))
        with m.If(self.load):
            m.d.sync += [held.eq(self.values), left.eq(self.count), tag.eq(self.tag)]
        with m.Elif(left != 0):
            m.d.sync += [left.eq(left - 1), tag.item.eq(tag.item + 1), tag.lane.eq(tag.lane + 1),
                         tag.slope.eq(tag.slope + 1)]
            m.d.sync += [held[k].eq(held[k + 1]) for k in range(self.n_lanes - 1)]
        return m


class Repeater(wiring.Component):
    """Passes a sum on; where the layer below takes means, once for each position of a window.

    Latency 0.  The slots of the next sum take as long as that (``ConvPass.n_least``).

    Members
    -------
    i, o : In, Out({valid, tag, total})
    """

    def __init__(self, *, numerics: Numerics, total) -> None:
        self.numerics = numerics
        layout = sum_layout(sum_tag(numerics), total)
        super().__init__({"i": In(layout), "o": Out(layout)})

    def elaborate(self, platform):
        m = Module()
        view, most = self.numerics.view, max(w.deltas for w in self.numerics.program.walks)
        m.d.comb += self.o.eq(self.i)
        if most == 1:
            return m
        held = Signal(self.i.shape(), reset_less=True)
        left = Signal(range(most + 1))
        more, again = view.value(self.i.tag.layer, "repeat"), Signal()
        m.d.comb += again.eq(~self.i.valid & (left != 0))
        with m.If(self.i.valid):
            m.d.sync += [held.eq(self.i), left.eq(more - 1)]
            m.d.comb += self.o.tag.finish.eq(self.i.tag.finish & (more == 1))
        with m.Elif(again):
            m.d.sync += left.eq(left - 1)
            m.d.comb += [self.o.eq(held), self.o.tag.finish.eq(held.tag.finish & (left == 1))]
        with m.If(self.o.valid):
            m.d.sync += [held.tag.place.eq(self.o.tag.place + 1),
                         held.tag.slope.eq(
                             self.o.tag.slope + view.value(self.o.tag.layer, "repeat_step"))]
        return m
