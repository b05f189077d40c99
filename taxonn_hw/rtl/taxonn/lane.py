"""One lane: a multiplier, an accumulator and a weight column, time-multiplexed.

========  =====================================================================
stage     what is registered at its start
========  =====================================================================
c2        stored weight (in the array's row register)
c3        the same again; operand: the weight, rounded and saturated to what the multiplier sees;
          memories show the lane's element
c4        factors: operand or element, and broadcast scalar or element; the word
c5        product (multiplier, shifter); what is added to it: word, bias or offset of rounding
c6        their sum; to the adder tree
c7        accumulator (spread), updated weight: written in this cycle
          (conv nets: accumulator, of steps too; the updated weight a stage later)
c8, c9    activation, delta: where they are stored all at once
========  =====================================================================

All lanes are identical, so that the exported Verilog holds the lane once.  Products of fixed-point
deltas follow the shape of a DSP cell with all its registers: factors, product, addend, sum.
"""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...fixed import RANDOM_BITS, Rounding
from ...fixed.gates import requantize, round_shift, rounding_offset
from ..select import by_index
from .lane_products import add_products, alignments, most_step_zeros
from .lane_stores import add_activation, add_delta
from .lane_update import add_update
from .loaded_lane import loaded_bias, loaded_control, loaded_operand
from .numerics import Numerics

__all__ = ["Lane", "lane_control"]


def lane_control(numerics: Numerics) -> data.StructLayout:
    """Layout of the control signals that all lanes share; the prefix names the stage."""
    n = numerics
    layer = unsigned(max(1, n.network.n_layers.bit_length()))
    conv = {"c7_bias": 1} if n.conv else {}
    if n.batch > 1:
        conv |= {"c5_gathers": 1}   # the gradient is added to those of the batch
    if n.decay is not None:
        conv |= {"c8_decays": 1}
        conv |= {"c7_steps": 1} if n.batch > 1 else {}  # the step is taken; else the word stays
    if n.view.loadable:
        conv |= loaded_control(n)
    return data.StructLayout({
        **conv,
        "c2_layer": layer,
        "c2_lowest": 1,             # the lowest operand instead of the weight's
        "c3_layer": layer,
        "c3_factor": n.factor,      # broadcast: scalar, aligned; its negative in an update
        "c3_power": n.delta if n.pow2 else unsigned(1),  # broadcast delta, sign as of the product
        "c3_element_y": 1,          # gather: multiply by the lane's element, not by the scalar
        "c3_element_x": 1,          # update: the element beside the scalar, not the operand
        "c3_shift": 1,              # powers of two: backward or update, not forward
        "c3_own_power": 1,          # powers of two: the lane's, not the broadcast one
        "c3_negate": 1,             # powers of two: update
        "c3_zeros": range(most_step_zeros(n) + 1) if n.pow2 else 1,  # powers of two: of a step
        "c3_activation": 1,         # the element is an activation
        "c4_layer": layer,
        "c4_offset": unsigned(max(n.alignment.point, 1)),  # row's part of the offset of rounding
        "c4_offset_lane": 1,        # the lane's random word takes part
        "c4_update": 1,             # add the word above the point
        "c4_bias": 1,               # add the word as a bias
        "c5_alignment": range(max(len(alignments(n)), 2)),
        "c6_layer": layer,
        "c6_bias": 1,
        "c6_accumulate": 1,
        "c6_first": 1,
        "c7_layer": layer,
        "c7_row_word": RANDOM_BITS,
        "c8_layer": layer,
        "c8_row_word": RANDOM_BITS,
        "c9_layer": layer,
    })


