"""Numbers whose point moves: normalise by the leading one, and undo it (numpy half).

Used where the size of a sum is known only when it is there, as in softmax.
"""

import numpy as np

__all__ = ["normalise", "round_by"]


def normalise(value, bits: int):
    """Return ``(mantissa, place)`` of positive ``value``: floor to ``bits`` below the leading one.

    ``mantissa`` is what stands below the leading one, 0 to ``2**bits - 1``; ``place`` the index of
    the leading one.

    Parameters
    ----------
    value : int64 array
        Codes from 1 to 2**52.
    """
    place = np.frexp(value.astype(np.float64))[1].astype(np.int64) - 1
    drop = place - bits
    aligned = np.where(drop >= 0, value >> np.maximum(drop, 0), value << np.maximum(-drop, 0))
    return aligned - (1 << bits), place


def round_by(acc, shift):
    """Drop ``shift`` (an array, each at least 1) fraction bits of ``acc``, half up."""
    return (acc + (np.int64(1) << shift - 1)) >> shift
