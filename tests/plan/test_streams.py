"""Codes in beats and words: there and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxonn_hw.config import config_from_dict
from taxonn_hw.plan import Network
from taxonn_hw.plan.streams import element_width, pack_bits, sample_beats, unpack_bits


def make(layers, lanes, **keys) -> Network:
    return Network(config_from_dict({"layers": layers, "lanes": lanes, **keys}))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.data(), st.integers(1, 32), st.integers(1, 9), st.integers(0, 5), st.booleans())
def test_bits_come_back(data, width, n, beats, signed):
    lo, hi = (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)
    elements = np.array(data.draw(st.lists(st.integers(lo, hi), min_size=beats * n,
                                           max_size=beats * n)), dtype=np.int64).reshape(beats, n)
    words = pack_bits(elements, width)
    assert words.dtype == np.uint32 and words.shape == (beats, -(-n * width // 32))
    np.testing.assert_array_equal(unpack_bits(words, width, n, signed), elements)
    for beat, row in zip(words.tolist(), elements.tolist(), strict=True):
        value = sum(word << 32 * k for k, word in enumerate(beat))
        assert value == sum((code & (1 << width) - 1) << width * k for k, code in enumerate(row))


def test_sample_beats():
    """Inputs padded to whole beats, then targets padded likewise."""
    network = make([5, 3], 4, mapping="outputs", samples_per_clock=4)
    x, target = np.arange(1, 11).reshape(2, 5), np.arange(21, 27).reshape(2, 3)
    assert sample_beats(network, x, target).tolist() == [
        [1, 2, 3, 4], [5, 0, 0, 0], [21, 22, 23, 0],
        [6, 7, 8, 9], [10, 0, 0, 0], [24, 25, 26, 0]]
    assert sample_beats(network, x).tolist() == [
        [1, 2, 3, 4], [5, 0, 0, 0], [6, 7, 8, 9], [10, 0, 0, 0]]


@pytest.mark.parametrize(("bits", "width"), [(4, 8), (8, 8), (12, 12)])
def test_an_element_holds_inputs_and_targets(bits, width):
    assert element_width(make([5, 3], 4, bits=bits)) == width
