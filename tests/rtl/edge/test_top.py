"""Whole accelerators of engine ``edge`` against the golden model: every bit and every clock."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from taxonn_hw.bench import Stress, make_job, run_job
from taxonn_hw.bus.registers import FIELDS
from taxonn_hw.export import build, generate
from taxonn_hw.golden.edge import EdgeModel
from taxonn_hw.host.driver import Verdicts
from taxonn_hw.host.simulation import open_simulation
from taxonn_hw.plan.edge.latency import largest_overhead
from taxonn_hw.plan.edge.network import EdgeNetwork
from taxonn_hw.plan.edge.timing import predict_run
from taxonn_hw.plan.streams import element_width, pack_bits, sample_beats
from taxonn_hw.rtl.edge.backward import REGISTER_ROWS
from tests.edge_configs import edge_network, random_edge_config, random_edge_samples

SHARED = {"arithmetic": "compatibility"}


@dataclass(frozen=True)
class Net:
    layers: tuple
    edge: dict
    keys: dict


def net(*layers, fan_out, cycles, keys=None, **edge) -> Net:
    return Net(layers, {"fan_out": fan_out, "cycles": cycles, **edge}, keys or {})


def layer(size, activation):
    return {"size": size, "activation": activation}


STOCHASTIC = {name: "stochastic" for name in ("activation", "delta", "update")}
NETS = {
    "published": net(64, 16, 4, fan_out=[2, 2], cycles=4, **SHARED,
                     keys={"formats": {"weight": "s12.8"}}),
    "four_bits": net(32, 16, 8, fan_out=[4, 8], cycles=16, keys={"bits": 4}),
    "one_junction": net(12, 4, fan_out=[2], cycles=8, interleaver="type1",
                        keys={"loss": "mean_square", "bits": 6}),
    "one_lane_fan_in_1": net(3, 3, 3, fan_out=[1, 1], cycles=3, interleaver="basic"),
    "dither_partial_sums": net(18, 6, 15, 30, fan_out=[5, 5, 10], cycles=30,
                               interleaver="sv+ss+md", keys={"bits": 5, "rounding": STOCHASTIC}),
    "four_junctions": net(20, layer(5, "sigmoid"), layer(10, "relu"), layer(10, "tanh"),
                          {"size": 2}, fan_out=[2, 4, 4, 2], cycles=20, interleaver="type2",
                          keys={"formats": {"delta": "s7.6"}}),
    "one_clock": net(6, 6, 6, fan_out=[1, 1], cycles=1, interleaver="md"),
    "long_cycle": net(35, 5, 14, fan_out=[2, 14], cycles=70, interleaver="sv", **SHARED,
                      keys={"activation": "relu", "formats": {"weight": "s9.6"}}),
}
AT_LENGTH = ["published", "four_junctions", "one_clock", "long_cycle"]
FAST = range(1)
SLOW = range(100, 130)


def start_weights(network, rng, *, any_codes: bool):
    """Return the usual initial weights, or any codes at all; None for the usual."""
    if not any_codes:
        return None
    return [(rng.integers(j.formats.weight.lo, j.formats.weight.hi + 1, j.weight_shape),
             rng.integers(j.formats.bias.lo, j.formats.bias.hi + 1, j.n_out))
            for j in network.layers]


def same(parameters, expected) -> None:
    for i, (pair, other) in enumerate(zip(parameters, expected, strict=True), 1):
        for what, got, wanted in zip(("weights", "biases"), pair, other, strict=True):
            np.testing.assert_array_equal(got, wanted, f"{what} of junction {i}")


def check(network: EdgeNetwork, seed: int, samples: int = 12) -> None:
    """Two training runs with different rates, the second with stalls; inference; the scores."""
    rng = np.random.default_rng(seed)
    x, target = random_edge_samples(network, 2 * samples, seed)
    golden = EdgeModel(network, start_weights(network, rng, any_codes=seed % 2 == 1))
    n, one = network.output.n_out, network.output.formats.a.one
    # A result leaves a clock: more of them than a junction cycle has clocks hold everything up.
    slow = n > network.cycles + network.overhead
    outputs = []
    for stall in (0.0, 0.4):
        with open_simulation(network, stall_in=stall, stall_out=stall) as device:
            device.load(golden.parameters)
            same(device.dump(), golden.parameters)
            part = slice(0, samples) if not stall else slice(samples, None)
            if stall:  # another device: the generator starts where the first one is
                golden = EdgeModel(network, golden.parameters)
            device.restart()
            device.clear()
            golden.rate = network.config.rate_range[int(stall > 0)]
            outputs.append(golden.train_run(x[part], target[part]))
            np.testing.assert_array_equal(
                device.train(x[part], target[part], rate=golden.rate), outputs[-1])
            same(device.dump(), golden.parameters)
            counters, predicted = device.counters(), predict_run(network, golden, samples, True)
            assert (counters.slots, counters.samples) == (predicted.slots, samples)
            assert stall or slow or counters.cycles == predicted.cycles
            right = classes(outputs[-1], one) == classes(target[part], one)
            assert device.verdicts() == Verdicts(
                predicted=classes(outputs[-1], one)[-1], correct=right.sum(),
                correct_recent=right.sum())
            device.clear()
            expected = golden.infer(x)
            np.testing.assert_array_equal(device.infer(x), expected)
            counters = device.counters()
            predicted = predict_run(network, golden, len(x), False)
            assert (counters.slots, counters.samples) == (predicted.slots, len(x))
            assert stall or slow or counters.cycles == predicted.cycles
            assert device.verdicts() == Verdicts(
                predicted=classes(expected, one)[-1], correct=0, correct_recent=0)
            np.testing.assert_array_equal(  # a second run: the pipe was empty, the words go on
                device.train(x[part], target[part]), golden.train_run(x[part], target[part]))
            same(device.dump(), golden.parameters)


def classes(codes, one):
    """The last of the largest outputs; of a single one whether it is at least half of 1.0."""
    if codes.shape[1] == 1:
        return (2 * codes[:, 0] >= one).astype(int)
    return codes.shape[1] - 1 - np.argmax(codes[:, ::-1], axis=1)


def network_of(case: Net) -> EdgeNetwork:
    return edge_network(case.layers, edge=case.edge, **{"table_bits": 6, **case.keys})


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.slow if name in AT_LENGTH else ()) for name in NETS])
def test_net(name, require_tool):
    require_tool("verilator")
    check(network_of(NETS[name]), seed=len(name))


@pytest.mark.parametrize("seed", FAST)
def test_random_net(seed, require_tool):
    require_tool("verilator")
    check(EdgeNetwork(random_edge_config(seed)), seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SLOW)
def test_random_nets_at_length(seed, require_tool):
    require_tool("verilator")
    check(EdgeNetwork(random_edge_config(seed)), seed)


@pytest.mark.parametrize("seed", range(300))
def test_overhead_is_within_its_bound(seed):
    """d is at most 7 + ceil(log2 fan-in), whatever the sizes and formats."""
    network = EdgeNetwork(random_edge_config(seed))
    assert network.overhead <= largest_overhead(network.layers)


def test_inference_only(require_tool):
    require_tool("verilator")
    keys = {**NETS["dither_partial_sums"].keys, "training": False}
    network = edge_network(NETS["dither_partial_sums"].layers,
                           edge=NETS["dither_partial_sums"].edge, **keys)
    x, _ = random_edge_samples(network, 20, 3)
    golden = EdgeModel(network, start_weights(network, np.random.default_rng(1), any_codes=True))
    made = build(network)
    assert not any(word in memory["name"] for memory in made.sidecar["memories"] for word in (
        "derivatives", "output_deltas", "copy", "targets", "scores"))
    with open_simulation(network) as device:
        device.load(golden.parameters)
        np.testing.assert_array_equal(device.infer(x), golden.infer(x))
        assert device.counters().cycles == predict_run(network, golden, 20, False).cycles
        same(device.dump(), golden.parameters)


def test_stop_then_flush_then_another_run(require_tool):
    """A stopped run ends with what was taken; what was loaded is dropped; the next run is whole."""
    require_tool("verilator")
    network = network_of(NETS["four_bits"])
    x, target = random_edge_samples(network, 8, 4)
    golden = EdgeModel(network)
    with open_simulation(network) as device:
        device.load(golden.parameters)
        device.restart()
        device.clear()
        device.write("samples", 1000)
        device._control("start", levels=1 << FIELDS["control.train"])
        # Five samples go in; the run waits for the sixth.
        width = element_width(network)
        beats = pack_bits(sample_beats(network, x[:5], target[:5]) & (1 << width) - 1, width)
        device.transport.exchange({"i_samples": beats}, {}, 10_000)
        device.transport.model.step(20 * (network.cycles + network.overhead))
        assert device.counters().samples == 5 - 2 * len(network.layers) + 1
        device._control("stop", levels=1 << FIELDS["control.train"])
        device._idle("busy", "the end", 10_000)
        assert device.counters().samples == 5
        golden.train_run(x[:5], target[:5])
        same(device.dump(), golden.parameters)
        device.transport.exchange({"i_samples": beats[:len(beats) // 5]}, {}, 10_000)
        device.flush()
        np.testing.assert_array_equal(device.train(x, target), golden.train_run(x, target))
        same(device.dump(), golden.parameters)


@pytest.mark.parametrize("name", ["published", "four_bits", "four_junctions", "long_cycle"])
def test_memories_are_those_of_the_plan(name):
    """Words of the published formula; banks side by side are counted by their widths."""
    network = network_of(NETS[name])
    expected = Counter()
    for j in network.layers:
        by_name = {memory.name: memory for memory in network.memories}
        left, below = by_name[f"a{j.index - 1}"], by_name.get(f"adot{j.index - 1}")
        expected["left.memory.activations", left.copies * left.width, left.depth] += left.banks
        if below:
            expected["left.memory.derivatives", below.copies * below.width,
                     below.depth] += below.banks
            delta = by_name[f"delta{j.index - 1}"]
            if delta.depth > REGISTER_ROWS:
                expected["backward.copy", delta.width, delta.depth] += 2 * delta.banks
        for what, key in (("weights.memory", f"W{j.index}"), ("biases.memory", f"b{j.index}")):
            memory = by_name[key]
            expected[what, memory.banks * memory.width, memory.depth] += 1
    delta = by_name[f"delta{len(network.layers)}"]
    expected["output_deltas", delta.banks * delta.width, 2 * delta.depth] += 1
    found = Counter()
    for memory in build(network).sidecar["memories"]:
        kind = memory["name"].removeprefix("junction.")
        if memory["name"].startswith("junction.") and "table" not in kind:
            found[kind, memory["width"], memory["depth"]] += memory["copies"]
    assert found == expected


@pytest.mark.parametrize("stress", [
    Stress(stall_in=0.4, stall_out=0.4, seed=2), Stress(reset_after=150, runs=2, seed=3)],
    ids=["stalls", "reset, then two runs"])
def test_bench(simulator, stress, tmp_path):
    """The exported Verilog on both simulators."""
    bench(network_of(NETS["four_bits"]), 5, simulator, tmp_path, stress)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200, 220))
def test_random_nets_on_both_simulators(seed, simulator, tmp_path):
    bench(EdgeNetwork(random_edge_config(seed)), seed, simulator, tmp_path, Stress(seed=seed))


def bench(network, seed, simulator, tmp_path, stress):
    """Train six samples in the cocotb bench; every weight, bias and output is golden's."""
    x, target = random_edge_samples(network, 6, seed)
    golden = EdgeModel(network)
    start = golden.parameters
    golden.rate = network.config.learning_rate_exponent
    outputs = golden.train_run(x, target)
    job = make_job(network, start, x, target, golden.parameters, outputs, stress=stress)
    verilog = generate(network, tmp_path / "rtl").verilog
    outcome = run_job(network, verilog, job, simulator=simulator, build_dir=tmp_path / "sim")
    assert outcome.error == ""
    same(outcome.parameters, golden.parameters)
    np.testing.assert_array_equal(outcome.results, outputs)
