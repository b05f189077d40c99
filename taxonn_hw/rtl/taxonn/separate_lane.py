"""A lane of the plain reference: forward, backward and update each with a multiplier of its own.

====  ==============================  =======================  =================================
c     forward                         backward                 update
====  ==============================  =======================  =================================
c4    operand, activation             operand, delta           activation, delta
c5    product; bias                   product                  step; word and offset of rounding
c6    their sum; to its adder tree    to an adder tree of its  word less the aligned step
                                      own
c7    accumulator                     accumulator              updated weight
====  ==============================  =======================  =================================

What :class:`.lane.Lane` shares is apart here; what is needed once is there once: the word, the
operand, the activation and the delta are registered at c3 and c4 for all three.  An element that
has nothing to do multiplies by zero, so that it draws little power.  Every width is that of its own
element.  Products of deltas that are powers of two are shifts here too, one shifter each.
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ...fixed import Rounding
from ...fixed.gates import round_shift, rounding_offset
from ...plan.program import Element, Finish
from ..select import by_index, common_shape
from .lane import Lane
from .lane_products import step_alignments
from .lane_update import add_update
from .numerics import Numerics, bounds, union

__all__ = ["SeparateLane", "separate_factors"]

_IN_LANES = (Finish.LANES, Finish.DRAIN)


def product_alignments(numerics: Numerics) -> list[int]:
    """Zeros that a forward product may get: distinct."""
    return sorted({layer.product_shift for layer in numerics.layers})


def separate_factors(numerics: Numerics) -> data.StructLayout:
    """Layout of the control signals that only these lanes have; the prefix names the stage."""
    n = numerics
    times = n.multiplier
    low, high = bounds(n.activation)
    x = common_shape((low * times, high * times))
    if n.pow2:
        d = n.delta
    else:
        low, high = bounds(n.delta)
        d = common_shape((low * times, high * times))
    return data.StructLayout({
        "c3_x": x,           # broadcast activation, 0 where there is none
        "c3_own_x": 1,       # the lane's own activation instead
        "c3_d": d,           # broadcast delta, 0 where there is none
        "c3_own_d": 1,       # the lane's own delta instead
        "c3_operand": 1,     # the weight is multiplied
        "c3_backward": 1,
        "c3_update": 1,
        "c5_product": range(max(len(product_alignments(n)), 2)),
        "c5_step": range(max(len(step_alignments(n)), 2)),
        "c6_forward": 1,     # accumulate
        "c6_backward": 1,
        "c7_backward": 1,    # the drain takes the backward sum
    })


class SeparateLane(Lane):
    """One lane of the reference; members of :class:`Lane` and

    factors : In
        :func:`separate_factors`.
    gathered_back : Out, c6
        To the backward adder tree; ``gathered`` is for the forward one.
    """

    def __init__(self, *, numerics: Numerics) -> None:
        n = numerics
        super().__init__(numerics=n, more={
            "factors": In(separate_factors(n)),
            "gathered_back": Out(n.gathered_of(n.program.backward)),
        })

    def elaborate(self, platform):
        m = Module()
        n, f = self.numerics, self.factors
        c4_word = Signal(n.word, reset_less=True)
        m.d.sync += c4_word.eq(self.late_word)
        operand, activation, delta = self._view(m)
        c4_operand = Signal(n.operand, reset_less=True)
        c4_x = Signal(union(n.vector_activation, f.c3_x.shape()), reset_less=True)
        error = self._own(f.c3_own_d, delta, f.c3_d, any(k.by_outputs for k in n.layers))
        m.d.sync += [
            c4_operand.eq(Mux(f.c3_operand, operand, 0)),
            c4_x.eq(self._own(f.c3_own_x, activation, f.c3_x, n.has_scalar_bias)),
        ]
        if n.pow2:
            back, step = self._shifters(m, error, operand, activation)
        else:
            c4_d = Signal(union(n.delta, f.c3_d.shape()), reset_less=True)
            m.d.sync += c4_d.eq(error)
            back, step = c4_operand * c4_d, c4_x * c4_d
        forward = self._forward(m, c4_operand * c4_x, c4_word)
        passes = [p for p in n.program.backward if p.element is Element.BACKWARD]
        backward = self._backward(m, back, passes) if passes else Const(0, 1)
        self._step(m, step, c4_word)
        drains = [any(p.finish is Finish.DRAIN for p in passes)
                  for passes in (n.program.forward, n.program.backward)]
        m.d.comb += self.accumulator.eq(
            Mux(f.c7_backward, backward, forward) if all(drains)
            else backward if drains[1] else forward)
        self._stores(m, activation, forward, backward)
        return m

    @staticmethod
    def _own(choice, own, broadcast, can_be_own: bool):
        return Mux(choice, own, broadcast) if can_be_own else broadcast

    def _shifters(self, m, power, operand, activation):
        """The products with powers of two, from c4 to c5: the operand's and the activation's."""
        n, f = self.numerics, self.factors
        field = Signal(len(power) - 1, name="c4_field", reset_less=True)
        m.d.sync += field.eq(power[:-1])
        x = self._own(f.c3_own_x, activation, f.c3_x, n.has_scalar_bias)
        shifted = []
        for name, factor, active in (("back", operand, f.c3_backward), ("step", x, f.c3_update)):
            base = Signal(signed(len(factor) + 2), name=f"c4_{name}", reset_less=True)
            gone = ~active | ~power[:-1].any()
            m.d.sync += base.eq(Mux(gone, 0, Mux(power[-1], -factor, factor)))
            shifted.append(Array([Const(0)] + [
                round_shift(base, -k, Rounding.FLOOR)
                for k in range((1 << len(field)) - 1)])[field])
        return shifted

    def _forward(self, m, product, c4_word):
        """Sum at c7; products to the tree at c6."""
        n, c, f = self.numerics, self.control, self.factors
        passes = n.program.forward
        bound = n.product_bounds(False)[Element.FORWARD]
        c5_product = Signal(signed(bound.bit_length() + 1), reset_less=True)
        total = n.gathered_of(passes, tuple(Finish))
        c5_addend = Signal(total, name="c5_bias", reset_less=True)
        c6_total = Signal(total, name="c6_forward", reset_less=True)
        biases = {layer.index: round_shift(c4_word, -layer.bias_shift, Rounding.FLOOR)
                  for layer in n.layers if layer.by_outputs}
        addend = Const(0, signed(1))
        if biases:
            addend = Mux(c.c4_bias, by_index(c.c4_layer, biases), 0)
        if n.has_scalar_bias:  # one of the two is zero
            addend = addend | self.extra
        choices = [round_shift(c5_product, -zeros, Rounding.FLOOR)
                   for zeros in product_alignments(n)]
        aligned = choices[0] if len(choices) == 1 else Array(choices)[f.c5_product]
        m.d.sync += [c5_product.eq(product), c5_addend.eq(addend),
                     c6_total.eq(aligned + c5_addend)]
        m.d.comb += self.gathered.eq(c6_total)
        return self._accumulate(m, "c7_forward", n.sum_of(passes, _IN_LANES), c6_total,
                                f.c6_forward)

    def _backward(self, m, product, passes):
        """Sum at c7; products to the tree at c6."""
        n, f = self.numerics, self.factors
        bound = n.product_bounds(False)[Element.BACKWARD]
        shape = signed(bound.bit_length() + 1)
        c5_product = Signal(shape, name="c5_back", reset_less=True)
        c6_product = Signal(shape, name="c6_back", reset_less=True)
        m.d.sync += [c5_product.eq(product), c6_product.eq(c5_product)]
        m.d.comb += self.gathered_back.eq(c6_product)
        return self._accumulate(m, "c7_backward", n.sum_of(passes, _IN_LANES), c6_product,
                                f.c6_backward)

    def _accumulate(self, m, name: str, shape, value, enable):
        sums = Signal(shape, name=name, reset_less=True)
        with m.If(enable):
            m.d.sync += sums.eq(Mux(self.control.c6_first, value, sums + value))
        return sums

    def _step(self, m, step, c4_word) -> None:
        """``W - round(step)`` at c7."""
        n, c, f = self.numerics, self.control, self.factors
        point = n.alignment.point
        bounds_ = [n.product_bounds(appended)[Element.UPDATE] for appended in (False, True)]
        c5_step = Signal(signed(bounds_[0].bit_length() + 1), reset_less=True)
        low = Const(0, 0)
        if point:
            own = rounding_offset(point, Rounding.STOCHASTIC, self.random)
            low = c.c4_offset[:point] ^ (own & c.c4_offset_lane.replicate(point))
        c5_word = Signal(signed(n.word.width + point), reset_less=True)
        most = bounds_[1] + (1 << n.word.width - 1 + point)
        c6_total = Signal(signed(most.bit_length() + 1), name="c6_updated", reset_less=True)
        choices = [round_shift(c5_step, -zeros, Rounding.FLOOR) for zeros in step_alignments(n)]
        aligned = choices[0] if len(choices) == 1 else Array(choices)[f.c5_step]
        m.d.sync += [c5_step.eq(step), c5_word.eq(Cat(low, c4_word)),
                     c6_total.eq(c5_word - aligned)]
        m.d.comb += self.updated.eq(add_update(m, n, c, c4_word, c6_total, 6))
