"""Memories: what is read, and that no design uses a word that was read while it was written."""

import random

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from taxonn_hw.golden import GoldenModel, initial_weights
from taxonn_hw.host.simulation import open_simulation
from taxonn_hw.rtl import memory
from taxonn_hw.testing import trace

from ..random_configs import random_samples
from .networks import make_network

SHAPE = data.ArrayLayout(4, 2)
DEPTH = 5


class Unit(Component):
    def __init__(self, granularity):
        self.granularity = granularity
        super().__init__({"w_addr": In(range(DEPTH)), "w_en": In(2), "w_data": In(SHAPE),
                          "r_addr": In(range(DEPTH)), "r_en": In(1), "r_data": Out(SHAPE)})

    def elaborate(self, platform):
        m = Module()
        write, read = memory.add_memory(m, "memory", shape=SHAPE, depth=DEPTH,
                                        granularity=self.granularity)
        m.d.comb += [write.addr.eq(self.w_addr), write.en.eq(self.w_en),
                     write.data.eq(self.w_data), read.addr.eq(self.r_addr),
                     read.en.eq(self.r_en), self.r_data.eq(read.data)]
        return m


@pytest.mark.parametrize("poison", [False, True])
@pytest.mark.parametrize("granularity", [None, 1])
def test_reads_and_writes(granularity, poison, monkeypatch):
    """A word read while it is written is the old one, or with poison all wrong."""
    monkeypatch.setattr(memory, "POISON", poison)
    rng = random.Random(3)
    words, shown, steps, expected = [[0, 0] for _ in range(DEPTH)], [0, 0], [], []
    for _ in range(300):
        step = {"w_addr": rng.randrange(DEPTH), "w_en": rng.randrange(4),
                "r_addr": rng.randrange(DEPTH), "r_en": rng.random() < 0.7,
                "w_data": [rng.randrange(16), rng.randrange(16)]}
        if granularity is None:
            step["w_en"] &= 1
        steps.append(step)
        expected.append(list(shown))
        if step["r_en"]:
            shown = list(words[step["r_addr"]])
            if poison and step["w_en"] and step["w_addr"] == step["r_addr"]:
                shown = [word ^ 15 for word in shown]
        for k in (0, 1):
            if step["w_en"] >> k & 1 if granularity else step["w_en"]:
                words[step["w_addr"]][k] = step["w_data"][k]
    seen = trace(Unit(granularity), steps, ["r_data.0", "r_data.1"])
    assert [[s["r_data.0"], s["r_data.1"]] for s in seen] == expected


def tables(*layers):
    return [{"size": n, "activation": activation, "mapping": mapping}
            for n, activation, mapping in layers]


NETS = {
    "batches": ((1, 1, 1), {"lanes": 1, "batch": 4, "weight_decay": 2}),
    "lanes": ((9, 6, 4), {"lanes": 4, "bits": 8}),
    "drains": ((7, *tables((6, "relu", "outputs"), (5, "tanh", "outputs"),
                           (4, "hard_sigmoid", "outputs"))), {"lanes": 3}),
    "trees": ((7, *tables((6, "sigmoid", "inputs"), (1, "relu", "inputs"),
                          (4, "identity", "inputs"))), {"lanes": 3, "zero_skip": False}),
    "lanes_pow2": ((9, 6, 4), {"lanes": 4, "bits": 4, "samples_per_clock": 1}),
    "one_row": ((1, 1, 1), {"lanes": 1, "mapping": "outputs"}),
}


@pytest.mark.parametrize("name", [*list(NETS)[:4], *(
    pytest.param(name, marks=pytest.mark.slow) for name in list(NETS)[4:])])
def test_no_poisoned_word_is_used(name, monkeypatch):
    monkeypatch.setattr(memory, "POISON", True)
    layers, keys = NETS[name]
    network = make_network(layers, **keys)
    x, target = random_samples(network, 6, 1)
    start = initial_weights(network)
    golden = GoldenModel(network, start)
    with open_simulation(network) as device:
        device.load(start)
        device.restart()
        outputs, expected = device.train(x, target), golden.train_run(x, target)
        inferred, dumped = device.infer(x), device.dump()
    np.testing.assert_array_equal(outputs, expected)
    np.testing.assert_array_equal(inferred, golden.infer(x))
    for pair, wanted in zip(dumped, golden.parameters, strict=True):
        for array, reference in zip(pair, wanted, strict=True):
            np.testing.assert_array_equal(array, reference)
