"""The numpy law against its exact definition, exhaustively for small widths."""

from fractions import Fraction

import numpy as np
import pytest

from taxonn_hw.fixed import (
    Pow2Format,
    QFormat,
    Rounding,
    finish_step,
    quantize_pow2,
    requantize,
    round_shift,
    rounding_offset,
    saturate,
)
from tests.exact import WORDS, exact_pow2, exact_round, exact_store

MODES = list(Rounding)
ACC = np.arange(-70, 71)
CORNER_WORDS = [0, 1, 0x5A5A, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shift", range(-3, 9))
def test_round_shift_is_exact(mode, shift):
    for word in CORNER_WORDS if mode is Rounding.STOCHASTIC else [0]:
        result = round_shift(ACC, shift, mode, np.full(ACC.shape, word, dtype=np.uint16))
        expected = [exact_round(Fraction(int(a)) / Fraction(2) ** shift, mode, word) for a in ACC]
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shift", [15, 16, 17, 18, 23, 31, 40])
def test_round_shift_beyond_a_random_word(mode, shift):
    half = 1 << shift - 1
    acc = np.array([k * half + d for k in range(-6, 7) for d in (-2, -1, 0, 1, 2)])
    for word in CORNER_WORDS:
        result = round_shift(acc, shift, mode, np.full(acc.shape, word, dtype=np.uint16))
        expected = [exact_round(Fraction(int(a), 1 << shift), mode, word) for a in acc]
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("shift", [1, 5, 16])
def test_stochastic_rounding_has_the_exact_mean(shift):
    words = np.arange(WORDS)
    for acc in (0, 1, -1, 3, 1 << shift - 1, (1 << shift) - 1, -(5 << shift) + 1):
        total = int(round_shift(np.full(WORDS, acc), shift, Rounding.STOCHASTIC, words).sum())
        assert Fraction(total, WORDS) == Fraction(acc, 1 << shift)


@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("shift", [1, 2, 3, 8, 16, 18])
def test_a_step_in_one_sum_is_the_law(mode, shift):
    """``word - round(step)`` from word, step and offset side by side; ties among the steps."""
    rng = np.random.default_rng(shift)
    word, random = rng.integers(-8, 8, 4000), rng.integers(0, 1 << 16, 4000)
    step = rng.integers(-16, 17, 4000) << shift - 1
    step[::2] += rng.integers(-1 << shift, 1 << shift, 2000)
    offset = rounding_offset(shift, mode, random)
    total = (word << shift) - step + (1 << shift) - 1 - offset
    np.testing.assert_array_equal(finish_step(total, shift, mode, word),
                                  word - round_shift(step, shift, mode, random))
    if mode is not Rounding.HALF_EVEN:
        np.testing.assert_array_equal(round_shift(step, shift, mode, random),
                                      step + offset >> shift)


@pytest.mark.parametrize("text", [(1, True), (1, False), (4, True), (4, False), (6, True)])
def test_saturate_clips_at_both_ends(text):
    q = QFormat(text[0], 0, text[1])
    np.testing.assert_array_equal(saturate(ACC, q), [min(max(a, q.lo), q.hi) for a in ACC])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("q", [QFormat(3, 1), QFormat(4, 0, False), QFormat(4, 6)], ids=str)
@pytest.mark.parametrize("frac", [0, 3, 7])
def test_requantize_rounds_once_and_saturates_once(mode, q, frac):
    word = 0x9C31
    result = requantize(ACC, frac - q.frac, q, mode, np.full(ACC.shape, word, dtype=np.uint16))
    expected = [exact_store(Fraction(int(a), 2**frac), q, mode, word) for a in ACC]
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("width", [2, 3, 4, 5])
@pytest.mark.parametrize("shift", [-4, -1, 0, 1, 2, 5, 12, 17])
def test_quantize_pow2_is_exact(mode, width, shift):
    p = Pow2Format(width, 4)
    frac = p.frac + shift
    acc = sorted({s * (k * 2**e + d) for s in (-1, 1) for d in (-1, 0, 1) for k in (0, 1, 3)
                  for e in range(max(shift, 0) + p.n_magnitudes + 1)} | set(range(-40, 41)))
    for word in CORNER_WORDS if mode is Rounding.STOCHASTIC else [0]:
        result = quantize_pow2(np.array(acc), shift, p, mode, np.full(len(acc), word))
        expected = [exact_pow2(Fraction(a) / Fraction(2) ** frac, frac, p, mode, word) for a in acc]
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("shift", [-1, 0, 1, 6, 10])
def test_stochastic_powers_of_two_have_the_exact_mean(width, shift):
    p = Pow2Format(width, 0)
    words = np.arange(WORDS)
    largest = p.hi * 2**max(shift, 0)
    for acc in {0, 1, -1, 2, 3, -5, 7, largest // 2 + 1, -(largest - 1), largest}:
        value = Fraction(acc) / Fraction(2) ** shift
        if abs(value) <= p.hi:
            codes = quantize_pow2(np.full(WORDS, acc), shift, p, Rounding.STOCHASTIC, words)
            assert Fraction(int(codes.sum()), WORDS) == value


def test_pow2_codes_are_all_reachable_and_saturate():
    p = Pow2Format(3, 0)
    result = quantize_pow2(np.arange(-12, 13), 0, p, Rounding.HALF_UP)
    expected = [-4] * 10 + [-2, -1, 0, 1, 2] + [4] * 10
    np.testing.assert_array_equal(result, expected)
