"""What a slot of a convolutional net means to the lanes: decoded once for each share of them.

Stage names are those of :mod:`.lane`; the dense net's is :mod:`.array_control`.
"""

from amaranth.hdl import Signal

from ...fixed import Rounding
from ...fixed.gates import rounding_offset
from ..select import by_index
from .array_parts import add_alignment, alignment_numbers, shift_zeros
from .factor import FactorUnit
from .lane import lane_control
from .slot import slot_layout

__all__ = ["add_conv_control"]


def add_conv_control(m, owner, slots, valids, random, stored) -> list:
    """Decode once; return the control of every share of the lanes."""
    n, a = owner.numerics, owner.numerics.alignment
    common = Signal(lane_control(n), name="common_control")
    s2 = slots[2]
    registered = {
        "c3_element_y": valids[2] & s2.gather,
        "c3_element_x": valids[2] & s2.gradient,
        "c3_shift": valids[2] & (s2.gather | s2.gradient),
        "c3_own_power": 1,
        "c3_negate": s2.gradient,
    }
    if n.pow2:
        registered["c3_zeros"] = shift_zeros(n, layer=s2.tag.layer, step=s2.gradient,
                                             rate=owner.rate)
    for name, value in registered.items():
        register = Signal(common[name].shape(), name=name, reset_less=True)
        m.d.sync += register.eq(value)
        m.d.comb += common[name].eq(register)
    if n.view.loadable:
        _add_numbers(m, n.view, slots, common)
    s4, s6, s7 = slots[4], slots[6], slots[7]
    # The last slot of a kernel gradient, and of a batch, steps its row.
    steps = s4.update & s4.takes_step if n.batch > 1 else s4.update
    m.d.comb += [
        common.c2_layer.eq(s2.tag.layer), common.c3_layer.eq(slots[3].tag.layer),
        common.c4_layer.eq(s4.tag.layer),
        common.c4_update.eq(steps), common.c4_bias.eq(s4.bias & s4.spread),
        common.c6_first.eq(s6.first), common.c6_layer.eq(s6.tag.layer),
        common.c6_accumulate.eq(valids[6] & (s6.spread | s6.gradient) | stored[6]),
        common.c7_layer.eq(s7.tag.layer), common.c7_bias.eq(s7.bias),
    ]
    if n.training and a.point:
        rounding = n.network.config.rounding
        offset = ~rounding_offset(a.point, rounding.update, random.c4)
        m.d.comb += [
            common.c4_offset.eq(offset & steps.replicate(a.point)),
            common.c4_offset_lane.eq(steps & int(rounding.update is Rounding.STOCHASTIC)),
        ]
    if n.batch > 1:
        s5 = slots[5]
        m.d.comb += common.c5_gathers.eq(valids[5] & s5.gradient & s5.first & ~s5.fresh)
    if n.decay is not None:
        m.d.comb += [common.c8_decays.eq(slots[8].decays & ~slots[8].bias),
                     common.c8_row_word.eq(random.c8)]
        if n.batch > 1:
            m.d.comb += common.c7_steps.eq(s7.takes_step)
    if not a.scaled:
        if n.view.loadable:
            forward = n.view.value(s4.tag.layer, "product_zeros")
        else:
            number = alignment_numbers(n)
            forward = by_index(s4.tag.layer, {
                k.index: number[k.product_shift] for k in n.layers})
        add_alignment(m, n, common, forward, is_forward=s4.spread, layer=s4.tag.layer,
                      step=s4.gradient, rate=owner.rate)
    factors = []
    for g in range(owner.groups):
        m.submodules[f"factor_{g}"] = factor = FactorUnit(numerics=n)
        c2 = Signal(slot_layout(n), name=f"c2_dense_slot_{g}")
        scalar = Signal(n.scalar, name=f"c2_scalar_{g}", reset_less=True)
        m.d.sync += scalar.eq(owner.scalars[g])
        m.d.comb += [
            c2.layer.eq(s2.tag.layer), c2.update.eq(s2.gradient), c2.gather.eq(s2.gather),
            c2.pass_backward.eq(~s2.spread), c2.scalar.eq(scalar),
            factor.c2.eq(c2), factor.c2_valid.eq(valids[2]), factor.rate.eq(owner.rate),
        ]
        register = Signal(n.factor, name=f"c3_factor_{g}")
        m.d.sync += register.eq(factor.c2_factor)
        factors.append(register)
    controls = []
    for share, value in enumerate(owner.of_group(slots[3].tag.layer, factors)):
        control = Signal(lane_control(n), name=f"control_{share}")
        m.d.comb += [control.eq(common), control.c3_factor.eq(value)]
        controls.append(control)
    return controls


def _add_numbers(m, view, slots, common) -> None:
    """What lanes have to know of the layer of each stage, from the table."""
    looked_up = {
        "c2_operand_zeros": (slots[1], "operand_zeros"),
        "c2_operand_high": (slots[1], "operand_high"),
        "c4_bias_zeros": (slots[3], "bias_zeros"),
        "c7_weight_high": (slots[6], "weight_high"), "c7_bias_high": (slots[6], "bias_high"),
    }
    for name, (slot, number) in looked_up.items():
        register = Signal(common[name].shape(), name=f"{name}_held", reset_less=True)
        m.d.sync += register.eq(view.value(slot.tag.layer, number))
        m.d.comb += common[name].eq(register)
