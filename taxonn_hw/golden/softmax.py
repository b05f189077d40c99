"""Softmax in integers: the four steps of :mod:`taxonn_hw.plan.softmax`."""

import numpy as np

from ..fixed import Rounding, requantize
from ..fixed.floating import normalise, round_by
from ..plan.arithmetic import LayerArithmetic
from ..plan.softmax import RECIPROCAL_FRAC, softmax_tables

__all__ = ["softmax_codes"]


def softmax_codes(acc, layer: LayerArithmetic, mode: Rounding, random=None):
    """Return the output codes for forward accumulators ``acc`` int64 [..., n_out]."""
    t, q = softmax_tables(layer.table_bits), layer.formats.a
    z = requantize(acc, layer.forward_frac - t.z.frac, t.z, mode, random)
    below = z.max(axis=-1, keepdims=True) - z
    e = t.exponent[np.minimum(below, len(t.exponent) - 1)]
    mantissa, place = normalise(e.sum(axis=-1, keepdims=True), t.bits)
    product = e * t.reciprocal[mantissa]
    # e 2**-15 times reciprocal 2**-16, over 2**(place - 15)
    a = round_by(product, RECIPROCAL_FRAC + place - q.frac)
    return np.minimum(a, q.one)
