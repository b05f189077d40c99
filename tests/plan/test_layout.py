"""Weights in rows and lanes: there and back, and where each one lies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxonn_hw.config import config_from_dict
from taxonn_hw.plan import Network
from taxonn_hw.plan.layout import weight_group

from ..memories import memories


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
    rows, biases = memories(network, parameters)
    assert rows.shape == (network.n_rows, lanes) and biases.shape == (network.n_neurons,)
    stored = np.concatenate([rows.ravel(), biases])
    assert sorted(stored[stored != 0]) == list(range(1, network.n_weights + 1))
    for pair, expected in zip(network.unpack(network.pack(parameters)), parameters, strict=True):
        for array, reference in zip(pair, expected, strict=True):
            np.testing.assert_array_equal(array, reference)


@pytest.mark.parametrize("mapping", ["outputs", "inputs"])
def test_every_weight_lies_where_its_layer_says(mapping):
    network = make([5, 7, 4], 3, mapping=mapping)
    parameters = numbered(network)
    rows, biases = memories(network, parameters)
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
    (1, 1), (3, 1), (8, 1), (15, 1), (16, 2), (17, 1), (24, 3), (28, 2), (64, 8), (128, 8),
    (130, 5)])
def test_weight_group(lanes, group):
    assert weight_group(lanes) == group
