"""One-chain sums equal the plain expressions of the numpy law, every code of narrow numbers."""

from itertools import product

import numpy as np
import pytest
from amaranth.hdl import Const, Signal, signed, unsigned

from taxonn_hw.fixed import Rounding, round_shift
from taxonn_hw.fixed.carry import (
    add_carry,
    flip,
    narrow_product,
    negate,
    rounding_term,
    subtract_rounded,
    times_pow2,
)
from tests.fixed.test_gates import WORDS, codes_of, sweep

SHIFTS = [-2, 0, 1, 2, 3, 5, 16, 18]


@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("shape", [signed(5), unsigned(4), signed(1)], ids=repr)
def test_subtract_rounded(shape, mode):
    words = WORDS if mode is Rounding.STOCHASTIC else [0]
    vectors = list(product([-4, -1, 0, 3], codes_of(shape), words))
    value, acc, random = np.array(vectors).T
    columns = sweep(lambda v, a, r: [subtract_rounded(v, a, s, mode, r) for s in SHIFTS],
                    [signed(3), shape, unsigned(16)], vectors)
    for shift, column in zip(SHIFTS, columns, strict=True):
        np.testing.assert_array_equal(column, value - round_shift(acc, shift, mode, random))


@pytest.mark.parametrize("mode", list(Rounding))
def test_subtract_rounded_with_a_sign_beside(mode):
    words = WORDS if mode is Rounding.STOCHASTIC else [0]
    vectors = list(product([-4, -1, 0, 3], codes_of(unsigned(4)), words, [0, 1]))
    value, size, random, negative = np.array(vectors).T
    columns = sweep(
        lambda v, a, r, n: [subtract_rounded(v, a, s, mode, r, negative=n) for s in SHIFTS],
        [signed(3), unsigned(4), unsigned(16), unsigned(1)], vectors)
    acc = np.where(negative, -size, size)
    for shift, column in zip(SHIFTS, columns, strict=True):
        np.testing.assert_array_equal(column, value - round_shift(acc, shift, mode, random))


@pytest.mark.parametrize("mode", [Rounding.FLOOR, Rounding.HALF_UP, Rounding.STOCHASTIC])
def test_rounding_term(mode):
    """Added early and floored late."""
    vectors = list(product(codes_of(signed(5)), WORDS))
    acc, random = np.array(vectors).T

    def build(a, r):
        terms = [rounding_term(s, mode, r) for s in SHIFTS]
        return [(a + term)[:24].as_signed() + Const(0, signed(24)) for term in terms]

    columns = sweep(build, [signed(5), unsigned(16)], vectors)
    for shift, column in zip(SHIFTS, columns, strict=True):
        np.testing.assert_array_equal(round_shift(column, shift, Rounding.FLOOR),
                                      round_shift(acc, shift, mode, random))


def test_half_even_has_no_term():
    with pytest.raises(ValueError, match="half_even"):
        rounding_term(3, Rounding.HALF_EVEN)
    assert rounding_term(-1, Rounding.HALF_EVEN) == 0


@pytest.mark.parametrize("shape", [signed(4), unsigned(3)], ids=repr)
def test_flip_and_add_carry(shape):
    vectors = list(product(codes_of(signed(4)), codes_of(shape), [0, 1]))
    a, b, negative = np.array(vectors).T
    column, = sweep(lambda a, b, n: [add_carry(a, flip(b, n), n)],
                    [signed(4), shape, unsigned(1)], vectors)
    np.testing.assert_array_equal(column, a + np.where(negative, -b, b))


@pytest.mark.parametrize("shape", [signed(1), signed(5), unsigned(3)], ids=repr)
def test_negate(shape):
    vectors = list(product(codes_of(shape), [0, 1]))
    value, negative = np.array(vectors).T
    column, = sweep(lambda v, n: [negate(v, n)], [shape, unsigned(1)], vectors)
    np.testing.assert_array_equal(column, np.where(negative, -value, value))


@pytest.mark.parametrize("shape", [signed(4), unsigned(3)], ids=repr)
def test_times_pow2(shape):
    vectors = list(product(codes_of(shape), range(1, 8), [0, 1]))
    value, exponent, live = np.array(vectors).T
    columns = sweep(lambda v, e, n: [times_pow2(v, e, n), times_pow2(v, e, n, highest=7)],
                    [shape, unsigned(3), unsigned(1)], vectors)
    for column in columns:
        np.testing.assert_array_equal(column, np.where(live, value << exponent - 1, 0))


def test_times_pow2_is_no_wider_than_the_highest_exponent_needs():
    product = times_pow2(Signal(signed(4)), Signal(4), Signal(), highest=9)
    assert product.shape() == signed(4 + 8)


@pytest.mark.parametrize("shapes", [
    (signed(4), unsigned(4)), (unsigned(4), signed(4)), (signed(6), unsigned(3)),
    (unsigned(1), signed(1)), (unsigned(3), unsigned(4)), (unsigned(2), signed(5)),
    (signed(3), signed(4)), (unsigned(5), signed(3)), (unsigned(4), signed(7)),
    (unsigned(6), unsigned(2))], ids=str)
def test_narrow_product(shapes):
    """Also factors that are too wide for digits, or both signed."""
    vectors = list(product(*map(codes_of, shapes)))
    a, b = np.array(vectors).T
    column, = sweep(lambda a, b: [narrow_product(a, b)], list(shapes), vectors)
    np.testing.assert_array_equal(column, a * b)
