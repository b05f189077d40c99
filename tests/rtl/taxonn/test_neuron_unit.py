"""NeuronUnit against the golden neuron: activations, output and hidden deltas, and their times."""

import numpy as np
import pytest

from taxonn_hw.config import NEURON_KINDS
from taxonn_hw.fixed import Rounding
from taxonn_hw.fixed.random import activation_index, delta_index, mix_rows
from taxonn_hw.golden.neuron import activate, hidden_delta, output_delta
from taxonn_hw.plan.latency import UnitLatencies
from taxonn_hw.plan.program import Finish
from taxonn_hw.rtl.taxonn.neuron_unit import NeuronUnit
from taxonn_hw.rtl.taxonn.numerics import Numerics
from taxonn_hw.testing import trace
from tests.rtl.networks import make_network, sums

STATE, LANE_WORD = 0x9E3779B9, 0x5A3C
KINDS = [kind.value for kind in NEURON_KINDS]


class Bench:
    """All activations of all layers, then all deltas from above, one after the other."""

    def __init__(self, network, train=1, seed=2):
        self.network, self.train, self.rng = network, train, np.random.default_rng(seed)
        self.numerics = Numerics(network)
        self.dut = NeuronUnit(numerics=self.numerics)
        self.times = UnitLatencies(self.numerics.program)
        self.steps = [{"train": train, "state": STATE, "lane_word": LANE_WORD, "valid": 0}]
        self.expected_a, self.expected_d, self.stored = {}, {}, {}
        self.targets = {}

    def words(self, index, layer):
        rows = index(layer.neuron_base + np.arange(layer.n_out))
        return (mix_rows(rows, np.array([STATE]))[0] ^ LANE_WORD).astype(np.int64)

    def send(self, layer, backward, item, total, finish):
        self.steps.append({"valid": 1, "total": int(total), "tag.layer": layer,
                           "tag.backward": int(backward), "tag.item": item,
                           "tag.finish": int(finish)})
        return len(self.steps) - 1

    def pause(self, n):
        self.steps += [{"valid": 0, "tag.finish": 0, "tag.backward": 0, "total": 0}] * n

    def store(self, cycle):
        self.stored[cycle] = self.stored.get(cycle, 0) + 1

    def forward(self, layer):
        network, mode = self.network, self.network.config.rounding
        acc = sums(self.rng, layer.forward_bound, layer.n_out)
        a, slope = activate(acc, layer, mode.activation, self.words(activation_index, layer))
        target = self.rng.integers(layer.formats.a.lo, layer.formats.a.hi + 1, layer.n_out)
        delta = output_delta(a, slope, target, layer, mode.delta, self.words(delta_index, layer))
        for i in range(layer.n_out):
            last = i == layer.n_out - 1
            at = self.send(layer.index, 0, i, acc[i], last)
            self.expected_a[at + self.times.activation] = (
                layer.index, i, a[i], int(slope[i] != 0), int(last))
            if layer is network.output:
                self.targets[at + self.times.activation] = int(target[i])
                if network.config.training and self.train:
                    self.expected_d[at + self.times.delta] = (layer.index, i, delta[i], int(last))
            if self.rng.random() < 0.3:
                self.pause(1)
        if layer is network.output and network.config.training:
            self.store(at + self.times.delta - 2)
        else:
            self.store(at + self.times.activation - 2)
        return slope

    def backward(self, above, slope):
        layer = self.network.layers[above.index - 2]
        acc = sums(self.rng, above.backward_bound, layer.n_out)
        delta = hidden_delta(acc, slope, layer, above.backward_frac,
                             self.network.config.rounding.delta, self.words(delta_index, layer))
        for i in reversed(range(layer.n_out)):  # any order will do
            at = self.send(above.index, 1, i, acc[i], i == 0)
            self.expected_d[at + self.times.delta] = (layer.index, i, delta[i], int(i == 0))
            if self.rng.random() < 0.3:
                self.pause(1)
        self.store(at + self.times.delta - 2)

    def run(self):
        program, dut = self.numerics.program, self.dut
        serial = (Finish.TREE, Finish.DRAIN)
        settle = self.times.delta + 4
        for _ in range(2):
            slopes = {}
            for p in program.forward:
                if p.finish in serial:
                    slopes[p.layer.index] = self.forward(p.layer)
            self.pause(settle)
            for p in program.backward if self.train else ():
                if p.finish in serial:
                    self.backward(p.layer, slopes[p.layer.index - 1])
            self.pause(settle)
        for cycle, target in self.targets.items():
            self.steps[cycle] = {**self.steps[cycle], "target": target}
        outputs = ["a_valid", "a_code", "a_slope", "a_tag.layer", "a_tag.item", "a_tag.finish",
                   "a_tag.backward", "d_valid", "d_delta", "d_nonzero", "d_tag.layer",
                   "d_tag.item", "d_tag.finish", "stored", "target_item"]
        for cycle, s in enumerate(trace(dut, self.steps, outputs)):
            self.check(cycle, s)

    def check(self, cycle, s):
        wanted = self.expected_a.get(cycle)
        assert s["a_valid"] == (wanted is not None), cycle
        if wanted:
            assert (s["a_tag.layer"], s["a_tag.item"], s["a_code"], s["a_slope"],
                    s["a_tag.finish"]) == wanted and not s["a_tag.backward"]
        wanted = self.expected_d.get(cycle)
        assert s["d_valid"] == (wanted is not None), cycle
        if wanted:
            layer, item, code, finish = wanted
            assert (s["d_tag.layer"], s["d_tag.item"], s["d_tag.finish"]) == (layer, item, finish)
            assert s["d_nonzero"] == (code != 0)
            fmt = self.network.layers[layer - 1].formats.delta
            if self.numerics.pow2:
                word = s["d_delta"]
                sign = 1 << self.numerics.delta.width - 1
                size = (1 << (word & sign - 1)) >> 1
                got = -size if word & sign else size
            else:
                got = s["d_delta"]
            assert got == code, (layer, item, fmt)
        assert s["stored"] == self.stored.get(cycle, 0), cycle
        if cycle + 1 in self.targets and self.numerics.training:  # one cycle before
            assert s["target_item"] == self.expected_a[cycle + 1][1]


