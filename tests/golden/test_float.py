"""The float reference: every gradient by finite differences, every loss by its meaning."""

import numpy as np
import pytest

from taxonn_hw.config import MATCHED_LOSS, NEURON_KINDS, Activation, config_from_dict
from taxonn_hw.golden import FloatModel, initial_weights
from taxonn_hw.golden.float import loss_real
from taxonn_hw.plan import Network

EPS = 1e-5
SIZES = [4, 5, 3, 2]
KINKS = {Activation.RELU: [0], Activation.LEAKY_RELU: [0], Activation.HARD_SIGMOID: [-2, 2]}


def make(hidden: Activation, output: Activation, sizes=SIZES, **keys) -> Network:
    return Network(config_from_dict({
        "layers": list(sizes), "activation": hidden.value, "output": output.value,
        "loss": MATCHED_LOSS[output].value, "bits": 16, "leak_exponent": 2, **keys}))


def spread(model: FloatModel, rng) -> None:
    """Give the weights values that reach every piece of every activation."""
    for weight, bias in zip(model.weights, model.biases, strict=True):
        weight[...] = rng.normal(0, 1.5, weight.shape)
        bias[...] = rng.normal(0, 1, bias.shape)


def near_a_kink(model: FloatModel, x) -> bool:
    """Whether a difference of EPS could cross a kink of some activation."""
    inputs, _, _ = model.deltas(x, np.zeros(SIZES[-1]))
    return any(np.abs(weight @ a + bias - kink).min() < 1e-3
               for layer, weight, bias, a in zip(model.network.layers, model.weights, model.biases,
                                                 inputs, strict=True)
               for kink in KINKS.get(layer.activation, []))


@pytest.mark.parametrize("output", list(Activation))
@pytest.mark.parametrize("hidden", NEURON_KINDS)
def test_gradients_are_finite_differences(hidden, output):
    rng = np.random.default_rng(3)
    model = FloatModel(make(hidden, output))
    largest = 0.0
    for _ in range(6):
        spread(model, rng)
        x, target = rng.random(SIZES[0]), rng.integers(0, 2, SIZES[-1]).astype(float)
        if output is Activation.SOFTMAX:  # its loss is that of targets whose sum is 1
            target = np.array([0.25, 0.75])
        while near_a_kink(model, x):
            x = rng.random(SIZES[0])
        inputs, deltas, result = model.deltas(x, target)
        np.testing.assert_allclose(result, model.infer(x[None])[0])
        for weight, bias, a, delta in zip(model.weights, model.biases, inputs, deltas, strict=True):
            for array, gradient in ((weight, np.outer(delta, a)), (bias, delta)):
                numeric = np.empty_like(array)
                for place in np.ndindex(array.shape):
                    kept = array[place]
                    array[place] = kept + EPS
                    above = model.loss(x, target)
                    array[place] = kept - EPS
                    numeric[place] = (above - model.loss(x, target)) / (2 * EPS)
                    array[place] = kept
                # central difference: rounding of the loss / EPS plus EPS**2 of the third derivative
                scale = 1 + np.abs(gradient).max()
                np.testing.assert_allclose(gradient, numeric, atol=2e-7 * scale, rtol=1e-6)
                largest = max(largest, np.abs(gradient).max())
    assert largest > 1e-3  # the comparison was not of zeros


@pytest.mark.parametrize("output", NEURON_KINDS)
def test_loss_is_zero_at_its_minimum_and_nowhere_negative(output):
    layer = make(Activation.RELU, output, [2, 1]).output
    z = np.linspace(-60, 60, 4801)[:, None]
    for target in (0.0, 1.0):
        loss = loss_real(z, np.array([target]), layer)
        assert loss.min() == pytest.approx(0, abs=1e-12)
        assert loss.max() > 0.4


def test_loss_sums_over_the_outputs():
    layer = make(Activation.RELU, Activation.IDENTITY, [2, 3]).output
    assert loss_real(np.array([1.0, 2.0, -1.0]), np.array([0.0, 0.0, 1.0]), layer) == 4.5


