"""The array of the plain reference: its lanes and trees are not shared (:mod:`.separate_lane`)."""

from amaranth.hdl import Array, Cat, Mux, Signal

from ...plan.latency import sums_over_slots
from ...plan.program import Finish
from ..select import by_index
from .array import LaneArray
from .lane_products import step_alignments
from .separate_lane import SeparateLane, product_alignments, separate_factors
from .tree import AdderTree

__all__ = ["SeparateArray"]


class SeparateArray(LaneArray):
    """Forward, backward and update side by side; ports, passes and results of ``LaneArray``."""

    def _lanes(self, m, slots, valids, controls) -> list:
        factors = self._factors(m, slots, valids)
        lanes = []
        for k in range(self.n_lanes):
            m.submodules[f"lane_{k}"] = lane = SeparateLane(numerics=self.numerics)
            m.d.comb += lane.factors.eq(factors)
            lanes.append(lane)
        return lanes

    def _factors(self, m, slots, valids):
        """Decode once, for all lanes; each stage's signals are registered at its start."""
        n = self.numerics
        layout = separate_factors(n)
        factors = Signal(layout)
        s2, s4, s5 = slots[2], slots[4], slots[5]
        by_outputs = by_index(s2.layer, {k.index: int(k.by_outputs) for k in n.layers}, 1)
        valid, step = valids[2], s2.update
        forward = ~s2.backward & ~step
        scalar = s2.scalar if n.multiplier == 1 else Mux(
            step, s2.scalar * n.multiplier, s2.scalar)
        takes_x = valid & ~s2.gather & (forward | step & by_outputs)
        takes_d = valid & ~s2.gather & (s2.backward | step) & ~(step & by_outputs)
        registered = {
            "c3_x": Mux(takes_x, scalar, 0),
            "c3_own_x": valid & (forward & s2.gather | step & ~by_outputs),
            "c3_d": Mux(takes_d, s2.power if n.pow2 else scalar, 0),
            "c3_own_d": valid & (s2.backward & s2.gather | step & by_outputs),
            "c3_operand": valid & ~step,
            "c3_backward": valid & s2.backward,
            "c3_update": valid & step,
            "c5_product": by_index(s4.layer, {
                k.index: product_alignments(n).index(k.product_shift) for k in n.layers}),
            "c5_step": self._step_choice(s4),
            "c6_forward": valids[5] & s5.spread & ~s5.pass_backward,
            "c6_backward": valids[5] & s5.spread & s5.pass_backward,
            "c7_backward": slots[6].pass_backward,
        }
        for name, value in registered.items():
            register = Signal(layout.members[name], name=name)
            m.d.sync += register.eq(value)
            m.d.comb += factors[name].eq(register)
        return factors

    def _step_choice(self, slot):
        """The zeros that a step gets, which depend on the learning rate."""
        n, zeros = self.numerics, step_alignments(self.numerics)
        low, high = n.network.config.rate_range
        return by_index(slot.layer, {k.index: Array(
            zeros.index(n.alignment.update_zeros(k, exponent))
            for exponent in range(high, low - 1, -1))[self.rate] for k in n.layers})

    def _sums(self, m, slot, valid, lanes) -> None:
        n = self.numerics
        trees = []
        for name, passes, port in (("forward", n.program.forward, "gathered"),
                                   ("backward", n.program.backward, "gathered_back")):
            if not any(p.finish is Finish.TREE for p in passes):
                continue
            product = n.gathered_of(passes)
            products = Cat(getattr(lane, port)[:product.width] for lane in lanes)
            m.submodules[f"{name}_tree"] = tree = AdderTree(
                lanes=self.n_lanes, product=product,
                total=n.sum_of(passes, (Finish.TREE,)), tag=self.tag,
                several=sums_over_slots(n.program))
            trees.append(tree)
            own = valid & (slot.pass_backward == (name == "backward"))
            m.d.comb += self._into_tree(tree, slot, own, products)
        first, last = trees[0].o, trees[-1].o
        chosen = last.valid | last.tag.finish
        m.d.comb += [
            self.sum.valid.eq(first.valid | last.valid),
            self.sum.tag.eq(Mux(chosen, last.tag, first.tag)),
            self.sum.total.eq(Mux(last.valid, last.total, first.total)),
        ]
