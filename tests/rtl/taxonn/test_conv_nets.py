"""Convolutional nets through the compiled Verilog: every bit and every clock as predicted."""

import numpy as np
import pytest

from taxonn_hw.config import NEURON_KINDS
from taxonn_hw.fixed import Rounding
from taxonn_hw.golden import GoldenModel
from taxonn_hw.host.simulation import open_simulation
from taxonn_hw.plan.conv_timing import predict_conv_run

from ...golden.test_conv import SHAPES, conv, make, scatter_images
from ...golden.test_model import samples


def check(network, n=4, seed=5):
    """Train, change the rate, train, infer; compare outputs, weights, biases and clocks."""
    rng = np.random.default_rng(seed)
    start = scatter_images(network, rng)
    golden = GoldenModel(network, start)
    x, target = (np.array(part) for part in samples(network, rng, n))
    with open_simulation(network) as device:
        device.load(start)
        loaded = device.dump()
        device.restart()
        device.clear()
        outputs, expected = [], []
        if network.config.training:
            expected = list(golden.train_run(x, target))
            outputs = device.train(x, target)
            trained = device.counters()
            golden.rate = network.config.rate_range[0]
            expected += list(golden.train_run(x, target))
            outputs = np.concatenate([outputs, device.train(x, target, rate=golden.rate)])
        device.clear()
        inferred, counted, dumped = device.infer(x), device.counters(), device.dump()
    for (w, b), (w_start, b_start) in zip(loaded, start, strict=True):
        np.testing.assert_array_equal(w, w_start)
        np.testing.assert_array_equal(b, b_start)
    np.testing.assert_array_equal(outputs, expected)
    for (w, b), (w_golden, b_golden) in zip(dumped, golden.parameters, strict=True):
        np.testing.assert_array_equal(w, w_golden)
        np.testing.assert_array_equal(b, b_golden)
    np.testing.assert_array_equal(inferred, golden.infer(x))
    if network.config.training:
        predicted = predict_conv_run(network, golden, n, True)
        assert (trained.cycles, trained.slots) == (predicted.cycles, predicted.slots)
    predicted = predict_conv_run(network, golden, n, False)
    assert (counted.cycles, counted.slots) == (predicted.cycles, predicted.slots)


#: Together: 1 channel, 1x1 and full-image kernels, padding, strides beyond the kernel, odd images,
#: both kinds of pooling, channels in several blocks and in lane groups.
FAST = {
    "stride beyond kernel": (3, 4),
    "full image, padded": (16, 8),
    "averaged": (8, 8),
    "pooled twice": (16, 8),
    "many channels": (4, 4),
}


@pytest.mark.parametrize("shape", FAST)
def test_shapes(shape):
    image, layers = SHAPES[shape]
    lanes, bits = FAST[shape]
    check(make(image, layers, lanes=lanes, bits=bits))


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("lanes", "bits"), [(1, 8), (3, 4), (16, 8)])
def test_all_shapes(shape, lanes, bits):
    image, layers = SHAPES[shape]
    check(make(image, layers, lanes=lanes, bits=bits))


def test_stochastic_stores_and_tables():
    """Every store has the random word of its own row and lane; slopes of those who were chosen."""
    layers = [conv(5, 2, pool="max"), conv(3, 2, pool="average"), 4, 3]
    check(make([2, 9, 7], layers, activation="tanh", table_bits=5, lanes=4, zero_skip=False,
               rounding={"delta": "stochastic", "update": "stochastic"}))


def test_inference_only():
    image, layers = SHAPES["pooled twice"]
    check(make(image, layers, lanes=8, training=False))


def test_single_port():
    image, layers = SHAPES["many channels"]
    check(make(image, layers, lanes=8, weight_memory="single_port"))


@pytest.mark.slow
@pytest.mark.parametrize("mode", [mode.value for mode in Rounding])
@pytest.mark.parametrize("kind", [kind.value for kind in NEURON_KINDS])
def test_kinds(kind, mode):
    layers = [conv(3, 2, pool="max", learning_rate_shift=2), conv(2, 2, activation=kind), 5, 3]
    rounding = {"activation": "half_up" if mode == "stochastic" else mode, "delta": mode,
                "update": mode}
    for delta in ("s8.7", "p4.6"):
        check(make([1, 7, 7], layers, activation=kind, output=kind, table_bits=6, lanes=8,
                   rounding=rounding, formats={"delta": delta}))
