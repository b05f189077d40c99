"""Initial weights: their deviation, the shared lists, their clipping."""

import numpy as np
import pytest

from taxonn_hw.golden.edge import EdgeFloat, EdgeModel, initial_weights
from tests.golden.edge.networks import SHAPES, make


@pytest.mark.parametrize("initial", ["independent", "shared"])
def test_glorot(initial):
    """1024-64-32 with fan-outs 4, 16: deviations sqrt(2 / 68) and sqrt(2 / 48)."""
    network = make([1024, 64, 32], [4, 16], 32, bits=16, edge={"initial": initial})
    many = [initial_weights(make([1024, 64, 32], [4, 16], 32, bits=16, seed=seed,
                                 edge={"initial": initial})) for seed in range(30)]
    for i, (junction, expected) in enumerate(zip(network.layers, (2 / 68, 2 / 48), strict=True)):
        weights = junction.formats.weight.to_real(np.array([pair[i][0] for pair in many]))
        biases = junction.formats.bias.to_real(np.array([pair[i][1] for pair in many]))
        assert weights.std() == pytest.approx(np.sqrt(expected), rel=0.06)
        assert biases.std() == pytest.approx(np.sqrt(expected), rel=0.1)
        assert abs(weights.mean()) < 0.1 * np.sqrt(expected)


def test_shared_lists_make_all_edges_of_a_clock_equal():
    for shape in SHAPES:
        network = make(*shape, edge={"initial": "shared"})
        for junction, (weight, bias) in zip(network.layers, initial_weights(network), strict=True):
            rows = weight.reshape(junction.cycles, junction.z)
            assert (rows == rows[:, :1]).all()
            groups = bias.reshape(junction.n_groups, junction.neurons_per_clock)
            assert (groups == groups[:, :1]).all()
    network = make([64, 16], [4], 16, edge={"initial": "shared"})
    weight, bias = initial_weights(network)[0]
    assert len(np.unique(weight)) == 16 and (bias == weight.reshape(16, -1)[:, 0]).all()
    own = initial_weights(make([64, 16], [4], 16))[0][0]
    assert len(np.unique(own)) > 100


def test_weights_start_where_the_operand_shows_them():
    for bits in (2, 4, 8):
        network = make([4, 4], [4], 4, bits=bits, formats={"operand": f"s{bits}.{bits}"})
        f = network.layers[0].formats
        weight, _ = initial_weights(network)[0]
        assert np.abs(f.weight.to_real(weight)).max() <= f.operand.to_real(-f.operand.lo)
        assert f.weight.to_real(weight).max() <= f.operand.to_real(f.operand.hi)


def test_models_start_there():
    network = make([8, 4, 4], [2, 2], 4)
    start = initial_weights(network)
    for (w, b), (v, c), u, j in zip(start, EdgeModel(network).parameters,
                                    EdgeFloat(network).weights, network.layers, strict=True):
        assert (w.tolist(), b.tolist()) == (v.tolist(), c.tolist())
        np.testing.assert_array_equal(u * 2.0**j.formats.weight.frac, w)
        assert w.shape == j.weight_shape and w.dtype == np.int64


def test_seeds_decide():
    network, other = make([8, 4], [2], 4), make([8, 4], [2], 4, seed=4)
    assert (initial_weights(network)[0][0] == initial_weights(make([8, 4], [2], 4))[0][0]).all()
    assert (initial_weights(network)[0][0] != initial_weights(other)[0][0]).any()
