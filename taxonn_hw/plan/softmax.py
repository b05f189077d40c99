"""Softmax as an output unit: tables of the exponential and of the reciprocal (ours).

    a_j = e(max z - z_j) / sum_i e(max z - z_i)        e(d) = exp(-d)

in four steps, each exact but for the rounding that is named:

1. the sums are rounded (as activations are) to ``z``, 16 bits with ``table_bits - 3`` fraction
   bits;
2. ``e_j`` is the table's entry for ``d_j = max z - z_j``, 16 bits with 15 fraction bits, nearest;
   zero from ``d = 8`` on;
3. the sum of all ``e`` is cut to its leading one and ``table_bits`` bits below (floor), which
   index the reciprocal of ``1.bits``, 17 bits with 16 fraction bits, nearest to that of the middle
   of the cell; of the first cell, 1;
4. ``a_j`` is the product of ``e_j`` and the reciprocal, shifted by the place of the leading one,
   rounded half up, at most 1.

So an output whose rivals are all 8 or more below is exactly 1, and they are exactly 0.  The entries
are made in exact arithmetic (decimals of 40 digits, integers).
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import lru_cache

import numpy as np

from ..fixed import QFormat

__all__ = ["EXPONENT_FRAC", "RECIPROCAL_FRAC", "SoftmaxTables", "softmax_tables"]

EXPONENT_FRAC, RECIPROCAL_FRAC = 15, 16
_RANGE_BITS = 3  # exp(-d) is in the table for d below 8


@dataclass(frozen=True)
class SoftmaxTables:
    """Tables for one ``table_bits``.

    Members
    -------
    bits : int
        Index bits of both.
    z : QFormat
        Format of the pre-activations.
    exponent : int64 [2**bits + 1]
        exp(-d) by the code of d; the last entry, for every d beyond, is 0.
    reciprocal : int64 [2**bits]
        1 / (1 + index / 2**bits).
    """

    bits: int
    z: QFormat
    exponent: np.ndarray
    reciprocal: np.ndarray


@lru_cache
def softmax_tables(bits: int) -> SoftmaxTables:
    """Return the tables of ``bits`` index bits, 4 to 12."""
    z = QFormat(16, bits - _RANGE_BITS)
    with localcontext() as context:
        context.prec = 40
        unit = Decimal(1) / 2**z.frac
        exponent = [int(((-unit * d).exp() * 2**EXPONENT_FRAC).to_integral_value(ROUND_HALF_UP))
                    for d in range(1 << bits)]
    one = 2 << RECIPROCAL_FRAC + bits  # the middle of cell i is (2**(bits + 1) + 2 i + 1) halves
    middles = [(2 << bits) + 2 * i + 1 for i in range(1 << bits)]
    reciprocal = [1 << RECIPROCAL_FRAC] + [(2 * one + middle) // (2 * middle)
                                           for middle in middles[1:]]
    return SoftmaxTables(bits, z, np.array([*exponent, 0]), np.array(reciprocal))
