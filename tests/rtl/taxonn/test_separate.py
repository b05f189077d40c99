"""The plain reference with separate multipliers: every bit of weights and outputs as golden's."""

import numpy as np
import pytest

from taxonn_hw.golden import GoldenModel, initial_weights
from taxonn_hw.host.simulation import open_simulation
from taxonn_hw.plan import Network
from taxonn_hw.rtl.taxonn.top import Accelerator
from tests.rtl.networks import make_network

from ...random_configs import random_config, random_samples
from .test_random_nets import start_weights

#: Drains, trees and lanes in both directions, tables, every format and rounding.
FAST = [6, 7, 22, 103]
SLOW = range(300, 360)


def check(network, start, seed, n=14):
    x, target = random_samples(network, n, seed)
    golden = GoldenModel(network, start)
    component = Accelerator(network, separate=True)
    with open_simulation(network, component=component) as device:
        device.load(start)
        device.restart()
        outputs = [device.train(x[:n // 2], target[:n // 2])]
        expected = [golden.train(*pair).output for pair in zip(x[:n // 2], target[:n // 2],
                                                               strict=True)]
        golden.rate = network.config.rate_range[seed % 2]  # changed while it runs
        outputs.append(device.train(x[n // 2:], target[n // 2:], rate=golden.rate))
        expected += [golden.train(*pair).output for pair in zip(x[n // 2:], target[n // 2:],
                                                                strict=True)]
        inferred, dumped = device.infer(x), device.dump()
    np.testing.assert_array_equal(np.concatenate(outputs), expected)
    for pair, pair_golden in zip(dumped, golden.parameters, strict=True):
        for got, wanted in zip(pair, pair_golden, strict=True):
            np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(inferred, golden.infer(x))


@pytest.mark.parametrize("seed", FAST)
def test_random_net(seed):
    network = Network(random_config(seed))
    check(network, start_weights(network, seed), seed)


@pytest.mark.parametrize("bits", [4, 8, 16])
@pytest.mark.parametrize("mapping", ["outputs", "inputs", "outputs inputs outputs"])
def test_formats_by_width(bits, mapping):
    """The last mapping stores deltas in all lanes, drains them, and sums them in a tree."""
    mappings = (mapping.split() * 3)[:3]
    network = make_network(
        (13, *({"size": size, "mapping": choice} for size, choice in zip(
            (9, 6, 4), mappings, strict=True))), lanes=4, bits=bits, zero_skip=False)
    check(network, initial_weights(network), 5, n=30)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SLOW)
def test_random_nets_at_length(seed):
    network = Network(random_config(seed))
    check(network, start_weights(network, seed), seed)