def test_loss_of_softmax():
    """Minus the logarithm of the right output; large sums do not overflow."""
    layer = make(Activation.RELU, Activation.SOFTMAX, [2, 3]).output
    z = np.array([[1.0, 2.0, -1.0], [900.0, 0.0, 0.0], [0.0, 900.0, 0.0]])
    loss = loss_real(z, np.array([1.0, 0.0, 0.0]), layer)
    exact = -np.log(np.exp(1) / (np.exp(1) + np.exp(2) + np.exp(-1)))
    np.testing.assert_allclose(loss, [exact, 0, 900])


def test_a_batch_and_its_decay():
    """Three samples, batches of two: steps after the second and, as the run ends, the third."""
    net = make(Activation.TANH, Activation.SOFTMAX, [4, 3, 2], batch=2, weight_decay=3,
               weight_decay_period=2, learning_rate_exponent=2, learning_rate_multiplier=3)
    model, rng = FloatModel(net), np.random.default_rng(5)
    spread(model, rng)
    x, target = rng.random((3, 4)), np.eye(2)[[0, 1, 1]]
    weights, biases = [w.copy() for w in model.weights], [b.copy() for b in model.biases]
    expected = FloatModel(net)
    for members, decay in (((0, 1), 1 - 2.0**-3), ((2,), 1)):
        expected.weights, expected.biases = weights, biases
        steps = [expected.deltas(x[i], target[i]) for i in members]
        for inputs, deltas, _ in steps:
            weights = [w - 0.75 * np.outer(d, a)
                       for w, d, a in zip(weights, deltas, inputs, strict=True)]
            biases = [b - 0.75 * d for b, d in zip(biases, deltas, strict=True)]
        weights = [w * decay for w in weights]
    model.train_run(x, target)
    for got, wanted in ((model.weights, weights), (model.biases, biases)):
        for array, reference in zip(got, wanted, strict=True):
            np.testing.assert_allclose(array, reference, atol=1e-14)


def test_hard_sigmoid_and_leak_are_those_of_the_hardware():
    model = FloatModel(make(Activation.LEAKY_RELU, Activation.HARD_SIGMOID, [1, 1, 1]))
    model.weights = [np.array([[1.0]]), np.array([[1.0]])]
    model.biases = [np.zeros(1), np.zeros(1)]
    outputs = model.infer(np.array([[-12.0], [-4.0], [0.0], [1.0], [2.0], [3.0]]))
    np.testing.assert_array_equal(outputs[:, 0], [0, 0.25, 0.5, 0.75, 1, 1])


@pytest.mark.parametrize("x", [[0.5, 0.0, 0.25, 1.0], [0.0, 0.0, 0.0, 0.75]])
def test_a_step_is_rate_times_gradient(x):
    """Densely and sparsely; one layer is slower by its own shift."""
    net = make(Activation.TANH, Activation.SIGMOID, learning_rate_exponent=3, layers=[
        {"size": 5}, {"size": 3, "learning_rate_shift": 2}, {"size": 2}], inputs=4)
    model = FloatModel(net)
    assert model.rate == 3
    x, target = np.array(x), np.array([1.0, 0.0])
    inputs, deltas, output = model.deltas(x, target)
    weights = [w.copy() for w in model.weights]
    biases = [b.copy() for b in model.biases]
    np.testing.assert_array_equal(model.train(x, target), output)
    for i, rate in enumerate([1 / 8, 1 / 32, 1 / 8]):
        np.testing.assert_allclose(model.weights[i],
                                   weights[i] - rate * np.outer(deltas[i], inputs[i]), atol=1e-15)
        np.testing.assert_allclose(model.biases[i], biases[i] - rate * deltas[i], atol=1e-15)


def test_it_starts_at_the_golden_weights():
    net = make(Activation.RELU, Activation.HARD_SIGMOID, bits=4)
    for weight, (codes, _), layer in zip(FloatModel(net).weights, initial_weights(net), net.layers,
                                         strict=True):
        np.testing.assert_array_equal(weight * 2.0**layer.formats.weight.frac, codes)
