"""Convolution and pooling in float64: every gradient by finite differences."""

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.golden import FloatModel
from taxonn_hw.golden.conv_float import kernel_gradient
from taxonn_hw.plan import ConvLayer, Network

EPS = 1e-5


def conv(channels, kernel, **keys) -> dict:
    return {"kind": "conv", "channels": channels, "kernel": kernel, **keys}


def make(image, layers, **keys) -> Network:
    return Network(config_from_dict({"input_shape": list(image), "bits": 16, "lanes": 4,
                                     "layers": layers, "learning_rate_exponent": 3, **keys}))


def gradients(model, x, target):
    """Return (dW, db) of every layer."""
    inputs, deltas, _ = model.deltas(x, target)
    return [kernel_gradient(a, delta, layer) if isinstance(layer, ConvLayer)
            else (np.outer(delta, a), delta)
            for layer, a, delta in zip(model.network.layers, inputs, deltas, strict=True)]


@pytest.mark.parametrize(("image", "layers"), [
    ([2, 5, 4], [conv(3, 2, pool="max"), conv(2, [2, 1]), {"size": 2}]),
    ([1, 7, 7], [conv(2, 3, stride=2, padding=1, pool="average"), {"size": 3}, {"size": 2}]),
    ([1, 6, 7], [conv(2, 2, pool="average", pool_size=3), conv(3, 1), {"size": 2}]),
    ([2, 3, 5], [conv(2, [3, 5], padding=2, stride=3, pool="max"), {"size": 2}]),
], ids=str)
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "identity"])
def test_gradients_are_finite_differences(image, layers, activation):
    model = FloatModel(make(image, layers, activation=activation, output="sigmoid"))
    rng = np.random.default_rng(3)
    for weight, bias in zip(model.weights, model.biases, strict=True):
        weight[...] = rng.normal(0, 0.7, weight.shape)
        bias[...] = rng.normal(0, 0.5, bias.shape)
    x, target = rng.random(model.network.n_inputs), np.array([1.0, 0.0])
    np.testing.assert_allclose(model.deltas(x, target)[2], model.infer(x[None])[0])
    exact = gradients(model, x, target)
    largest = 0.0
    for weight, bias, (dweight, dbias) in zip(model.weights, model.biases, exact, strict=True):
        for array, gradient in ((weight, dweight), (bias, dbias)):
            assert gradient.shape == array.shape
            for place in np.ndindex(array.shape):
                kept = array[place]
                array[place] = kept + EPS
                above = model.loss(x, target)
                array[place] = kept - EPS
                numeric = (above - model.loss(x, target)) / (2 * EPS)
                array[place] = kept
                # rounding of the loss / EPS, plus EPS**2 of the third derivative
                assert gradient[place] == pytest.approx(numeric, abs=1e-8, rel=1e-5)
                largest = max(largest, abs(numeric))
    assert largest > 1e-2  # the comparison was not of zeros


def test_a_step_is_rate_times_gradient():
    model = FloatModel(make([1, 4, 4], [conv(2, 3, learning_rate_shift=2), {"size": 2}]))
    rng = np.random.default_rng(1)
    x, target = rng.random(16), np.array([0.0, 1.0])
    before = [(w.copy(), b.copy()) for w, b in zip(model.weights, model.biases, strict=True)]
    exact = gradients(model, x, target)
    model.train(x, target)
    for i, rate in enumerate((1 / 32, 1 / 8)):
        for array, old, gradient in zip((model.weights[i], model.biases[i]), before[i], exact[i],
                                        strict=True):
            np.testing.assert_allclose(array, old - rate * gradient, atol=1e-15)


def test_a_convolution_by_hand():
    """Two channels, padding and stride: neurons are position * channels + channel."""
    model = FloatModel(make([2, 2, 2], [conv(1, 2, padding=1, stride=2, pool="none",
                                             activation="identity"), {"size": 1}]))
    model.weights[0] = np.array([[1.0, 2, 3, 4, 10, 20, 30, 40]])  # (c, dy, dx)
    model.biases[0] = np.array([0.5])
    # channel 0 [[1, 2], [3, 4]], channel 1 [[5, 6], [7, 8]]
    image = np.array([1.0, 5, 2, 6, 3, 7, 4, 8])
    sums, _ = model._forward(0, image)
    np.testing.assert_allclose(sums, [0.5 + 4 * 1 + 40 * 5, 0.5 + 3 * 2 + 30 * 6,
                                      0.5 + 2 * 3 + 20 * 7, 0.5 + 1 * 4 + 10 * 8])


def test_a_large_batch_is_its_samples():
    model = FloatModel(make([1, 28, 28], [conv(4, 5), {"size": 2}]))
    x = np.random.default_rng(1).random((300, 784))  # more than one chunk
    np.testing.assert_allclose(model.infer(x), [model.infer(row[None])[0] for row in x])
