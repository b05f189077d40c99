"""Rows of gradient sums: as wide as the largest sum of a batch needs, and counted as storage."""

import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.plan import Network
from taxonn_hw.plan.alignment import Alignment
from taxonn_hw.plan.conv_program import ConvProgram
from taxonn_hw.plan.gradients import gradient_word

CONV = {"input_shape": [1, 7, 7], "layers": [
    {"kind": "conv", "channels": 3, "kernel": 3, "pool": "average", "learning_rate_shift": 2},
    {"size": 3, "formats": {"delta": "s10.4", "bias": "s12.12"}}]}
DENSE = {"layers": [5, 4, 3]}


def largest(network):
    """The largest sum of a batch before its last sample: all factors at their ends, one by one."""
    config, alignment = network.config, Alignment(network, ConvProgram(network))
    sums = []
    for layer in network.layers:
        f = layer.formats
        for scalar in (f.x.lo, f.x.hi, layer.bias_operand):
            for rate in range(config.rate_range[0], config.rate_range[1] + 1):
                sample = sum(scalar * f.delta.lo for _ in range(layer.update_terms))
                sums.append(abs((config.batch - 1) * config.learning_rate_multiplier * sample
                                << alignment.update_zeros(layer, rate)))
    return max(sums)


@pytest.mark.parametrize("net", [CONV, DENSE], ids=["conv", "dense"])
@pytest.mark.parametrize("keys", [
    {"batch": 2}, {"batch": 1024, "bits": 16}, {"batch": 7, "bits": 4},
    {"batch": 3, "learning_rate_multiplier": 200, "learning_rate_range": [0, 7]},
    {"batch": 32, "learning_rate_exponent": 0, "learning_rate_range": [0, 0],
     "formats": {"weight": "s16.14", "operand": "s6.5", "delta": "s4.3", "input": "u1.1"}},
], ids=str)
def test_the_largest_sum_fits_and_no_bit_is_spare(net, keys):
    network = Network(config_from_dict({**net, "lanes": 4, **keys}))
    width, most = gradient_word(network), largest(network)
    assert 1 << width - 2 <= most < 1 << width - 1


@pytest.mark.parametrize("keys", [{}, {"weight_decay": 3}, {"batch": 4, "training": False}])
def test_none_where_every_sample_takes_its_step(keys):
    network = Network(config_from_dict({**DENSE, "lanes": 4, **keys}))
    assert gradient_word(network) == network.gradient_bits == 0
    assert network.storage_bits == network.n_rows * 4 * network.word


def test_they_count_as_storage():
    network = Network(config_from_dict({**DENSE, "lanes": 4, "batch": 8}))
    assert network.gradient_bits == network.n_rows * 4 * gradient_word(network)
    assert network.storage_bits == network.n_rows * 4 * network.word + network.gradient_bits
    assert network.facts()["gradient_bits"] == network.gradient_bits


@pytest.mark.parametrize(("keys", "kernels"), [
    ({}, False), ({"batch": 2}, True), ({"weight_decay": 1}, True),
    ({"batch": 2, "weight_decay": 1, "training": False}, False)])
def test_dense_nets_run_as_kernels_where_steps_need_it(keys, kernels):
    network = Network(config_from_dict({"layers": [40, 30, 3], "lanes": 30, **keys}))
    assert network.runs_as_kernels is kernels
    assert all(layer.by_outputs for layer in network.layers) is kernels
