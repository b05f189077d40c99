"""One lane: a multiplier, an accumulator and a weight column, time-multiplexed.

========  =====================================================================
stage     what is registered at its start
========  =====================================================================
s2        stored weight, vector element, broadcast scalar
s3        operand = weight rounded and saturated to what the multiplier sees
s4        product (multiplier or shifter), aligned; to the adder tree
s5        accumulator (spread) / rounded step (update)
s6        updated weight / rounded activation
s7        activation code, written in this cycle
========  =====================================================================

All lanes are identical, so that the exported Verilog holds the lane once.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...fixed import RANDOM_BITS, Rounding
from ...fixed.gates import requantize, round_shift, saturate
from ...plan.program import Finish
from ..neuron import apply_slope, round_activation, saturate_activation, slope_of_code
from ..quantize import DeltaQuantizer
from ..select import by_index
from .numerics import Numerics, union

__all__ = ["Lane", "lane_control"]


def lane_control(numerics: Numerics) -> data.StructLayout:
    """Layout of the control signals that all lanes share; the prefix names the stage."""
    layer = unsigned(max(1, len(numerics.layers).bit_length()))
    return data.StructLayout({
        "s1_load": 1,          # take the weight and vector element that memory delivers
        "s1_load_vector": 1,
        "s2_scalar": numerics.scalar,
        "s2_power": numerics.delta if numerics.pow2 else unsigned(1),
        "s2_layer": layer,
        "s3_layer": layer,
        "s3_vector_y": 1,      # gather: multiply by the lane's element, not by the scalar
        "s3_backward": 1,      # the factor beside the operand is a delta
        "s3_update": 1,        # activation times delta
        "s3_by_outputs": 1,    # in an update: the lane's element is the delta
        "s3_bias": 1,          # forward bias row: no product
        "s4_layer": layer,
        "s4_accumulate": 1,
        "s4_first": 1,
        "s4_row_word": RANDOM_BITS,
        "s4_rate": 3,          # highest learning-rate exponent less the present one
        "s5_layer": layer,
        "s5_bias": 1,
        "s5_row_word": RANDOM_BITS,
        "s6_layer": layer,
        "s6_row_word": RANDOM_BITS,
        "s7_layer": layer,
    })


class Lane(wiring.Component):
    """One lane of the array.

    Latency from the weight (``word`` at s1) to ``product`` 3, to ``updated`` 5, to ``activation``
    6 cycles; to ``delta`` 4 + quantiser.  Throughput one slot a cycle.

    Members
    -------
    control : In
        :func:`lane_control`.
    word, vector, power : In
        From the memories, at s1: weight, lane's element, lane's delta (powers of two).
    random : In(16)
        The lane's word, constant within a sample.
    alive : In(1)
        The lane stands for a neuron (s7); others store zero.
    product : Out, s4
    accumulator : Out, s5
    updated : Out, s6
    activation : Out, s7
    delta : Out, s7 or s8
    """

    def __init__(self, *, numerics: Numerics) -> None:
        self.numerics = n = numerics
        self.sum_shape = n.sum_shape((Finish.LANES, Finish.DRAIN))
        super().__init__({
            "control": In(lane_control(n)),
            "word": In(n.word),
            "vector": In(n.vector),
            "power": In(n.delta),
            "random": In(RANDOM_BITS),
            "alive": In(1),
            "product": Out(n.product),
            "accumulator": Out(self.sum_shape),
            "updated": Out(n.word),
            "activation": Out(n.vector_activation),
            "delta": Out(n.delta),
        })

    def elaborate(self, platform):
        m = Module()
        n, c = self.numerics, self.control
        s2_word = Signal(n.word, reset_less=True)
        s3_word = Signal(n.word, reset_less=True)
        s2_vector = Signal.like(self.vector, reset_less=True)
        s3_vector = Signal.like(self.vector, reset_less=True)
        s2_power = Signal.like(self.power, reset_less=True)
        s3_power = Signal.like(self.power, reset_less=True)
        s3_scalar = Signal(n.scalar, reset_less=True)
        s3_shared_power = Signal(c.s2_power.shape(), reset_less=True)
        s3_operand = Signal(n.operand, reset_less=True)
        with m.If(c.s1_load):
            m.d.sync += s2_word.eq(self.word)
        with m.If(c.s1_load_vector):
            m.d.sync += [s2_vector.eq(self.vector), s2_power.eq(self.power)]
        m.d.sync += [
            s3_word.eq(s2_word), s3_vector.eq(s2_vector), s3_power.eq(s2_power),
            s3_scalar.eq(c.s2_scalar), s3_shared_power.eq(c.s2_power),
            s3_operand.eq(by_index(c.s2_layer, self._operands(s2_word), n.operand)),
        ]
        s4_product = Signal(n.product, reset_less=True)
        m.d.sync += s4_product.eq(self._product(
            m, s3_operand, s3_word, s3_vector, s3_scalar, s3_power, s3_shared_power))
        m.d.comb += self.product.eq(s4_product)
        with m.If(c.s4_accumulate):
            m.d.sync += self.accumulator.eq(Mux(c.s4_first, 0, self.accumulator) + s4_product)
        if n.training:
            self._update(m, s3_word, s4_product)
        if n.lane_layers:
            self._store(m, s2_vector)
        return m

    def _operands(self, word) -> dict:
        """The multiplier's view of ``word`` in every layer."""
        views, result = {}, {}
        for layer in self.numerics.layers:
            f = layer.formats
            key = (f.weight.frac - f.operand.frac, f.operand)
            if key not in views:
                views[key] = requantize(word, *key, Rounding.HALF_UP)
            result[layer.index] = views[key]
        return result

    def _product(self, m, operand, word, vector, scalar, power, shared_power):
        """The product of a slot, aligned to its accumulator: combinational, between s3 and s4."""
        n, c = self.numerics, self.control
        x = Signal(signed(max(len(operand), len(vector) + (not vector.shape().signed))))
        y = Signal(union(n.scalar, n.vector))
        m.d.comb += y.eq(Mux(c.s3_vector_y, vector, scalar))
        if n.training and not n.pow2:
            m.d.comb += x.eq(Mux(c.s3_update, vector, operand))
            multiplied = x * y
        else:
            multiplied = operand * y
        product = Signal(n.product)
        forward = {layer.index: round_shift(multiplied, -layer.product_shift, Rounding.FLOOR)
                   for layer in n.layers}
        m.d.comb += product.eq(by_index(c.s3_layer, forward))
        if n.training:
            with m.If(c.s3_backward | c.s3_update):
                m.d.comb += product.eq(
                    self._shifted(m, operand, vector, scalar, power, shared_power)
                    if n.pow2 else multiplied)
        biases = {layer.index: round_shift(word, -layer.bias_shift, Rounding.FLOOR)
                  for layer in n.layers if layer.by_outputs}
        if biases:
            with m.If(c.s3_bias):
                m.d.comb += product.eq(by_index(c.s3_layer, biases))
        return product

    def _shifted(self, m, operand, vector, scalar, power, shared_power):
        """The product with a power of two: negate, then shift."""
        n, c = self.numerics, self.control
        width = max(len(operand), len(vector) + 1, len(scalar) + 1)
        base = Signal(signed(width))
        signed_base = Signal(signed(width + 1))
        exponent = Signal(n.delta)
        own = Signal()  # the lane's delta, not the broadcast one
        m.d.comb += [
            base.eq(Mux(c.s3_update, Mux(c.s3_by_outputs, scalar, vector), operand)),
            own.eq(c.s3_vector_y | (c.s3_update & c.s3_by_outputs)),
            exponent.eq(Mux(own, power, shared_power)),
            signed_base.eq(Mux(exponent[-1], -base, base)),
        ]
        field = exponent[:-1]
        shifted = Signal(signed(width + 1 + max((1 << len(field)) - 2, 0)))
        with m.Switch(field):
            with m.Case(0):
                m.d.comb += shifted.eq(0)
            for magnitude in range(1, 1 << len(field)):
                with m.Case(magnitude):
                    m.d.comb += shifted.eq(round_shift(signed_base, 1 - magnitude, Rounding.FLOOR))
        return shifted

    def _update(self, m, s3_word, s4_product) -> None:
        """``W - round(step)``: align, round, subtract, saturate."""
        n, c = self.numerics, self.control
        s4_word = Signal(n.word, reset_less=True)
        s5_word = Signal(n.word, reset_less=True)
        alignments = {layer.index: round_shift(s4_product, -n.step_alignment(layer),
                                               Rounding.FLOOR) for layer in n.layers}
        low, high = n.network.config.rate_range
        aligned_shape = signed(n.product.width + max(n.step_alignment(layer) for layer in n.layers)
                               + high - low)
        layer_aligned = Signal(aligned_shape)
        aligned = Signal(aligned_shape)
        m.d.comb += layer_aligned.eq(by_index(c.s4_layer, alignments))
        with m.Switch(c.s4_rate):
            for extra in range(high - low + 1):
                with m.Case(extra):
                    m.d.comb += aligned.eq(round_shift(layer_aligned, -extra, Rounding.FLOOR))
        step = round_shift(aligned, n.step_shift, n.network.config.rounding.update,
                           c.s4_row_word ^ self.random)
        s5_step = Signal(step.shape(), reset_less=True)
        m.d.sync += [s4_word.eq(s3_word), s5_word.eq(s4_word), s5_step.eq(step)]
        weights, biases = {}, {}
        for layer in n.layers:
            f = layer.formats
            weights[layer.index] = f.weight
            biases[layer.index] = f.bias if layer.by_outputs else f.weight
        difference = Signal(signed(max(len(s5_word), len(step)) + 1))
        m.d.comb += difference.eq(s5_word - s5_step)
        formats = {*weights.values(), *biases.values()}
        clipped = {q: saturate(difference, q) for q in formats}
        new = by_index(c.s5_layer, {i: clipped[q] for i, q in weights.items()})
        new_bias = by_index(c.s5_layer, {i: clipped[q] for i, q in biases.items()})
        m.d.sync += self.updated.eq(new if len(formats) == 1 else Mux(c.s5_bias, new_bias, new))

    def _store(self, m, s2_vector) -> None:
        """Activation and delta of this lane's neuron, from the accumulator at s5."""
        n, c = self.numerics, self.control
        rounding = n.network.config.rounding
        word5, word6 = c.s5_row_word ^ self.random, c.s6_row_word ^ self.random
        rounded, codes = {}, {}
        for layer in n.lane_layers:
            value = round_activation(self.accumulator, layer, rounding.activation, word5)
            register = Signal(value.shape(), name=f"s6_rounded_{layer.index}", reset_less=True)
            m.d.sync += register.eq(value)
            rounded[layer.index] = register
            codes[layer.index] = saturate_activation(register, layer)
        s7_code = Signal(n.vector_activation, reset_less=True)
        m.d.sync += s7_code.eq(by_index(c.s6_layer, codes))
        m.d.comb += self.activation.eq(Mux(self.alive, s7_code, 0))
        if not n.training:
            return
        # The null slot that ends a backward spread brings the stored activation of the neuron.
        slopes = {layer.index + 1: Cat(*slope_of_code(s2_vector, layer))
                  for layer in n.lane_layers}
        s3_slope, s4_slope, s5_slope = (Signal(2, name=f"s{i}_slope", reset_less=True)
                                        for i in (3, 4, 5))
        m.d.sync += [s3_slope.eq(by_index(c.s2_layer, slopes)), s4_slope.eq(s3_slope),
                     s5_slope.eq(s4_slope)]
        values, cases = {}, {}
        for layer in n.lane_layers:
            above = n.network.above(layer)
            values[above.index] = apply_slope(self.accumulator, s5_slope[0], s5_slope[1], layer)
            cases[above.index] = (layer, above.backward_frac + layer.derivative_frac)
        quantizer = DeltaQuantizer(cases=cases, mode=rounding.delta, as_pow2=n.pow2, shape=n.delta)
        random = word6 if quantizer.random_delay() else word5
        stages = [c.s5_layer, c.s6_layer, c.s7_layer][:quantizer.latency]
        value = by_index(c.s5_layer, values)
        m.d.comb += self.delta.eq(quantizer.build(m, value, stages, random, "lane"))
