"""The factor that a slot broadcasts to all multipliers."""

from amaranth.hdl import Array, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...fixed import Rounding
from ...fixed.gates import round_shift
from ...fixed.variable import append_zeros
from ..select import by_index
from .numerics import Numerics
from .slot import slot_layout

__all__ = ["FactorUnit"]


class FactorUnit(wiring.Component):
    """Scalar of a slot, negated for an update, with the zeros that align its product.

    No latency: the lanes' control registers it, for c3.

    Members
    -------
    c2, c2_valid : In
        The slot.
    rate : In(3)
        Highest learning-rate exponent less the present one.
    c2_factor : Out
        0 without a slot, for a host may store rows then, and where the lanes multiply by their own
        elements.
    """

    def __init__(self, *, numerics: Numerics) -> None:
        self.numerics = n = numerics
        super().__init__({"c2": In(slot_layout(n)), "c2_valid": In(1), "rate": In(3),
                          "c2_factor": Out(n.factor)})

    def elaborate(self, platform):
        m = Module()
        n, slot, a = self.numerics, self.c2, self.numerics.alignment
        scalar = Signal(signed(len(slot.scalar) + 2 + (n.multiplier - 1).bit_length()))
        m.d.comb += scalar.eq(slot.scalar)
        if n.training and (not n.pow2 or n.multiplier > 1):
            step = slot.scalar if n.multiplier == 1 else slot.scalar * n.multiplier
            with m.If(slot.update):
                m.d.comb += scalar.eq(step if n.pow2 else -step)
        value = Signal(n.factor)
        m.d.comb += value.eq(self._aligned(scalar) if a.scaled else scalar)
        if a.rounds_activations and a.lane_layers:
            constants = {layer.index: a.offset_factor(layer) for layer in n.layers}
            with m.If(slot.bias & ~slot.update):
                m.d.comb += value.eq(by_index(slot.layer, constants))
        m.d.comb += self.c2_factor.eq(Mux(self.c2_valid & ~slot.gather, value, 0))
        return m

    def _aligned(self, scalar):
        n, a, view = self.numerics, self.numerics.alignment, self.numerics.view
        slot = self.c2
        if view.loadable:
            amount = Mux(slot.pass_backward, 0, view.value(slot.layer, "product_zeros"))
            if n.training:
                amount = Mux(slot.update, view.value(slot.layer, "step_zeros") + self.rate, amount)
            return append_zeros(scalar, amount, view.most_zeros)

        def zeros(kind: dict):
            return by_index(slot.layer, kind)

        amount = zeros({layer.index: layer.product_shift + a.forward_zeros(layer)
                        for layer in n.layers})
        if n.training:
            low, high = n.network.config.rate_range
            backward = zeros({layer.index: a.backward_zeros(layer) for layer in n.layers})
            updates = {layer.index: Array(a.update_zeros(layer, rate) for rate in
                                          range(high, low - 1, -1))[self.rate]
                       for layer in n.layers}
            amount = Mux(slot.update, zeros(updates), Mux(slot.pass_backward, backward, amount))
        if isinstance(amount, int):
            return round_shift(scalar, -amount, Rounding.FLOOR)
        choices = [round_shift(scalar, -k, Rounding.FLOOR) for k in range(self._most() + 1)]
        return Array(choices)[amount]

    def _most(self) -> int:
        n, a = self.numerics, self.numerics.alignment
        low, _ = n.network.config.rate_range
        return max(max(layer.product_shift + a.forward_zeros(layer), a.backward_zeros(layer),
                       a.update_zeros(layer, low) if n.training else 0) for layer in n.layers)
