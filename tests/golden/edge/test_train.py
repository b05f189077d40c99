"""Whole training runs: the engine learns, in both arithmetics, with and without the pipeline."""

import numpy as np
import pytest

from taxonn_hw.config import load_config
from taxonn_hw.data import load_for, quantize_dataset
from taxonn_hw.golden.edge import EdgeModel
from taxonn_hw.golden.train import train_golden
from taxonn_hw.plan.edge.network import EdgeNetwork

DEEP = "edge-deep-64-40-40-20-10"
PUBLISHED = ("edge.arithmetic=compatibility", "activation=sigmoid", "output=sigmoid")


def plan(preset, *settings, bits=None) -> EdgeNetwork:
    return EdgeNetwork(load_config(preset, bits=bits, settings=settings))


@pytest.mark.parametrize(("settings", "bits", "at_least"), [
    ((), None, 88),
    (("edge.fan_out=[10,10]", "edge.z=[16,10]", "layers=[64,40,10]", *PUBLISHED,
      "learning_rate_exponent=3"), 12, 85),
])
def test_digits_are_learnt(settings, bits, at_least):
    network = plan(DEEP, *settings, bits=bits)
    result = train_golden(network, load_for(network), epochs=3, with_float=bits is None)
    assert result.test_accuracy >= at_least
    assert result.float_accuracy is None or result.float_accuracy >= at_least
    assert result.history[-1].recent_accuracy >= at_least - 5
    assert result.samples == 3 * 1437


def test_the_small_published_net_tells_four_patterns_apart():
    network = plan("edge-64-16-4")
    result = train_golden(network, load_for(network, samples=600), epochs=2)
    assert result.test_accuracy >= 95


def test_staleness_costs_little():
    """Sequential and pipelined training of the digits end within a few points."""
    network = plan(DEEP)
    dataset = quantize_dataset(network, load_for(network))
    found = []
    for staleness in (True, False):
        model = EdgeModel(network, staleness=staleness)
        for _ in range(3):
            model.train_run(dataset.x_train, dataset.target_train)
        outputs = model.infer(dataset.x_test)
        found.append(100 * np.mean(outputs.argmax(axis=1) == dataset.y_test))
    assert min(found) >= 85 and abs(found[0] - found[1]) <= 4


def test_all_sparse_presets_load():
    for preset, cycles, z in (("edge-64-16-4", 4, (32, 8)), ("edge-1024-64-16", 64, (128, 8)),
                              ("edge-1024-64-32", 32, (128, 32)),
                              ("edge-1024-128-32", 32, (128, 32)),
                              ("edge-800-100-10", 200, (80, 5)), (DEEP, 40, (16, 10, 10, 5))):
        network = plan(preset)
        assert (network.cycles, network.z) == (cycles, z)
    assert plan("edge-1024-64-32", *PUBLISHED, bits=12).compatible
