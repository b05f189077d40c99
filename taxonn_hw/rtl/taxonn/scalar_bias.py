"""Scalar biases of the layers whose lanes are inputs: a memory and an adder, same law."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...fixed import RANDOM_BITS, Pow2Format, Rounding
from ...fixed.gates import finish_step, pow2_decode, round_shift, rounding_offset, saturate
from ..memory import add_memory
from ..select import by_index
from .numerics import Numerics

__all__ = ["ScalarBias"]


class ScalarBias(wiring.Component):
    """Reads the bias of an output with its slot; writes it back with the weights.

    The stages are those of the lanes: read at c1, added at c5, written at c7, so that the row
    hazard check covers the bias too.

    Members
    -------
    c1_address, c7_address : In
        Where the bias of the slot lies.
    c4_factor : In
        Negative of the delta, as the lanes see it.
    c4_power : In
        For powers of two the delta itself.
    c4_layer, c6_layer : In
    c4_offset, c4_offset_lane : In
        As for the lanes.
    random : In(16)
        Of lane 0.
    rate : In(3)
    aligned : Out, c4
        Bias with the fraction bits of the forward accumulator.
    write : In(1)
        Write at c7; without training hardware what was loaded.
    load, data : In
        Instead of the bias at c3 take ``data``.
    hold : In(1)
        Keep the bias at c4.
    held : Out
        The bias at c4.
    """

    def __init__(self, *, numerics: Numerics) -> None:
        self.numerics = n = numerics
        self.layers = [layer for layer in n.layers if not layer.by_outputs]
        address = range(max(n.network.n_neurons, 2))
        layer = range(len(n.layers) + 1)
        super().__init__({
            "c1_address": In(address), "c7_address": In(address),
            "c4_factor": In(n.factor), "c4_power": In(n.delta),
            "c4_layer": In(layer), "c6_layer": In(layer),
            "c4_offset": In(max(n.alignment.point, 1)), "c4_offset_lane": In(1),
            "random": In(RANDOM_BITS), "rate": In(3),
            "aligned": Out(n.gathered), "write": In(1),
            "load": In(1), "data": In(n.word), "hold": In(1), "held": Out(n.word),
        })

    def elaborate(self, platform):
        m = Module()
        n = self.numerics
        write, read = add_memory(m, "memory", shape=n.word, depth=n.network.n_neurons)
        c3_bias, c4_bias = (Signal(n.word, name=f"c{k}_bias", reset_less=True) for k in (3, 4))
        m.d.sync += c3_bias.eq(read.data)
        with m.If(~self.hold):
            m.d.sync += c4_bias.eq(Mux(self.load, self.data, c3_bias))
        m.d.comb += [
            read.addr.eq(self.c1_address), self.held.eq(c4_bias),
            self.aligned.eq(by_index(self.c4_layer, {
                layer.index: round_shift(c4_bias, -layer.bias_shift, Rounding.FLOOR)
                for layer in self.layers})),
            write.addr.eq(self.c7_address), write.en.eq(self.write),
            write.data.eq(self._updated(m, c4_bias) if n.training else c4_bias),
        ]
        return m

    def _updated(self, m, c4_bias):
        """``b - round(delta 2**-k)``, at c7."""
        n, point = self.numerics, self.numerics.alignment.point
        mode = n.network.config.rounding.update
        low = Cat()
        if point:
            own = rounding_offset(point, Rounding.STOCHASTIC, self.random)
            low = self.c4_offset[:point] ^ (own & self.c4_offset_lane.replicate(point))
        step = by_index(self.c4_layer, self._steps())
        c5_step = Signal(step.shape(), reset_less=True)
        c5_bias = Signal(signed(point + n.word.width), reset_less=True)
        c6_total = Signal(signed(max(len(c5_step), len(c5_bias)) + 1), reset_less=True)
        m.d.sync += [c5_step.eq(step), c5_bias.eq(Cat(low, c4_bias)),
                     c6_total.eq(c5_bias + c5_step)]
        lsb = c4_bias[0]
        if mode is Rounding.HALF_EVEN:
            c5_lsb, c6_lsb = (Signal(name=f"c{k}_lsb", reset_less=True) for k in (5, 6))
            m.d.sync += [c5_lsb.eq(lsb), c6_lsb.eq(c5_lsb)]
            lsb = c6_lsb
        result = finish_step(c6_total, point, mode, lsb)
        new = Signal(n.word, name="c7_bias", reset_less=True)
        m.d.sync += new.eq(by_index(self.c6_layer, {
            layer.index: saturate(result, layer.formats.bias) for layer in self.layers}))
        return new

    def _steps(self) -> dict:
        """Negative of the delta, aligned to the point, in every layer."""
        n, a = self.numerics, self.numerics.alignment
        low, high = n.network.config.rate_range
        factor = self.c4_factor
        if n.pow2:
            widest = max((layer.formats.delta for layer in n.layers), key=lambda f: f.width)
            sign = 1 << n.delta.width - 1
            factor = pow2_decode(self.c4_power ^ sign, Pow2Format(widest.width, 0))
        steps = {}
        for layer in self.layers:
            if a.scaled:  # aligned as the step of a weight; an input of 1.0 is this much
                one = layer.bias_operand.bit_length() - 1
                steps[layer.index] = round_shift(factor, -one, Rounding.FLOOR)
                continue
            choices = [round_shift(factor, layer.bias_update_shift(rate) - a.point, Rounding.FLOOR)
                       for rate in range(high, low - 1, -1)]
            steps[layer.index] = Array(choices)[self.rate]
        return steps
