"""The law of arithmetic, numpy half: the only place that rounds, clips or shifts numbers.

Every function has a twin of the same name in :mod:`taxonn_hw.fixed.gates`; tests hold the two
together exhaustively for small widths.
"""

import numpy as np

from .formats import Pow2Format, QFormat, Rounding

__all__ = [
    "RANDOM_BITS",
    "finish_step",
    "quantize_pow2",
    "requantize",
    "round_shift",
    "rounding_offset",
    "saturate",
]

#: Bits of a random word of stochastic rounding.
RANDOM_BITS = 16


def round_shift(acc, shift: int, mode: Rounding, random=None):
    """Drop ``shift`` fraction bits of ``acc``; a negative ``shift`` appends zeros.

    Parameters
    ----------
    acc : int64 array
        Codes.
    shift : int
        Fraction bits to drop.
    mode : Rounding
        How they are dropped.
    random : integer array, optional
        Random words of :data:`RANDOM_BITS` bits, for ``STOCHASTIC``; the top ``shift`` bits of a
        word are added below the kept bits.  Beyond ``RANDOM_BITS`` dropped bits the lowest ones
        are floored.
    """
    if shift <= 0:
        return acc << -shift
    if mode is Rounding.FLOOR:
        return acc >> shift
    if mode is Rounding.HALF_UP:
        return (acc + (1 << shift - 1)) >> shift
    if mode is Rounding.HALF_EVEN:
        return (acc + ((1 << shift - 1) - 1) + ((acc >> shift) & 1)) >> shift
    if shift <= RANDOM_BITS:
        return (acc + (random >> RANDOM_BITS - shift)) >> shift
    return (acc + (np.asarray(random, dtype=np.int64) << shift - RANDOM_BITS)) >> shift


def rounding_offset(shift: int, mode: Rounding, random=0):
    """Return what :func:`round_shift` adds to ``acc`` before it drops ``shift > 0`` bits.

    ``HALF_EVEN`` adds the lowest kept bit too; :func:`finish_step` tells how.
    """
    match mode:
        case Rounding.FLOOR:
            return 0
        case Rounding.HALF_UP:
            return 1 << shift - 1
        case Rounding.HALF_EVEN:
            return (1 << shift - 1) - 1
    random = np.asarray(random, dtype=np.int64)
    return random >> RANDOM_BITS - shift if shift <= RANDOM_BITS else random << shift - RANDOM_BITS


def finish_step(total, shift: int, mode: Rounding, word):
    """Return ``word - round_shift(step, shift, mode)``, the law of an update, from one sum.

    ``total`` is ``word * 2**shift - step + 2**shift - 1 - offset`` with the offset of
    :func:`rounding_offset`.  To the nearest even: the bits below are all 0 for ties only, and a
    tie goes one down where that makes the step even.
    """
    result = total >> shift
    if mode is Rounding.HALF_EVEN:
        result = result - ((total & (1 << shift) - 1 == 0) & ((word ^ result) & 1 == 1))
    return result


def saturate(value, q: QFormat):
    """Clip ``value`` to the codes of ``q``."""
    return np.clip(value, q.lo, q.hi)


def requantize(acc, shift: int, q: QFormat, mode: Rounding, random=None):
    """Drop ``shift`` fraction bits, then saturate: one rounding, one saturation."""
    return saturate(round_shift(acc, shift, mode, random), q)


def quantize_pow2(acc, shift: int, p: Pow2Format, mode: Rounding, random=None):
    """Quantise ``acc`` to a signed power of two, working on its magnitude.

    Between two neighbouring magnitudes (or below the smallest, where zero is the lower neighbour)
    ``FLOOR`` takes the lower, ``HALF_UP`` the nearer (ties to the upper), ``HALF_EVEN`` the nearer
    (ties to the even magnitude field), ``STOCHASTIC`` the upper with the probability that makes
    the mean exact.  Magnitudes above the largest saturate.  Bits of ``acc`` finer than
    :data:`RANDOM_BITS` below the largest magnitude are dropped first.

    Parameters
    ----------
    acc : int64 array
        Codes with ``p.frac + shift`` fraction bits.
    """
    top = shift + p.n_magnitudes - 1  # bit of the largest magnitude
    magnitude = np.abs(acc)
    drop = max(top - RANDOM_BITS, 0)
    low = shift - drop  # bit of the smallest magnitude once the finest bits are gone
    magnitude = magnitude >> drop if drop else magnitude
    if low < 0:
        magnitude, low = magnitude << -low, 0
    magnitude = np.minimum(magnitude, 1 << low + p.n_magnitudes - 1)
    leading = np.maximum(_leading_one(magnitude), low)  # the dropped bits lie below this one
    below = (1 << leading) - 1
    if mode is Rounding.STOCHASTIC:
        total = magnitude + (random & below)
    elif mode is Rounding.HALF_UP:
        total = magnitude + (below + 1 >> 1)
    elif mode is Rounding.HALF_EVEN:
        field = np.where(magnitude >> low > 0, leading - low + 1, 0)
        total = magnitude + np.where(below > 0, (below >> 1) + (field & 1), 0)
    else:
        total = magnitude
    exponent = _leading_one(total) - low
    code = np.where(exponent >= 0, 1 << np.maximum(exponent, 0), 0)
    return np.where(acc < 0, -code, code)


def _leading_one(magnitude):
    """Return the index of the highest set bit of values below 2**32, -1 for zero."""
    return np.frexp(np.asarray(magnitude, dtype=np.float64))[1].astype(np.int64) - 1
