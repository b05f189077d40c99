"""Weights in rows and lanes, codes in bits: there and back, and where each one lies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxonn_hw.config import config_from_dict
from taxonn_hw.plan import Network
from taxonn_hw.plan.layout import (
    element_width,
    pack_bits,
    pack_parameters,
    sample_beats,
    unpack_bits,
    unpack_parameters,
    weight_group,
)


def make(layers, lanes, **keys) -> Network:
    return Network(config_from_dict({"layers": layers, "lanes": lanes, **keys}))


def numbered(network):
    """Return parameters that are all different and none zero."""
    count, parameters = 1, []
    for layer in network.layers:
        n_weights = layer.n_out * layer.n_in
        weight = count + np.arange(n_weights).reshape(layer.n_out, layer.n_in)
        parameters.append((weight, count + n_weights + np.arange(layer.n_out)))
        count += n_weights + layer.n_out
    return parameters


@settings(max_examples=60, deadline=None, derandomize=True)
@given(layers=st.lists(st.integers(1, 12), min_size=2, max_size=4), lanes=st.integers(1, 9),
       mapping=st.sampled_from(["auto", "outputs", "inputs"]))
def test_parameters_come_back(layers, lanes, mapping):
    network = make(layers, lanes, mapping=mapping)
    parameters = numbered(network)
    rows, biases = pack_parameters(network, parameters)
    assert rows.shape == (network.n_rows, lanes) and biases.shape == (network.n_neurons,)
    stored = np.concatenate([rows.ravel(), biases])
    assert sorted(stored[stored != 0]) == list(range(1, network.n_weights + 1))
    for pair, expected in zip(unpack_parameters(network, rows, biases), parameters, strict=True):
        for array, reference in zip(pair, expected, strict=True):
            np.testing.assert_array_equal(array, reference)


@pytest.mark.parametrize("mapping", ["outputs", "inputs"])
def test_every_weight_lies_where_its_layer_says(mapping):
    network = make([5, 7, 4], 3, mapping=mapping)
    parameters = numbered(network)
    rows, biases = pack_parameters(network, parameters)
    for layer, (weight, bias) in zip(network.layers, parameters, strict=True):
        for o in range(layer.n_out):
            for i in range(layer.n_in):
                side, item = (o, i) if mapping == "outputs" else (i, o)
                row = layer.row_base + side // 3 * layer.row_stride + item
                assert rows[row, side % 3] == weight[o, i]
            if mapping == "outputs":
                row = layer.row_base + o // 3 * layer.row_stride + layer.n_in
                assert rows[row, o % 3] == bias[o]
            else:
                assert biases[layer.neuron_base + o] == bias[o]


@pytest.mark.parametrize(("lanes", "group"), [
    (1, 1), (2, 2), (3, 3), (7, 7), (8, 8), (9, 3), (11, 1), (12, 6), (16, 8), (128, 8), (130, 5)])
def test_weight_group(lanes, group):
    assert weight_group(lanes) == group


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
