"""Shapes of what travels through a junction, from its formats."""

from amaranth.hdl import Shape, signed, unsigned

from ...fixed import Pow2Format
from ...fixed.gates import shape_of
from ...plan.edge.junction import Junction

__all__ = ["JunctionShapes", "bounded"]


def bounded(bound: int) -> Shape:
    """Return the signed shape of every number of magnitude up to ``bound``."""
    return signed(bound.bit_length() + 1)


class JunctionShapes:
    """Shapes of one junction.

    Members
    -------
    pow2 : bool
        Deltas of its right neurons are words of a power of two: products with them are shifts.
    weight, operand, bias, x, a, delta, slope : Shape
        Codes (words, for powers of two).
    product, total : Shape
        Forward product, aligned, and sum.
    sums : Shape
        Stored backward sum.
    """

    def __init__(self, junction: Junction) -> None:
        f = junction.formats
        self.pow2 = isinstance(f.delta, Pow2Format)
        self.weight, self.operand, self.bias = map(shape_of, (f.weight, f.operand, f.bias))
        self.x, self.a, self.delta = shape_of(f.x), shape_of(f.a), shape_of(f.delta)
        self.slope = unsigned(junction.derivative_width)
        if junction.compatible:
            self.product = shape_of(junction.q)
        else:
            largest = -f.operand.lo * max(f.x.hi, -f.x.lo)
            self.product = bounded(largest << junction.product_shift)
        self.total = bounded(junction.forward_bound)
        self.sums = signed(junction.partial_width)
