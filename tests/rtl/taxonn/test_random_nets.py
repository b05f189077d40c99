"""Random networks through the compiled Verilog: every bit and every clock as predicted."""

import numpy as np
import pytest

from taxonn_hw.golden import GoldenModel, initial_weights
from taxonn_hw.host.simulation import open_simulation
from taxonn_hw.plan import Network
from taxonn_hw.plan.latency import LANES_PER_COPY
from taxonn_hw.plan.timing import predict

from ...random_configs import random_config, random_samples

#: 6 and 7: inference of a sample once met the sample before; 31: zeros are appended to products.
FAST = [6, 7, 22, 31, 103]
SLOW = range(200, 300)
SINGLE_PORT = [5, 22]
#: With deltas that are powers of two and narrow factors, on more lanes than a register drives.
WIDE = [38, 127]


def start_weights(network, seed):
    """Return the usual initial weights, or any codes at all."""
    if seed % 2:
        return initial_weights(network)
    rng, parameters = np.random.default_rng(seed), []
    for layer in network.layers:
        w, b = layer.formats.weight, layer.formats.bias
        parameters.append((rng.integers(w.lo, w.hi + 1, (layer.n_out, layer.n_in)),
                           rng.integers(b.lo, b.hi + 1, layer.n_out)))
    return parameters


def check(seed, **changes):
    config = random_config(seed).model_copy(update=changes)
    network = Network(config)
    x, target = random_samples(network, 14, seed)
    start = start_weights(network, seed)
    golden = GoldenModel(network, start)
    with open_simulation(network) as device:
        device.load(start)
        device.restart()
        device.clear()
        traces = [golden.train(*pair) for pair in zip(x[:7], target[:7], strict=True)]
        outputs = [device.train(x[:7], target[:7])]
        trained, predicted = device.counters(), predict(network, traces)
        golden.rate = config.rate_range[seed % 2]  # changed while it runs
        traces += [golden.train(*pair) for pair in zip(x[7:], target[7:], strict=True)]
        outputs.append(device.train(x[7:], target[7:], rate=golden.rate))
        device.clear()
        device.flush()  # a prediction begins with both banks free
        inferred, expected = device.infer(x), golden.infer(x)
        counted, dumped = device.counters(), device.dump()
    np.testing.assert_array_equal(np.concatenate(outputs), [t.output for t in traces])
    for (w, b), (w_golden, b_golden) in zip(dumped, golden.parameters, strict=True):
        np.testing.assert_array_equal(w, w_golden)
        np.testing.assert_array_equal(b, b_golden)
    np.testing.assert_array_equal(inferred, expected)
    assert (trained.cycles, trained.slots) == (predicted.cycles, predicted.slots)
    final = golden.parameters
    traces = [GoldenModel(network, final).train(*pair) for pair in zip(x, target, strict=True)]
    if config.rounding.activation != "stochastic":  # else the words of another sample
        predicted = predict(network, traces, training=False)
        assert (counted.cycles, counted.slots) == (predicted.cycles, predicted.slots)


@pytest.mark.parametrize("seed", FAST)
def test_random_net(seed):
    check(seed)


@pytest.mark.parametrize("seed", SINGLE_PORT)
def test_random_net_with_a_single_port(seed):
    check(seed, weight_memory="single_port")


@pytest.mark.parametrize("seed", WIDE)
def test_random_net_of_a_wide_array(seed):
    check(seed, lanes=LANES_PER_COPY + 3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SLOW)
def test_random_nets_at_length(seed):
    check(seed, weight_memory="single_port" if seed % 3 == 0 else "block")
