"""Builds that load their networks, and a whole check of a network on one."""

import numpy as np

from taxonn_hw.config import Config, config_from_dict
from taxonn_hw.engines import make_plan
from taxonn_hw.golden import GoldenModel
from taxonn_hw.plan.conv_timing import predict_conv_run
from taxonn_hw.plan.loadable import LoadedNetwork
from tests.golden.test_conv import scatter_images
from tests.golden.test_model import samples

__all__ = ["check_on", "make_build", "network_on", "same", "starts"]


def make_build(*networks, **keys) -> Config:
    """Return a build of ``networks``, whose first gives its layers; ``keys`` are common."""
    own, *others = ({"name": f"n{k}", **network} for k, network in enumerate(networks))
    return config_from_dict({
        "lanes": 4, "seed": 3, "learning_rate_exponent": 3, "data": "random", **keys, **own,
        "name": "build", "loadable": {"networks": [{**keys, **other} for other in others]}})


def network_on(build: Config, network: dict, **keys) -> LoadedNetwork:
    """Return the plan of ``network`` on ``build``."""
    return make_plan(config_from_dict({"learning_rate_exponent": 3, "data": "random", **keys,
                                       **network}), build)


def starts(network, rng):
    """Return parameters of every magnitude, and some with which sums saturate."""
    def ends(q, shape):
        return rng.choice([q.lo, q.hi, q.hi, 0], shape)
    yield scatter_images(network, rng)
    yield [(ends(layer.formats.weight, layer.weight_shape),
            ends(layer.formats.bias, layer.weight_shape[0])) for layer in network.layers]


def check_on(device, network, n=3, seed=5, *, clocks=True):
    """Load ``network``; train, change the rate, train, infer: every bit and clock as predicted."""
    rng = np.random.default_rng(seed)
    device.load_network(network)
    for start in starts(network, rng):
        _check(device, network, start, n, rng, clocks)


def _check(device, network, start, n, rng, clocks):
    golden = GoldenModel(network, start)
    x, target = (np.array(part) for part in samples(network, rng, n))
    device.begin(start)
    same(device.dump(), start)
    np.testing.assert_array_equal(device.train(x, target, golden.rate),
                                  golden.train_run(x, target))
    trained = device.counters()
    golden.rate = network.config.rate_range[0]
    np.testing.assert_array_equal(device.train(x, target, golden.rate),
                                  golden.train_run(x, target))
    device.clear()
    inferred, counted = device.infer(x), device.counters()
    np.testing.assert_array_equal(inferred, golden.infer(x))
    same(device.dump(), golden.parameters)
    for counters, training in ((trained, True), (counted, False)) if clocks else ():
        predicted = predict_conv_run(network, golden, n, training)
        assert (counters.cycles, counters.slots) == (predicted.cycles, predicted.slots)


def same(found, expected):
    """Compare parameters."""
    for i, (pair, other) in enumerate(zip(found, expected, strict=True), 1):
        for what, a, b in zip(("weights", "biases"), pair, other, strict=True):
            np.testing.assert_array_equal(a, b, f"{what} of layer {i}")
