"""What a slot of a dense net means to all lanes: decoded once, not in each of them.

Stage names are those of :mod:`.lane`.
"""

from amaranth.hdl import Const, Mux, Signal

from ...config import Activation
from ...fixed import Rounding
from ...fixed.gates import rounding_offset
from ...plan.program import Finish
from ..select import by_index
from .array_parts import add_alignment, alignment_numbers
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


def add_control(m, owner, slots, valids, random):
    """Decode once, for all lanes; each stage's signals are registered at its start."""
    n, a = owner.numerics, owner.numerics.alignment
    control = Signal(lane_control(n))
    m.submodules.factor = factor = FactorUnit(numerics=n)
    m.d.comb += [factor.c2.eq(slots[2]), factor.c2_valid.eq(valids[2]),
                 factor.rate.eq(owner.rate), control.c3_factor.eq(factor.c3_factor)]
    s1, s2 = slots[1], slots[2]
    by_outputs = by_index(s2.layer, {layer.index: int(layer.by_outputs)
                                     for layer in n.layers}, 1)
    registered = {
        "c2_lowest": s1.bias & ~s1.update,
        "c3_element_y": valids[2] & s2.gather,
        "c3_element_x": valids[2] & s2.update,
        "c3_shift": valids[2] & (s2.backward | s2.update),
        "c3_own_power": Mux(s2.update, by_outputs, s2.gather),
        "c3_negate": s2.update,
        "c3_activation": _activations(n, s2),
    }
    for name, value in registered.items():
        register = Signal(name=name, reset_less=True)
        m.d.sync += register.eq(value)
        m.d.comb += control[name].eq(register)
    m.d.comb += [
        control.c2_layer.eq(s2.layer), control.c3_layer.eq(slots[3].layer),
        control.c4_layer.eq(slots[4].layer),
        control.c4_update.eq(slots[4].update),
        control.c4_bias.eq(slots[4].bias & ~slots[4].update),
        control.c6_layer.eq(slots[6].layer), control.c6_bias.eq(slots[6].bias),
        control.c6_first.eq(slots[6].first),
        control.c6_accumulate.eq(valids[6] & slots[6].spread),
        control.c7_layer.eq(slots[7].layer), control.c8_layer.eq(slots[8].layer),
        control.c9_layer.eq(slots[9].layer),
        control.c7_row_word.eq(random.c7), control.c8_row_word.eq(random.c8),
    ]
    if n.pow2:
        m.d.comb += control.c3_power.eq(slots[3].power)
    if n.training and a.point:
        _offset(m, n, slots[4], valids[4], random, control)
    if not a.scaled:
        s4, number = slots[4], alignment_numbers(n)
        forward = by_index(s4.layer, {layer.index: number[
            layer.product_shift + a.forward_zeros(layer)] for layer in n.layers})
        add_alignment(m, n, control, Mux(s4.pass_backward, 0, forward), layer=s4.layer,
                      step=s4.update, rate=owner.rate)
    return control


def _activations(n: Numerics, slot):
    """Whether the lane's element is an activation, not a delta: also for the slopes that the
    null slot of a block asks for."""
    return element_is(n, slot, "a") | element_is(n, slot, "x")


def _offset(m, n: Numerics, slot, valid, random, control) -> None:
    """What rounding adds: to updates its complement, to deltas stored in all lanes itself."""
    a = n.alignment
    rounding, point = n.network.config.rounding, a.point
    offset = ~rounding_offset(point, rounding.update, random.c4)
    lane, stochastic = slot.update, Rounding.STOCHASTIC
    mask = int(rounding.update is stochastic)
    if n.lane_layers and a.rounds_deltas:
        offset = Mux(slot.update, offset, rounding_offset(point, rounding.delta, random.c4))
        rounds = slot.last & slot.spread & slot.pass_backward & in_lanes(n, slot)
        mask = Mux(slot.update, mask, int(rounding.delta is stochastic))
        lane = slot.update | valid & rounds
    m.d.comb += [control.c4_offset.eq(offset & lane.replicate(point)),
                 control.c4_offset_lane.eq(lane & mask)]


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
