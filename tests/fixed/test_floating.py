"""Normalised numbers: against arithmetic on Python integers, every small value and corners."""

import numpy as np
import pytest

from taxonn_hw.fixed.floating import normalise, round_by

VALUES = [*range(1, 2100), *(2**k + d for k in range(12, 52) for d in (-1, 0, 1))]


@pytest.mark.parametrize("bits", [1, 4, 10, 12])
def test_normalise(bits):
    mantissa, place = normalise(np.array(VALUES), bits)
    for value, m, k in zip(VALUES, mantissa.tolist(), place.tolist(), strict=True):
        assert k == value.bit_length() - 1
        # floor to bits below the leading one: 1.m 2**k is at most one unit below value
        assert (2**bits + m) * 2**k <= value * 2**bits < (2**bits + m + 1) * 2**k
        assert 0 <= m < 2**bits


def test_round_by():
    shifts = np.arange(1, 12)
    for acc in (*range(-70, 70), 2**40 + 1, -2**40):
        expected = [(2 * acc + 2**s) // 2 ** (s + 1) for s in shifts.tolist()]
        assert round_by(np.full(len(shifts), acc), shifts).tolist() == expected
