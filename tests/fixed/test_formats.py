"""Formats: ranges, codes, text."""

import numpy as np
import pytest

from taxonn_hw.fixed import Pow2Format, QFormat, parse_format


@pytest.mark.parametrize(("text", "lo", "hi", "one"), [
    ("s8.7", -128, 127, 127),
    ("s8.6", -128, 127, 64),
    ("u4.2", 0, 15, 4),
    ("u4.4", 0, 15, 15),
    ("u8.7", 0, 255, 128),
    ("s1.0", -1, 0, 0),
    ("u1.0", 0, 1, 1),
    ("s4.9", -8, 7, 7),
    ("s4.-2", -8, 7, 0),
    ("u32.0", 0, 2**32 - 1, 1),
])
def test_ranges_of_fixed_point(text, lo, hi, one):
    q = parse_format(text)
    assert (q.lo, q.hi, q.one, q.code_width) == (lo, hi, one, q.width)
    assert str(q) == text


@pytest.mark.parametrize(("text", "n_magnitudes", "hi"), [
    ("p2.0", 1, 1), ("p3.4", 3, 4), ("p4.6", 7, 64), ("p5.-1", 15, 16384)])
def test_ranges_of_powers_of_two(text, n_magnitudes, hi):
    p = parse_format(text)
    assert (p.n_magnitudes, p.hi, p.lo, p.code_width) == (n_magnitudes, hi, -hi, p.width)
    assert p.signed and str(p) == text


@pytest.mark.parametrize("text", [
    "", "8.7", "s8", "s8.", "s8.7x", "q8.7", "S8.7", "s-8.7", "s8.1234", "s0.0", "s33.0", "u33.1",
    "p1.0", "p6.0", "s8 .7"])
def test_bad_text_is_refused_with_the_rule(text):
    with pytest.raises(ValueError, match=r"a format is written|width must be"):
        parse_format(text)


def test_spaces_around_a_format_are_ignored():
    assert parse_format(" s8.7\n") == QFormat(8, 7)


@pytest.mark.parametrize("text", ["s4.2", "u4.2", "u3.5", "s5.-1"])
def test_quantize_is_nearest_half_up_and_saturates(text):
    q = parse_format(text)
    unit = 2.0**-q.frac
    codes = np.arange(q.lo, q.hi + 1)
    np.testing.assert_array_equal(q.quantize(codes * unit), codes)
    np.testing.assert_array_equal(q.to_real(codes), codes * unit)
    np.testing.assert_array_equal(q.quantize((codes[:-1] + 0.5) * unit), codes[1:])
    np.testing.assert_array_equal(q.quantize((codes[1:] - 0.501) * unit), codes[:-1])
    np.testing.assert_array_equal(q.quantize(np.array([-1e9, 1e9])), [q.lo, q.hi])
    assert q.quantize(0.0).dtype == np.int64


@pytest.mark.parametrize("width", [2, 3, 4, 5])
def test_words_of_powers_of_two(width):
    p = Pow2Format(width, 3)
    words = np.arange(1 << width)
    codes = p.decode(words)
    expected = [0] + [2**m for m in range(p.n_magnitudes)]
    np.testing.assert_array_equal(codes, expected + [-code for code in expected])
    live = words[words != 1 << width - 1]  # minus zero decodes to zero, which encodes as zero
    np.testing.assert_array_equal(p.encode(p.decode(live)), live)
    np.testing.assert_array_equal(p.to_real(codes), codes / 8)
