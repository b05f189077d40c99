"""Products of a lane: factors at c3, products at c5, aligned there.

Forward slots multiply.  Where deltas are powers of two, products with them are shifts, and the
zeros that align a step are a part of the shift; else all slots share the multiplier.
"""

from operator import mul

from amaranth.hdl import Array, Mux, Signal, signed

from ...fixed import Rounding
from ...fixed.carry import narrow_product, negate
from ...fixed.gates import round_shift
from ...fixed.variable import append_zeros
from ...plan.latency import is_wide
from ..select import by_index
from .numerics import Numerics

__all__ = ["add_products", "alignments", "most_step_zeros", "step_alignments"]


def alignments(numerics: Numerics) -> list[int]:
    """Zeros that a product gets from c5 on, where neither the scalar nor a shift has brought them:
    distinct."""
    n, a = numerics, numerics.alignment
    if a.scaled:
        return [0]
    if n.view.loadable:
        return list(range(n.view.most_zeros + 1))
    found = {layer.product_shift + a.forward_zeros(layer) for layer in n.layers}
    if n.training and not n.pow2:
        found |= {0, *step_alignments(n)}
    return sorted(found)


def step_alignments(numerics: Numerics) -> list[int]:
    """Zeros that a step may get: distinct."""
    low, high = numerics.network.config.rate_range
    return sorted({numerics.alignment.update_zeros(layer, rate) for layer in numerics.layers
                   for rate in range(low, high + 1)})


def most_step_zeros(numerics: Numerics) -> int:
    """The most zeros that align a step."""
    view = numerics.view
    return view.most_zeros if view.loadable else step_alignments(numerics)[-1]


def add_products(m, n: Numerics, c, operand, activation, delta):
    """Return the aligned product, from registers of c5.

    ``c`` are the controls; ``operand`` is the rounded weight, ``activation`` and ``delta`` are the
    lane's element, all at c3.
    """
    multiply = _shifts_and_multiplies if n.pow2 else _multiplies
    product, shifted = multiply(m, n, c, operand, activation, delta)
    # As wide as the sum where nothing is appended: else Yosys leaves the adder out of the DSP.
    c5_product = Signal(n.total if n.alignment.scaled else n.multiplied, reset_less=True)
    m.d.sync += c5_product.eq(product)
    aligned = _aligned(n, c, c5_product)
    if shifted is None:
        return aligned
    c5_shifted = Signal(n.total, reset_less=True)
    m.d.sync += c5_shifted.eq(shifted)
    return (aligned | c5_shifted).as_signed()  # one of the two is zero


def _aligned(n: Numerics, c, product):
    shifts = alignments(n)
    if n.view.loadable:
        return append_zeros(product, c.c5_alignment, shifts[-1])
    choices = [round_shift(product, -zeros, Rounding.FLOOR) for zeros in shifts]
    return choices[0] if len(choices) == 1 else Array(choices)[c.c5_alignment]


def _multiplies(m, n: Numerics, c, operand, activation, delta):
    """The product of fixed-point factors: registers, and combinational from c4 to c5."""
    shifted = activation  # as the factor of a forward product
    if n.alignment.scaled and not n.view.loadable:  # whose lanes gather no forward sums
        shifted = by_index(c.c3_layer, {layer.index: round_shift(
            activation, -layer.product_shift, Rounding.FLOOR) for layer in n.layers})
    element = activation
    if n.training:
        element = Signal(n.vector)
        m.d.comb += element.eq(Mux(c.c3_activation, activation, delta))
        shifted = Mux(c.c3_activation, shifted, delta)
    x = Mux(c.c3_element_x, element, operand) if n.training else operand
    c4_x = Signal(x.shape(), reset_less=True)
    y = Mux(c.c3_element_y, shifted, c.c3_factor)
    c4_y = Signal(n.factor if n.alignment.scaled else y.shape(), reset_less=True)
    m.d.sync += [c4_x.eq(x), c4_y.eq(y)]
    return c4_x * c4_y, None


def _shifts_and_multiplies(m, n: Numerics, c, operand, activation, delta):
    """The product of a forward slot, and that with a delta that is a power of two: registers, and
    combinational from c4 to c5."""
    c4_operand = Signal(n.operand, reset_less=True)
    c4_y = Signal(n.vector_activation, reset_less=True)  # forward: no scalar is wider
    base = Signal(signed(max(len(operand), len(activation) + 1, n.factor.width + 1)))
    power = Signal(n.delta)
    m.d.comb += [
        power.eq(Mux(c.c3_own_power, delta, c.c3_power)),
        base.eq(Mux(c.c3_element_x, Mux(c.c3_own_power, c.c3_factor, activation), operand)),
    ]
    field, negative = power[:-1], power[-1] ^ c.c3_negate
    most = (1 << len(field)) - 1 + most_step_zeros(n)
    c4_base = Signal(signed(len(base) + 1), reset_less=True)
    c4_any = Signal(reset_less=True)  # the power is not zero: the shifter has a free input
    c4_amount = Signal(range(most + 1), reset_less=True)
    m.d.sync += [
        c4_operand.eq(Mux(c.c3_shift, 0, operand)),
        c4_y.eq(Mux(c.c3_element_y, activation, c.c3_factor)),
        c4_base.eq(negate(base, negative)),
        c4_any.eq(field.any() & c.c3_shift),
        c4_amount.eq(field + c.c3_zeros),
    ]
    # Field 1 stands for 2**0, and field 0 for nothing: the lowest bit is always 0.
    shifted = append_zeros(Mux(c4_any, c4_base, 0), c4_amount, most)[1:].as_signed()
    # A wide array has more products than a device has multiplier blocks.
    multiply = narrow_product if is_wide(n.network) else mul
    return multiply(c4_operand, c4_y), shifted
