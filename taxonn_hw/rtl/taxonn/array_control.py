"""What a slot of a dense net means to all lanes: decoded once, not in each of them.

Stage names are those of :mod:`.lane`.
"""

from amaranth.hdl import Const, Mux, Signal

from ...config import Activation
from ...fixed import Rounding
from ...fixed.gates import rounding_offset
from ...plan.program import Finish
from ..copies import add_copies
from ..select import by_index
from .array_parts import alignment_choice, alignment_numbers, shift_zeros
from .factor import FactorUnit
from .lane import lane_control
from .numerics import Numerics

__all__ = ["add_control", "alive_lanes", "element_is", "in_lanes"]


def in_lanes(n: Numerics, slot):
    """Whether the results of this spread slot are stored in all lanes at once."""
    program = n.program
    ways = [{p.layer.index: int(p.finish is Finish.LANES) for p in passes}
            for passes in (program.forward, program.backward) if passes]
    results = [by_index(slot.layer, way, 1) for way in ways]
    return results[0] if len(results) == 1 else Mux(slot.pass_backward, results[1], results[0])


def element_is(n: Numerics, slot, kind: str):
    """Whether the lane's element in this slot is of memory ``x``, ``a`` or ``d``."""
    program = n.program
    ways = []
    for passes in (program.forward, program.backward):
        found = {p.layer.index: int(p.vector == kind) for p in passes if p.vector}
        if found:
            ways.append(by_index(slot.layer, found, 1))
    if not ways:
        return Const(0, 1)
    return ways[0] if len(ways) == 1 else Mux(slot.pass_backward, ways[1], ways[0])


def add_control(m, owner, slots, valids, random) -> list:
    """Decode once, a stage ahead; return the control for every :data:`LANES_PER_COPY` lanes."""
    n, a = owner.numerics, owner.numerics.alignment
    ahead = Signal(lane_control(n), name="next_control")
    m.submodules.factor = factor = FactorUnit(numerics=n)
    s1, s2, s3, s4, s5 = slots[1:6]
    by_outputs = by_index(s2.layer, {layer.index: int(layer.by_outputs)
                                     for layer in n.layers}, 1)
    m.d.comb += [
        factor.c2.eq(s2), factor.c2_valid.eq(valids[2]), factor.rate.eq(owner.rate),
        ahead.c2_layer.eq(s1.layer), ahead.c2_lowest.eq(s1.bias & ~s1.update),
        ahead.c3_layer.eq(s2.layer), ahead.c3_factor.eq(factor.c2_factor),
        ahead.c3_element_y.eq(valids[2] & s2.gather),
        ahead.c3_element_x.eq(valids[2] & s2.update),
        ahead.c3_shift.eq(valids[2] & (s2.backward | s2.update)),
        ahead.c3_own_power.eq(Mux(s2.update, by_outputs, s2.gather)),
        ahead.c3_negate.eq(s2.update), ahead.c3_activation.eq(_activations(n, s2)),
        ahead.c4_layer.eq(s3.layer), ahead.c4_update.eq(s3.update),
        ahead.c4_bias.eq(s3.bias & ~s3.update),
        ahead.c6_layer.eq(s5.layer), ahead.c6_bias.eq(s5.bias), ahead.c6_first.eq(s5.first),
        ahead.c6_accumulate.eq(valids[5] & s5.spread),
        ahead.c7_layer.eq(slots[6].layer), ahead.c8_layer.eq(slots[7].layer),
        ahead.c9_layer.eq(slots[8].layer),
        ahead.c7_row_word.eq(random.c6), ahead.c8_row_word.eq(random.c7),
    ]
    if n.pow2:
        m.d.comb += [ahead.c3_power.eq(s2.power), ahead.c3_zeros.eq(
            shift_zeros(n, layer=s2.layer, step=s2.update, rate=owner.rate))]
    if n.training and a.point:
        _offset(m, n, s3, valids[3], random.c3, ahead)
    if not a.scaled:
        number = alignment_numbers(n)
        forward = by_index(s4.layer, {layer.index: number[
            layer.product_shift + a.forward_zeros(layer)] for layer in n.layers})
        m.d.comb += ahead.c5_alignment.eq(alignment_choice(
            n, forward, is_forward=~s4.pass_backward, layer=s4.layer, step=s4.update,
            rate=owner.rate))
    return add_copies(m, ahead, owner.n_lanes, name="control", shape=ahead.shape())


def _activations(n: Numerics, slot):
    """Whether the lane's element is an activation, not a delta: also for the slopes that the
    null slot of a block asks for."""
    return element_is(n, slot, "a") | element_is(n, slot, "x")


def _offset(m, n: Numerics, slot, valid, word, ahead) -> None:
    """What rounding adds at c4: to updates its complement, to deltas stored in all lanes itself."""
    a = n.alignment
    rounding, point = n.network.config.rounding, a.point
    offset = ~rounding_offset(point, rounding.update, word)
    lane, stochastic = slot.update, Rounding.STOCHASTIC
    mask = int(rounding.update is stochastic)
    if n.lane_layers and a.rounds_deltas:
        offset = Mux(slot.update, offset, rounding_offset(point, rounding.delta, word))
        rounds = slot.last & slot.spread & slot.pass_backward & in_lanes(n, slot)
        mask = Mux(slot.update, mask, int(rounding.delta is stochastic))
        lane = slot.update | valid & rounds
    m.d.comb += [ahead.c4_offset.eq(offset & lane.replicate(point)),
                 ahead.c4_offset_lane.eq(lane & mask)]


def alive_lanes(n: Numerics, slot):
    """One bit a lane: it stands for a neuron in this block.  Only a hard sigmoid of nothing
    is not nothing, so other activations need no mask."""
    lanes = n.network.lanes
    full = (1 << lanes) - 1
    masks = {}
    for layer in n.lane_layers:
        rest = layer.n_out % lanes
        mask = full
        if rest and layer.activation is Activation.HARD_SIGMOID:
            mask = Mux(slot.block == layer.n_blocks - 1, (1 << rest) - 1, full)
        masks[layer.index] = mask
    if all(mask is full or isinstance(mask, int) for mask in masks.values()):
        return Const(full, lanes)
    return by_index(slot.layer, masks, lanes)
