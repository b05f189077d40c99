"""Derived sizes, bounds and the choice of mapping."""

from itertools import product

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.errors import UserError
from taxonn_hw.golden import GoldenModel
from taxonn_hw.plan import Network


def make(layers, lanes, **keys) -> Network:
    return Network(config_from_dict({"layers": layers, "lanes": lanes, **keys}))


def test_the_headline_net_alternates():
    """784-128-10 on 128 lanes: design 2.2's choice, 785 rows and 10 rows."""
    network = make([784, 128, 10], 128)
    assert network.mapping == ("outputs", "inputs")
    assert [layer.n_rows for layer in network.layers] == [785, 10]
    assert (network.n_rows, network.n_neurons, network.n_weights) == (795, 138, 101770)
    assert [layer.row_base for layer in network.layers] == [0, 785]
    assert [layer.neuron_base for layer in network.layers] == [0, 128]


@pytest.mark.parametrize(("layers", "lanes", "first"), [
    ([64, 2], 64, "inputs"), ([2, 64], 64, "outputs")])
def test_the_wide_side_lies_in_the_lanes(layers, lanes, first):
    assert make(layers, lanes, zero_skip=False).mapping[0] == first


def test_mapping_can_be_fixed_for_all_or_one_layer():
    assert make([9, 9, 9], 4, mapping="inputs").mapping == ("inputs", "inputs")
    layers = [{"size": 9, "mapping": "inputs"}, {"size": 9}, {"size": 9}]
    network = make(layers, 4, inputs=9, mapping="outputs")
    assert network.mapping == ("inputs", "outputs", "outputs")


@pytest.mark.parametrize("layers", [[17, 9, 5, 3], [1, 1], [30, 2, 30]])
def test_rows_hold_every_weight_whatever_the_mapping(layers):
    for lanes, mapping in product([1, 3, 16], ["auto", "outputs", "inputs"]):
        network = make(layers, lanes, mapping=mapping)
        for layer in network.layers:
            side = layer.n_out if layer.by_outputs else layer.n_in
            assert layer.n_blocks * lanes >= side > (layer.n_blocks - 1) * lanes
            items = layer.n_in + 1 if layer.by_outputs else layer.n_out
            assert layer.n_rows == layer.n_blocks * items
        bases = np.cumsum([0] + [layer.n_rows for layer in network.layers])
        assert [layer.row_base for layer in network.layers] == bases[:-1].tolist()
        assert network.n_rows == bases[-1]


def test_many_layers_are_mapped_one_by_one():
    network = make([8] * 16, 4)
    assert len(network.mapping) == 15


def test_too_many_rows():
    with pytest.raises(UserError, match=r"needs .* rows of 1 lanes, at most 65536"):
        make([784, 128, 10], 1)


@pytest.mark.parametrize("keys", [
    {"bits": 4}, {"bits": 8}, {"bits": 16}, {"bits": 8, "activation": "leaky_relu"},
    {"bits": 6, "activation": "tanh"}, {"formats": {"bias": "s12.11", "weight": "s12.9"}}])
def test_accumulators_reach_their_bounds_and_no_more(keys):
    """The forward and backward bounds are sums that real weights can make."""
    network = make([7, 5, 4], 4, **keys)
    rails = [(np.full((layer.n_out, layer.n_in), layer.formats.weight.lo),
              np.full(layer.n_out, layer.formats.bias.lo)) for layer in network.layers]
    for layer, state in zip(network.layers, GoldenModel(network, rails)._states, strict=True):
        f = layer.formats
        extreme = np.full(layer.n_in, f.x.lo if -f.x.lo > f.x.hi else f.x.hi)
        sign = 1 if extreme[0] > 0 else -1
        state.bias = state.bias * sign
        acc = state.accumulate(extreme @ (state.operand if layer.by_outputs
                                          else state.operand.T))
        assert np.abs(acc).max() == layer.forward_bound
        delta = np.full(layer.n_out, f.delta.lo)
        assert np.abs(state.backward(delta)).max() == layer.backward_bound
