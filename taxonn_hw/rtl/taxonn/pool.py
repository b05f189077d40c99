"""Pooling of activations that come position by position, channel by channel.

    max      the largest code of a window, the first that is; its derivative and its place
    average  the sum of the codes of a window times 1 / window, half up; every derivative

stages  p0 activation, the channel's part is read | p1 compared or added | p2 times 1 / window |
        p3 the pooled code is written, and who was chosen
"""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...fixed import Rounding
from ...fixed.gates import requantize
from ..memory import add_memory
from ..select import by_index, common_shape
from .loaded_neuron import loaded_mean
from .neuron_unit import sum_tag
from .numerics import Numerics

__all__ = ["Pool"]


class Pool(wiring.Component):
    """One window at a time, all its channels.

    Latency :data:`taxonn_hw.plan.latency.POOL_LATENCY` cycles; an activation a cycle, those of one
    channel at least two cycles apart.

    Members
    -------
    valid, code, derivative_in, tag : In, p0
        An activation of a hidden layer.
    o_valid, o_code, o_tag : Out, p3
        A pooled code.
    o_chosen : Out, p3
        Which position of the window it is from.
    slope_write : Out({valid, row, code}), p3
        See :class:`.neuron_unit.NeuronUnit`.
    """

    def __init__(self, *, numerics: Numerics, derivative) -> None:
        self.numerics = n = numerics
        self.layout = sum_tag(n)
        self.derivative = derivative
        members = self.layout.members
        super().__init__({
            "valid": In(1), "code": In(n.vector_activation), "derivative_in": In(derivative),
            "tag": In(self.layout),
            "o_valid": Out(1), "o_tag": Out(self.layout), "o_code": Out(n.vector_activation),
            "o_chosen": Out(members["window"]),
            "slope_write": Out(data.StructLayout({"valid": 1, "row": members["slope"],
                                                  "code": derivative})),
        })

    def elaborate(self, platform):
        m = Module()
        n = self.numerics
        view, hidden = n.view, [layer for layer in n.layers if not layer.is_output]
        window = max((n.program.walk(layer).window for layer in hidden), default=1)
        low = min((layer.formats.a.lo for layer in hidden), default=0)
        high = max((layer.formats.a.hi for layer in hidden), default=1)
        total = common_shape((min(low, 0) * window, high * window))
        part = data.StructLayout({"total": total, "derivative": self.derivative,
                                  "chosen": self.tag.window.shape()})
        write, read = add_memory(m, "parts", shape=part, depth=n.network.lanes)

        def held(name, value, reset_less=True):
            register = Signal(value.shape(), name=name, reset_less=reset_less)
            m.d.sync += register.eq(value)
            return register

        p1_valid, p1_tag = held("p1_valid", self.valid, False), held("p1_tag", self.tag)
        p1_code, p1_slope = held("p1_code", self.code), held("p1_slope", self.derivative_in)
        average = Signal()
        better = Signal()
        new = Signal(part)
        m.d.comb += [
            read.addr.eq(self.tag.lane),
            average.eq(view.value(p1_tag.layer, "pools_mean", 1)),
            better.eq(p1_tag.begins | (p1_code > read.data.total)),
            new.eq(read.data),
        ]
        with m.If(better | average):
            m.d.comb += [new.derivative.eq(p1_slope), new.chosen.eq(p1_tag.window),
                         new.total.eq(p1_code)]
        with m.If(average & ~p1_tag.begins):
            m.d.comb += new.total.eq(read.data.total + p1_code)
        m.d.comb += [write.addr.eq(p1_tag.lane), write.data.eq(new), write.en.eq(p1_valid)]
        p2_tag, p2_new = held("p2_tag", p1_tag), held("p2_new", new)
        p2_valid, p2_average = held("p2_valid", p1_valid, False), held("p2_average", average)
        largest = max((layer.mean_factor for layer in hidden), default=1)
        product = p2_new.total * view.value(p2_tag.layer, "mean_factor")
        p3_total = Signal(signed(len(p2_new.total) + largest.bit_length() + 1), reset_less=True)
        m.d.sync += p3_total.eq(product)
        p3_tag, p3_new = held("p3_tag", p2_tag), held("p3_new", p2_new)
        p3_valid, p3_average = held("p3_valid", p2_valid, False), held("p3_average", p2_average)
        p3_slope = Signal(self.derivative, reset_less=True)
        m.d.sync += p3_slope.eq(view.times(p2_tag.layer, "mean_factor", p2_new.derivative))
        m.d.comb += [
            self.o_valid.eq(p3_valid & p3_tag.ends), self.o_tag.eq(p3_tag),
            self.o_chosen.eq(p3_new.chosen), self.o_code.eq(self._code(p3_total, p3_tag)),
            self.slope_write.valid.eq(p3_valid & (p3_tag.ends | p3_average)),
            self.slope_write.row.eq(p3_tag.slope), self.slope_write.code.eq(p3_slope),
        ]
        return m

    def _code(self, total, tag):
        """The pooled code: the mean, or what was chosen, at p3."""
        n = self.numerics
        if n.view.loadable:
            return loaded_mean(n.view, total, tag.layer)
        return by_index(tag.layer, {
            layer.index: requantize(total, layer.mean_shift, layer.formats.a, Rounding.HALF_UP)
            for layer in n.layers if not layer.is_output})
