"""Shifts and saturations by amounts known at run time: gates, and the law that lets them round."""

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from taxonn_hw.fixed import Pow2Format, QFormat, Rounding, quantize_pow2, round_shift, saturate
from taxonn_hw.fixed.model import RANDOM_BITS
from taxonn_hw.fixed.variable import append_zeros, clip_code, saturate_below
from tests.fixed.test_gates import WORDS, codes_of, sweep


@pytest.mark.parametrize("most", [0, 1, 2, 3, 5, 6])
@pytest.mark.parametrize("shape", [signed(4), unsigned(3), signed(1)])
def test_append_zeros(shape, most):
    vectors = [(value, amount) for value in codes_of(shape) for amount in range(most + 1)]
    amount = range(most + 1) if most else unsigned(1)
    found, = sweep(lambda v, k: [append_zeros(v, k, most)], [shape, amount], vectors)
    expected = [round_shift(value, -amount, Rounding.FLOOR) for value, amount in vectors]
    np.testing.assert_array_equal(found, expected)


def test_it_is_no_wider_than_it_must_be():
    lengths = []
    sweep(lambda v, k: [lengths.append(len(append_zeros(v, k, 5))) or v], [signed(4), unsigned(3)],
          [(0, 0)])
    assert lengths == [9]


@pytest.mark.parametrize("shape", [signed(6), unsigned(5), signed(3)])
def test_clip_code(shape):
    bounds = [(-8, 7), (0, 5), (0, 0), (-1, 15)]
    vectors = [(value, *pair) for value in codes_of(shape) for pair in bounds]
    found, = sweep(lambda v, low, high: [clip_code(v, low, high)], [shape, signed(5), signed(5)],
                   vectors)
    np.testing.assert_array_equal(found, [min(max(v, low), high) for v, low, high in vectors])


@pytest.mark.parametrize("value_bits", [2, 4, 5, 7])
def test_saturate_below(value_bits):
    """Every width up to that of the container, values narrower and wider than it."""
    shape, container = signed(value_bits), 5
    vectors = [(value, (1 << k) - 1) for value in codes_of(shape) for k in range(container)]
    found, = sweep(lambda v, high: [saturate_below(v, high)], [shape, unsigned(container - 1)],
                   vectors)
    expected = [saturate(value, QFormat(high.bit_length() + 1, 0)) for value, high in vectors]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("shift", [-3, -1, 0, 1, 2, 5, 15, 16, 17, 20])
def test_zeros_before_rounding_change_nothing(mode, shift):
    values = np.concatenate([np.arange(-70, 70), np.arange(-70, 70) * 1021 + 5])[:, None]
    words = np.array(WORDS)
    for zeros in (1, 2, 7):
        found = round_shift(values << zeros, shift + zeros, mode, words)
        expected = round_shift(values, shift, mode, words)
        np.testing.assert_array_equal(*np.broadcast_arrays(found, expected))


@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("fmt", [Pow2Format(3, 2), Pow2Format(4, 6)], ids=str)
def test_nor_before_powers_of_two_with_a_word_as_far_up(mode, fmt):
    """A random word counts from the lowest bit of the number, but not beyond its own length below
    the largest magnitude: as ``delta_random_zeros`` of the layer table."""
    deepest = RANDOM_BITS - fmt.n_magnitudes + 1
    values = np.concatenate([np.arange(-300, 300), np.arange(-300, 300) * 9973 + 5])[:, None]
    words = np.array(WORDS)
    for drop in range(-3, 16):
        for point in range(max(drop, 0), 18):
            zeros, above = point - drop, min(point, deepest) - max(min(drop, deepest), 0)
            found = quantize_pow2(values << zeros, point, fmt, mode, words << above)
            np.testing.assert_array_equal(found, quantize_pow2(values, drop, fmt, mode, words))