class Lane(wiring.Component):
    """One lane of the array; throughput one slot a cycle.

    Parameters
    ----------
    numerics : Numerics
    more : dict, optional
        Members beside the usual ones, of a variant.

    Members
    -------
    control : In
        :func:`lane_control`.
    word, late_word : In
        Stored weight, at c2 and at c3.
    element : In
        The lane's word of the vector memory, or input code, at c3.
    random : In(16)
        The lane's random word, constant within a sample.
    extra : In
        Added at c5 to a product that is gathered: the scalar bias, in lane 0.
    alive : In(1)
        The lane stands for a neuron, when its activation is stored; others store zero.
    gathered_before : In
        The gradients of the batch so far, at c5, where there are batches.
    late_random : In(16)
        The lane's random word of the sample at c8, where weights decay.
    gathered : Out, c6
    accumulator : Out, c7
    updated : Out, c7, c8 or c9
    activation : Out, c8 or c9
    delta : Out, c8, c9 or c10
    """

    def __init__(self, *, numerics: Numerics, more: dict | None = None) -> None:
        self.numerics = n = numerics
        super().__init__({
            **({"gathered_before": In(n.gradient)} if n.batch > 1 else {}),
            **({"late_random": In(RANDOM_BITS)} if n.decay is not None else {}),
            "control": In(lane_control(n)),
            "word": In(n.word), "late_word": In(n.word),
            "element": In(max(n.vector_word.width, n.vector_activation.width)),
            "random": In(RANDOM_BITS),
            "extra": In(n.gathered),
            "alive": In(1),
            "gathered": Out(n.gathered),
            "accumulator": Out(n.accumulator),
            "updated": Out(n.word),
            "activation": Out(n.vector_activation),
            "delta": Out(n.delta),
            **(more or {}),
        })

    def elaborate(self, platform):
        m = Module()
        n, c = self.numerics, self.control
        c4_word = Signal(n.word, reset_less=True)
        m.d.sync += c4_word.eq(self.late_word)
        operand, activation, delta = self._view(m)
        product = add_products(m, n, c, operand, activation, delta)
        c5_addend = Signal(n.total, reset_less=True)
        c6_total = Signal(n.total, reset_less=True)
        m.d.sync += [c5_addend.eq(self._addend(m, c4_word)), c6_total.eq(product + c5_addend)]
        m.d.comb += self.gathered.eq(c6_total)
        sums = Signal(n.accumulator, name="c7_accumulator", reset_less=True)
        with m.If(c.c6_accumulate):  # the sum is multiplexed, not a term: one look-up table a bit
            if n.batch == 1:
                m.d.sync += sums.eq(Mux(c.c6_first, c6_total, sums + c6_total))
            else:
                before = Signal(n.gradient, name="c6_gathered_before", reset_less=True)
                m.d.sync += sums.eq(Mux(c.c6_first, before, sums) + c6_total)
        if n.batch > 1:
            m.d.sync += before.eq(_gated(self.gathered_before, c.c5_gathers))
        m.d.comb += self.accumulator.eq(sums)
        if n.training:
            if n.conv:  # a step is a sum over slots, the last of which brings the word
                late = self.late_random if n.decay is not None else None
                updated = add_update(m, n, c, c4_word, sums, 7, late)
            else:
                updated = add_update(m, n, c, c4_word, c6_total, 6)
            m.d.comb += self.updated.eq(updated)
        self._stores(m, activation, self.accumulator, self.accumulator)
        return m

    def _stores(self, m, activation, forward, backward) -> None:
        """What is stored all at once, from the sums at c7."""
        n, c = self.numerics, self.control
        if not n.lane_layers:
            return
        m.d.comb += self.activation.eq(
            Mux(self.alive, add_activation(m, n, c, forward, self.random), 0))
        if n.training:
            m.d.comb += self.delta.eq(add_delta(m, n, c, activation, backward, self.random))

    def _view(self, m):
        """At c3 the operand, and the lane's element read as an activation and as a delta."""
        n, c = self.numerics, self.control
        operand = Signal(n.operand, name="c3_operand", reset_less=True)
        m.d.sync += operand.eq(loaded_operand(n, c, self.word) if n.view.loadable
                               else by_index(c.c2_layer, self._operands(), n.operand))
        return (operand, _code(self.element, n.vector_activation),
                _code(self.element, n.delta))

    def _operands(self) -> dict:
        """The multiplier's view of ``word`` in every layer."""
        c, views, result = self.control, {}, {}
        forced = self.numerics.alignment.rounds_activations
        for layer in self.numerics.layers:
            f = layer.formats
            key = (f.weight.frac - f.operand.frac, f.operand)
            if key not in views:
                view = requantize(self.word, *key, Rounding.HALF_UP)
                views[key] = Mux(c.c2_lowest, f.operand.lo, view) if forced else view
            result[layer.index] = views[key]
        return result

    def _addend(self, m, word):
        """What is added to the product, combinational from c4 to c5: of its terms at most one.

        Gates, not multiplexers: a register with a reset stays outside the DSP.
        """
        n, c, a = self.numerics, self.control, self.numerics.alignment
        terms = []
        if n.training:
            low = Const(0, 0)
            if a.point:
                own = rounding_offset(a.point, Rounding.STOCHASTIC, self.random)
                low = c.c4_offset[:a.point] ^ (own & c.c4_offset_lane.replicate(a.point))
            terms.append(Cat(low, _gated(word, c.c4_update)).as_signed())
        biases = {} if n.view.loadable else {
            layer.index: round_shift(word, -layer.bias_shift - a.forward_zeros(layer),
                                     Rounding.FLOOR)
            for layer in n.layers if layer.by_outputs}
        if biases or n.view.loadable:
            bias = Signal(n.total)
            m.d.comb += bias.eq(by_index(c.c4_layer, biases) if biases else
                                loaded_bias(n, c, word))
            terms.append(_gated(bias, c.c4_bias))
        if n.has_scalar_bias:
            terms.append(self.extra)
        return reduce(or_, terms, Const(0, signed(1)))


def _gated(value, enable):
    """Return ``value`` where ``enable``, else 0."""
    return (value & enable.replicate(len(value)))[:len(value)].as_signed()


def _code(bits, shape):
    """Read the bits of a memory word as a code."""
    code = bits[:shape.width]
    return code.as_signed() if shape.signed else code
