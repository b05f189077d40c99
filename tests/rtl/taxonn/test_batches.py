"""Batches and weight decay through the compiled Verilog: every bit and every clock as predicted.

Every net trains in two runs, the second at another rate, so that batches end with runs too.
"""

from itertools import product

import numpy as np
import pytest

from taxonn_hw.bus.registers import FIELDS, REGISTERS
from taxonn_hw.fixed import Rounding
from taxonn_hw.golden import GoldenModel, initial_weights
from taxonn_hw.host.simulation import open_simulation
from taxonn_hw.plan.conv_timing import predict_conv_run
from taxonn_hw.plan.streams import element_width, pack_bits, sample_beats

from ...golden.test_conv import SHAPES, conv, make, scatter_images
from ...golden.test_model import samples
from ..networks import make_network
from . import test_conv_nets

MODES = [mode.value for mode in Rounding]
BOTH = {"batch": 3, "weight_decay": 2, "weight_decay_period": 2}
SMALL = ([2, 5, 5], [conv(3, 2, pool="max"), conv(2, 2, pool="average", pool_size=1), 3])
#: Sizes of one, odd and wide ones, single layers, more samples in a batch than in a run.
DENSE = {
    "all ones": ((1, 1, 1), {"lanes": 1, **BOTH}, 7),
    "one lane": ((5, 4, 3), {"lanes": 1, "batch": 4, "bits": 4}, 7),
    "one layer": ((9, 4), {"lanes": 3, "batch": 2, "output": "identity"}, 5),
    "three layers": ((11, 7, 8, 3), {"lanes": 5, "batch": 5, "weight_decay": 4}, 7),
    "wide array": ((3, 2, 2), {"lanes": 16, "weight_decay": 1, "weight_decay_period": 3}, 7),
    "batch beyond the run": ((6, 5, 4), {"lanes": 4, "batch": 1024}, 5),
    "softmax": ((6, 5, 10), {"lanes": 4, "output": "softmax", **BOTH}, 7),
    "powers of two": ((6, 5, 4), {"lanes": 4, "formats": {"delta": "p4.6"}, **BOTH}, 7),
    "multiplier": ((6, 5, 4), {"lanes": 4, "learning_rate_multiplier": 200, **BOTH}, 7),
    "single port": ((6, 5, 4), {"lanes": 4, "weight_memory": "single_port", **BOTH}, 7),
}


@pytest.mark.parametrize("name", DENSE)
def test_dense(name):
    layers, keys, n = DENSE[name]
    test_conv_nets.check(make_network(layers, **keys), n=n)


@pytest.mark.parametrize("keys", [
    {"batch": 3}, {"weight_decay": 2}, {**BOTH, "bits": 4, "output": "softmax"}], ids=str)
def test_convolution(keys):
    test_conv_nets.check(make(*SMALL, lanes=8, **keys), n=4)


@pytest.mark.parametrize("mode", MODES)
def test_rounding(mode):
    """Weights of every size, decay and steps with the random words of the same rows."""
    test_conv_nets.check(make(*SMALL, lanes=4, rounding={"update": mode}, **BOTH), n=5)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("lanes", "bits", "keys"), [
    (1, 8, {"batch": 3}), (3, 4, BOTH), (16, 8, {"weight_decay": 3, "rounding": {
        "activation": "stochastic", "delta": "half_even", "update": "half_even"}})])
def test_all_shapes(shape, lanes, bits, keys):
    image, layers = SHAPES[shape]
    test_conv_nets.check(make(image, layers, lanes=lanes, bits=bits, **keys), n=5)


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "delta"), [*product(MODES, ["s8.7", "p4.6"])])
@pytest.mark.parametrize("keys", [
    {"batch": 2}, {"batch": 7}, {"weight_decay": 1}, {"weight_decay": 5, "weight_decay_period": 3},
    {"batch": 2, "weight_decay": 3, "weight_decay_period": 3}, {"batch": 5, "weight_decay": 1}])
def test_all_steps(keys, mode, delta):
    keys = {**keys, "rounding": {"update": mode}, "formats": {"delta": delta}}
    test_conv_nets.check(make_network((7, 5, 6, 3), lanes=4, **keys), n=11)
    test_conv_nets.check(make(*SMALL, lanes=6, **keys), n=5)


@pytest.mark.parametrize("net", ["dense", "convolution"])
def test_runs_of_any_length(net):
    """Each run ends its last batch, also of one sample; inference and reloading change nothing."""
    keys = {"batch": 3, "weight_decay": 3, "weight_decay_period": 4}
    network = (make_network((6, 5, 4), lanes=4, **keys) if net == "dense"
               else make(*SMALL, lanes=4, **keys))
    rng = np.random.default_rng(8)
    start = scatter_images(network, rng)
    with open_simulation(network) as device:
        for _ in range(2):
            golden = GoldenModel(network, start)
            device.begin(start)
            for length in (1, 5, 3, 2, 9):  # the last sample decays, and a load follows
                x, target = samples(network, rng, length)
                device.clear()
                np.testing.assert_array_equal(device.train(x, target),
                                              golden.train_run(x, target))
                assert device.counters().cycles == predict_conv_run(
                    network, golden, length, True).cycles
                np.testing.assert_array_equal(device.infer(x), golden.infer(x))
            assert_same(device.dump(), golden.parameters)


def test_a_run_that_is_taken_up():
    """Weights decay in the same samples as if nothing had happened."""
    network = make_network((6, 5, 4), lanes=4, batch=2, weight_decay=2, weight_decay_period=5)
    rng, golden = np.random.default_rng(3), GoldenModel(network)
    x, target = samples(network, rng, 13)
    golden.train_run(x[:4], target[:4])
    with open_simulation(network) as device:
        device.train(x[:3], target[:3])
        device.begin(golden.parameters, 4)
        np.testing.assert_array_equal(device.train(x[4:], target[4:]),
                                      golden.train_run(x[4:], target[4:]))
        assert_same(device.dump(), golden.parameters)


def test_a_run_that_is_stopped_leaves_nothing_to_the_next():
    """Its batch has no step, and a new one begins, without a restart of the random words."""
    rounding = dict.fromkeys(("activation", "delta", "update"), "half_up")
    network = make_network((6, 5, 4), lanes=4, batch=5, rounding=rounding)
    rng, start = np.random.default_rng(3), initial_weights(network)
    x, target = samples(network, rng, 7)
    golden = GoldenModel(network, start)
    golden.train_run(x, target)
    with open_simulation(network) as device:
        device.begin(start)
        device.write("samples", 1000)
        train = 1 << FIELDS["control.train"]
        device.write("control", train | 1 << FIELDS["control.start"])
        width = element_width(network)
        beats = pack_bits(sample_beats(network, x[:3], target[:3]) & (1 << width) - 1, width)
        device.transport.exchange({"i_samples": beats}, {}, 100_000)
        device.transport.wait(REGISTERS["samples_done"].address, 3, 3, 100_000)
        device.write("control", train | 1 << FIELDS["control.stop"])
        device.load(start)  # after a sample without a step
        assert_same(device.dump(), start)
        device.train(x, target)
        assert_same(device.dump(), golden.parameters)


def assert_same(parameters, expected):
    for pair, other in zip(parameters, expected, strict=True):
        for array, reference in zip(pair, other, strict=True):
            np.testing.assert_array_equal(array, reference)