@pytest.mark.parametrize("mapping", ["outputs", "inputs"])
@pytest.mark.parametrize("output", KINDS)
@pytest.mark.parametrize("delta", ["p4.6", "s8.7"])
def test_every_activation(output, mapping, delta):
    """Hidden layers of every other kind before every output."""
    kinds = [kind for kind in KINDS if kind != output]
    tables = [{"size": 9 - k, "activation": kind} for k, kind in enumerate([*kinds, output])]
    network = make_network((4, *tables), mapping=mapping, formats={"delta": delta}, table_bits=6,
                           leak_exponent=2)
    Bench(network).run()


@pytest.mark.parametrize("mode", [mode.value for mode in Rounding])
@pytest.mark.parametrize("output", ["identity", "tanh"])
def test_every_rounding(output, mode):
    rounding = {"activation": mode, "delta": mode}
    for hidden, delta in (("relu", "s6.4"), ("sigmoid", "p4.6")):
        network = make_network((4, 20, 15), activation=hidden, output=output, rounding=rounding,
                               mapping="inputs", formats={"delta": delta})
        Bench(network).run()


def test_mixed_delta_formats():
    tables = [{"size": 12, "formats": {"delta": fmt}} for fmt in ("p4.6", "s8.7", "p3.3")]
    Bench(make_network((4, *tables), mapping="inputs")).run()


def test_inference_on_training_hardware_makes_no_delta():
    Bench(make_network((4, 6, 5), mapping="inputs"), train=0).run()


@pytest.mark.parametrize("output", ["sigmoid", "hard_sigmoid"])
def test_inference_only(output):
    Bench(make_network((4, 6, 5), mapping="inputs", training=False, output=output), train=0).run()
