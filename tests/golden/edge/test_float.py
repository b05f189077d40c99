"""The float reference: gradients by finite differences, staleness, agreement with golden."""

import numpy as np
import pytest

from taxonn_hw.config import MATCHED_LOSS, NEURON_KINDS, Activation
from taxonn_hw.golden.edge import EdgeFloat, EdgeModel
from tests.golden.edge.networks import make, samples

EPS = 1e-5
KINKS = {Activation.RELU: [0], Activation.LEAKY_RELU: [0], Activation.HARD_SIGMOID: [-2, 2]}
LOSSES = [(output, MATCHED_LOSS[output]) for output in NEURON_KINDS]
LOSSES.append((Activation.SIGMOID, "mean_square"))
#: one edge a neuron, partial sums, full connection, repeated connections in the last junction
SHAPES = [([8, 4, 4], [2, 2], 4), ([4, 2, 4, 4], [1, 4, 2], 4), ([4, 4, 3], [3, 3], 12),
          ([12, 6, 9, 3], [3, 3, 2], 18)]


def spread(model, rng) -> None:
    for weight, bias in zip(model.weights, model.biases, strict=True):
        weight[...] = rng.normal(0, 1.5, weight.shape)
        bias[...] = rng.normal(0, 1, bias.shape)


def near_a_kink(model, x) -> bool:
    edge_x, _, _ = model.deltas(x, np.zeros(model.network.output.n_out))
    return any(np.abs((weight * a).sum(axis=1) + bias - kink).min() < 1e-3
               for j, weight, bias, a in zip(model.network.layers, model.weights, model.biases,
                                             edge_x, strict=True)
               for kink in KINKS.get(j.activation, []))


@pytest.mark.parametrize(("output", "loss"), LOSSES)
@pytest.mark.parametrize("hidden", NEURON_KINDS)
def test_gradients_are_finite_differences(hidden, output, loss):
    rng, largest = np.random.default_rng(3), 0.0
    for shape in SHAPES:
        model = EdgeFloat(make(*shape, activation=hidden.value, output=output.value,
                               loss=str(loss), bits=16, leak_exponent=2))
        n_in, n_out = shape[0][0], shape[0][-1]
        spread(model, rng)
        x, target = rng.random(n_in), rng.integers(0, 2, n_out).astype(float)
        while near_a_kink(model, x):
            x = rng.random(n_in)
        edge_x, deltas, result = model.deltas(x, target)
        np.testing.assert_allclose(result, model.infer(x[None])[0])
        for weight, bias, a, delta in zip(model.weights, model.biases, edge_x, deltas,
                                          strict=True):
            for array, gradient in ((weight, delta[:, None] * a), (bias, delta)):
                numeric = np.empty_like(array)
                for place in np.ndindex(array.shape):
                    kept = array[place]
                    array[place] = kept + EPS
                    above = model.loss(x, target)
                    array[place] = kept - EPS
                    numeric[place] = (above - model.loss(x, target)) / (2 * EPS)
                    array[place] = kept
                scale = 1 + np.abs(gradient).max()
                np.testing.assert_allclose(gradient, numeric, atol=2e-7 * scale, rtol=1e-6)
                largest = max(largest, np.abs(gradient).max())
    assert largest > 1e-3  # the comparison was not of zeros


def test_a_run_of_one_sample_is_a_step():
    network = make([{"size": 4}, {"size": 4, "learning_rate_shift": 2}], [2, 2], 4, inputs=8,
                   activation="tanh")
    model = EdgeFloat(network)
    rng = np.random.default_rng(1)
    x, target = rng.random(8), np.array([1.0, 0, 0, 1])
    edge_x, deltas, output = model.deltas(x, target)
    before = [w.copy() for w in model.weights], [b.copy() for b in model.biases]
    assert model.rate == 2
    np.testing.assert_array_equal(model.train_run(x[None], target[None])[0], output)
    for i, rate in enumerate([1 / 4, 1 / 16]):
        np.testing.assert_allclose(
            model.weights[i], before[0][i] - rate * deltas[i][:, None] * edge_x[i], atol=1e-15)
        np.testing.assert_allclose(model.biases[i], before[1][i] - rate * deltas[i], atol=1e-15)


@pytest.mark.parametrize("staleness", [True, False])
@pytest.mark.parametrize("hidden", ["sigmoid", "identity", "tanh"])
def test_wide_formats_follow_float_through_the_pipeline(hidden, staleness):
    """At 16 bits a run differs from float64 by the roundings of its stores only."""
    network = make([12, 12, 4], [3, 2], 12, bits=16, activation=hidden, table_bits=12,
                   learning_rate_exponent=3,
                   formats={"derivative": "u12.11", "activation": "s16.12", "delta": "s18.14"})
    golden, model = (kind(network, staleness=staleness) for kind in (EdgeModel, EdgeFloat))
    rng = np.random.default_rng(2)
    x, target, _ = samples(network, rng, 12)
    target = target // network.output.formats.a.one
    start = [w.copy() for w in model.weights]
    outputs = golden.train_run(x, target * network.output.formats.a.one)
    real = model.train_run(network.input.to_real(x), target)
    bound = 2.0**-7 if network.layers[0].activation.is_table else 2.0**-9
    np.testing.assert_allclose(network.output.formats.a.to_real(outputs), real, atol=bound)
    for j, (weight, bias), w, b in zip(network.layers, golden.parameters, model.weights,
                                       model.biases, strict=True):
        np.testing.assert_allclose(j.formats.weight.to_real(weight), w, atol=bound)
        np.testing.assert_allclose(j.formats.bias.to_real(bias), b, atol=bound)
    assert min(np.abs(w - v).max() for w, v in zip(model.weights, start, strict=True)) > 2 * bound


def test_published_arithmetic_follows_float():
    network = make([12, 12, 4], [3, 2], 12, formats={"weight": "s32.21"}, activation="sigmoid",
                   edge={"arithmetic": "compatibility"}, learning_rate_exponent=3)
    golden, model = EdgeModel(network), EdgeFloat(network)
    x, target, _ = samples(network, np.random.default_rng(2), 12)
    outputs = golden.train_run(x, target)
    real = model.train_run(network.input.to_real(x), target >> 21)
    # the table has a step of 2**-8, taken at its lower end, times the slope 1/4
    np.testing.assert_allclose(outputs * 2.0**-21, real, atol=2.0**-8)
    for (weight, bias), w, b in zip(golden.parameters, model.weights, model.biases, strict=True):
        np.testing.assert_allclose(weight * 2.0**-21, w, atol=2.0**-8)
        np.testing.assert_allclose(bias * 2.0**-21, b, atol=2.0**-8)


def test_staleness_delays_what_is_learnt():
    network = make([8, 4], [2], 4, activation="sigmoid")
    x, target = np.ones((4, 8)), np.zeros((4, 4))
    stale, fresh = (EdgeFloat(network, staleness=flag).train_run(x, target)
                    for flag in (True, False))
    assert (stale[0] == stale[1]).all() and (stale[1] != stale[2]).any()
    assert (stale[0] == fresh[0]).all() and (stale[2] == fresh[1]).all()


def test_progress_is_told():
    told = []
    network = make([8, 4], [2], 4)
    EdgeFloat(network).train_run(np.ones((3, 8)), np.zeros((3, 4)), lambda *p: told.append(p))
    assert told[-1] == (3, 3)
