"""Activation and derivative of an accumulator in gates: twin of :mod:`taxonn_hw.golden.neuron`.

Each function is one pipeline stage's worth of logic; the caller puts the registers between.
"""

from amaranth.hdl import Cat, Const, Mux, Value

from ..config import Activation
from ..fixed import QFormat, Rounding
from ..fixed.carry import rounding_term
from ..fixed.gates import round_shift, saturate
from ..plan.arithmetic import LayerArithmetic as Layer

__all__ = ["activation_term", "apply_slope", "drop_activation", "round_activation",
           "saturate_activation", "slope_code", "slope_of_code", "steepen"]


def round_activation(acc: Value, layer: Layer, mode: Rounding, random=None) -> Value:
    """First half of ``activate``: the rounded value before saturation (tables: their index)."""
    drop = layer.activation_drop
    match layer.activation:
        case Activation.LEAKY_RELU:
            steep = _left(acc, layer.leak_exponent)
            return round_shift(Mux(acc < 0, acc, steep), drop, mode, random)
        case Activation.HARD_SIGMOID:
            return round_shift(acc + (2 << layer.forward_frac), drop, mode, random)
        case Activation.SOFTMAX:
            return acc  # a code already
        case _:
            return round_shift(acc, drop, mode, random)


def activation_term(layer: Layer, mode: Rounding, random=None):
    """Return what ``round_activation`` adds to an accumulator, for whom it suits to add it before.

    With it in the sum, :func:`drop_activation` gives what :func:`round_activation` would.  None
    where it depends on the sum (leaky ReLU, half even).
    """
    if layer.activation is Activation.LEAKY_RELU or mode is Rounding.HALF_EVEN:
        return None
    term = rounding_term(layer.activation_drop, mode, random)
    return term + (2 << layer.forward_frac) if layer.activation is Activation.HARD_SIGMOID else term


def drop_activation(acc: Value, layer: Layer) -> Value:
    """Drop the fraction bits of an accumulator that has its :func:`activation_term`."""
    return round_shift(acc, layer.activation_drop, Rounding.FLOOR)


def saturate_activation(value: Value, layer: Layer) -> Value:
    """Second half of ``activate``: the stored code (tables: the saturated index)."""
    q = layer.formats.a
    if layer.activation.is_table:
        return saturate(value, layer.table_format)
    if layer.activation is Activation.RELU:
        return saturate(value, QFormat(q.width - q.signed, q.frac, signed=False))
    code = saturate(value, q)
    if layer.activation is Activation.HARD_SIGMOID:
        code = Mux(code > q.one, q.one, Mux(code < 0, 0, code) if q.signed else code)
    return code


def slope_of_code(code: Value, layer: Layer) -> tuple[Value, Value]:
    """Return ``(live, steep)``: derivative not zero, and its second value where it has one."""
    q = layer.formats.a
    match layer.activation:
        case Activation.RELU:
            return (code > 0) & (code < q.hi), Const(0, 1)
        case Activation.LEAKY_RELU:
            return (code > q.lo) & (code < q.hi), code > 0
        case Activation.HARD_SIGMOID:
            return (code > 0) & (code < q.one), Const(0, 1)
        case _:
            return (code > q.lo) & (code < q.hi), Const(0, 1)


def slope_code(code: Value, layer: Layer) -> Value:
    """Return the derivative code of a stored activation code, tables excepted."""
    live, steep = slope_of_code(code, layer)
    if isinstance(steep, Const):
        return live
    return Cat(live & ~steep, Const(0, layer.leak_exponent - 1), live & steep)


def apply_slope(value: Value, live: Value, steep: Value, layer: Layer) -> Value:
    """Return ``value * f'`` for derivatives that are shifts; ``derivative_frac`` more fraction."""
    return Mux(live, steepen(value, steep, layer), 0)


def steepen(value: Value, steep: Value, layer: Layer) -> Value:
    """Return ``value * f'`` as :func:`apply_slope` where the derivative is not 0."""
    if layer.activation is Activation.LEAKY_RELU:
        return Mux(steep, _left(value, layer.leak_exponent), value)
    return value


def _left(value: Value, shift: int) -> Value:
    return round_shift(value, -shift, Rounding.FLOOR)
