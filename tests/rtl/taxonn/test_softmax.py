"""Softmax outputs through the compiled Verilog: every bit and every clock as predicted."""

import numpy as np
import pytest

from taxonn_hw.golden import GoldenModel
from taxonn_hw.host.simulation import open_simulation
from taxonn_hw.plan.timing import predict

from ...golden.test_conv import SHAPES, make
from ...golden.test_model import samples, scatter
from ..networks import make_network
from . import test_conv_nets


def check(network, n=6, seed=4):
    rng = np.random.default_rng(seed)
    start = scatter(network, rng)
    golden = GoldenModel(network, start)
    x, target = (np.array(part) for part in samples(network, rng, n))
    traces = [golden.train(*pair) for pair in zip(x, target, strict=True)]
    with open_simulation(network) as device:
        device.load(start)
        device.restart()
        device.clear()
        outputs, trained = device.train(x, target), device.counters()
        device.clear()
        inferred, counted, dumped = device.infer(x), device.counters(), device.dump()
    np.testing.assert_array_equal(outputs, [trace.output for trace in traces])
    for pair, expected in zip(dumped, golden.parameters, strict=True):
        for array, reference in zip(pair, expected, strict=True):
            np.testing.assert_array_equal(array, reference)
    predicted = predict(network, traces)
    assert (trained.cycles, trained.slots) == (predicted.cycles, predicted.slots)
    if network.config.rounding.activation != "stochastic":
        np.testing.assert_array_equal(inferred, golden.infer(x))
        traces = [GoldenModel(network, golden.parameters).train(*pair)
                  for pair in zip(x, target, strict=True)]
        predicted = predict(network, traces, training=False)
        assert (counted.cycles, counted.slots) == (predicted.cycles, predicted.slots)


@pytest.mark.parametrize(("layers", "keys"), [
    ((5, 9, 7), {"mapping": "outputs", "lanes": 3}),
    ((6, 5, 10), {"mapping": "inputs", "lanes": 4, "formats": {"delta": "p4.6"}}),
    ((4, 2), {"table_bits": 5, "rounding": {"activation": "stochastic"}}),
])
def test_dense(layers, keys):
    check(make_network(layers, output="softmax", **keys))


def test_convolution():
    image, layers = SHAPES["odd image, pooled"]
    test_conv_nets.check(make(image, [*layers[:-1], 5], lanes=4, output="softmax"))
