"""The cocotb bench of the accelerator on both simulators: stalls, resets, and awkward nets.

The nets of :data:`CASES` are compared bit for bit and, without stalls, clock for clock.
"""

from dataclasses import dataclass, field

import numpy as np
import pytest

from taxonn_hw.bench import Job, Stress, make_job, run_job
from taxonn_hw.compare import first_difference
from taxonn_hw.config import NEURON_KINDS, Activation, config_from_dict
from taxonn_hw.data import load_for, quantize_dataset
from taxonn_hw.engines import engine_of, make_plan
from taxonn_hw.export import generate
from taxonn_hw.golden import GoldenModel, initial_weights
from taxonn_hw.plan import Network
from taxonn_hw.plan.conv_timing import predict_conv_run

NETS = {
    "odd": {"layers": [7, 5, 3], "lanes": 4},
    "one-lane": {"layers": [3, 2, 1], "lanes": 1, "bits": 4},
    # a beat holds two weights, or one of the biases of layers 1 and 3 and zero
    "biases-in-beats": {"layers": [5, 6, 7, 3], "lanes": 16},
}
STRESSES = {
    "plain": Stress(),
    "stalls": Stress(stall_in=0.5, stall_out=0.5, seed=3),
    "reset in mid-run": Stress(reset_after=150, stall_out=0.3, seed=4),
    "back to back, in parts": Stress(runs=2, parts=3, stall_in=0.2, seed=5),
}


def make(keys, n=10):
    """Return network, golden model after ``n`` samples, and a function that makes the job."""
    return make_jobs(Network(config_from_dict({"data": "random", "seed": 2, **keys})), n)


def make_jobs(network, n):
    """Return the same for ``network``."""
    codes = quantize_dataset(network, load_for(network, samples=n))
    start, golden = initial_weights(network), GoldenModel(network)
    if not network.config.training:
        outputs, target = golden.infer(codes.x_train), None
    else:
        target = codes.target_train
        outputs = golden.train_run(codes.x_train, target)

    def job(stress=None):
        return make_job(network, start, codes.x_train, target, golden.parameters, outputs,
                        stress=stress)

    return network, golden, outputs, job


@pytest.fixture(scope="module", params=NETS, ids=str)
def design(request, tmp_path_factory):
    network, golden, outputs, job = make(NETS[request.param])
    folder = tmp_path_factory.mktemp("rtl")
    return network, golden, outputs, job, generate(network, folder).verilog


@pytest.mark.parametrize("stress", STRESSES.values(), ids=STRESSES)
def test_same_weights(design, simulator, stress, tmp_path):
    network, golden, outputs, job, verilog = design
    outcome = run_job(network, verilog, job(stress), simulator=simulator, build_dir=tmp_path)
    assert outcome.error == ""
    assert first_difference(network, golden.parameters, outcome.parameters) is None
    np.testing.assert_array_equal(outcome.results, outputs)
    assert outcome.samples == len(outputs)


@pytest.mark.parametrize("stress", ["stalls", "reset in mid-run"])
def test_convolution(stress, simulator, tmp_path):
    network, golden, outputs, job = make({
        "input_shape": [1, 7, 6], "lanes": 4, "layers": [
            {"kind": "conv", "channels": 2, "kernel": 2, "pool": "max"},
            {"kind": "conv", "channels": 3, "kernel": [2, 1], "padding": 0}, {"size": 3}]}, n=4)
    verilog = generate(network, tmp_path / "rtl").verilog
    outcome = run_job(network, verilog, job(STRESSES[stress]), simulator=simulator,
                      build_dir=tmp_path / "sim")
    assert outcome.error == ""
    np.testing.assert_array_equal(outcome.results, outputs)
    assert first_difference(network, golden.parameters, outcome.parameters) is None


@pytest.fixture(scope="module")
def loadable(tmp_path_factory):
    """A loadable build, and jobs for a dense network and a convolutional one on it."""
    common = {"data": "random", "seed": 2, "lanes": 4}
    conv = {**common, "name": "conv", "input_shape": [1, 5, 4], "layers": [
        {"kind": "conv", "channels": 2, "kernel": 2, "pool": "max"}, {"size": 3}]}
    build = config_from_dict({**common, "layers": [7, 5, 3], "loadable": {"networks": [
        conv, {"layers": [3, 4, 2, 2]}]}})
    network = make_plan(build)
    return network.build.networks, generate(network, tmp_path_factory.mktemp("rtl")).verilog


@pytest.mark.parametrize(("number", "stress"), [(0, "plain"), (1, "plain"), (2, "plain"),
                                                (1, "reset in mid-run")])
def test_networks_that_are_loaded(loadable, number, stress, simulator, tmp_path):
    """The same Verilog for all three; after a reset the network is loaded again."""
    networks, verilog = loadable
    network, golden, outputs, job = make_jobs(networks[number], 4)
    outcome = run_job(network, verilog, job(STRESSES[stress]), simulator=simulator,
                      build_dir=tmp_path)
    assert outcome.error == ""
    assert first_difference(network, golden.parameters, outcome.parameters) is None
    np.testing.assert_array_equal(outcome.results, outputs)
    if stress == "plain":
        predicted = predict_conv_run(network, golden, len(outputs), True)
        assert (outcome.cycles, outcome.slots) == (predicted.cycles, predicted.slots)


def test_inference_only_build(simulator, tmp_path):
    network, golden, outputs, job = make({**NETS["odd"], "training": False})
    verilog = generate(network, tmp_path / "rtl").verilog
    outcome = run_job(network, verilog, job(Stress(stall_in=0.3, stall_out=0.3)),
                      simulator=simulator, build_dir=tmp_path / "sim")
    assert outcome.error == ""
    np.testing.assert_array_equal(outcome.results, outputs)
    assert first_difference(network, golden.parameters, outcome.parameters) is None


def test_a_wrong_result_is_found(design, simulator, tmp_path):
    network, _, _, job, verilog = design
    wrong = job()
    wrong.results[3] ^= 1
    outcome = run_job(network, verilog, wrong, simulator=simulator, build_dir=tmp_path)
    assert "run 1: 1 of" in outcome.error and "beats of outputs differ" in outcome.error
    assert outcome.parameters is not None


def test_job_round_trip(tmp_path):
    *_, job = make(NETS["odd"])
    saved = job(STRESSES["stalls"])
    saved.save(tmp_path / "job.npz")
    loaded = Job.load(tmp_path / "job.npz")
    assert loaded.stress == saved.stress and loaded.clocks_bound == saved.clocks_bound
    assert loaded.train is True
    np.testing.assert_array_equal(loaded.samples, saved.samples)


@dataclass(frozen=True)
class Case:
    """A net, what it is fed with and what is done to it.

    ``layers`` are sizes, or the number of inputs where ``keys`` has the tables; cases marked
    ``verilator`` run there in the fast tests too.
    """

    layers: list | int
    keys: dict
    samples: int = 4
    stress: dict = field(default_factory=dict)
    train: bool = True
    verilator: bool = False


def tables(*layers):
    """Layers in the long form: (size, activation, mapping)."""
    return [{"size": n, "activation": activation, "mapping": mapping}
            for n, activation, mapping in layers]


def rounding(activation, delta, update):
    return {"activation": activation, "delta": delta, "update": update}


POW2, FIXED = {"delta": "p4.6"}, {"delta": "s8.7"}
STALLS = {"stall_in": 0.5, "stall_out": 0.5}
CASES = {
    "three_hidden": Case([20, 12, 9, 7, 5], {"lanes": 4}, verilator=True),
    "three_hidden_stalls": Case([20, 12, 9, 7, 5], {"lanes": 4}, stress=STALLS),
    "one_lane": Case([5, 4, 3], {"lanes": 1, "bits": 4}, verilator=True),
    "one_lane_inputs": Case([5, 4, 3], {"lanes": 1, "mapping": "inputs", "zero_skip": False}),
    "all_ones": Case([1, 1, 1, 1], {"lanes": 1, "samples_per_clock": 1}),
    "ones_in_the_middle": Case([6, 1, 5, 1], {"lanes": 3, "mapping": "inputs"}),
    "one_wide_array": Case([3, 2, 2], {"lanes": 16, "mapping": "outputs"}),
    "no_layer_divides": Case([11, 7, 8, 3], {
        "lanes": 5, "samples_per_clock": 8, "formats": FIXED}, verilator=True),
    "no_hidden_layer": Case([9, 4], {"lanes": 3, "output": "identity", "formats": FIXED}),
    "output_identity": Case([8, 6, 4], {
        "lanes": 4, "output": "identity", "activation": "leaky_relu", "mapping": "outputs",
        "rounding": rounding("floor", "floor", "floor")}),
    "output_sigmoid": Case([8, 6, 4], {
        "lanes": 4, "output": "sigmoid", "activation": "tanh", "mapping": "outputs", "bits": 8,
        "rounding": rounding("stochastic", "half_up", "half_even"), "formats": FIXED},
        verilator=True),
    "output_relu": Case([8, 6, 4], {
        "lanes": 4, "output": "relu", "activation": "sigmoid", "mapping": "inputs",
        "rounding": rounding("half_even", "half_even", "half_up")}),
    "output_leaky_relu": Case([8, 6, 4], {
        "lanes": 3, "output": "leaky_relu", "activation": "identity", "leak_exponent": 2,
        "mapping": "inputs", "rounding": rounding("stochastic", "floor", "stochastic"),
        "formats": POW2}, verilator=True),
    "output_tanh": Case([8, 6, 4], {
        "lanes": 4, "output": "tanh", "activation": "hard_sigmoid", "table_bits": 6,
        "rounding": rounding("floor", "half_up", "floor"), "formats": FIXED}),
    "lanes_store": Case(9, {"lanes": 4, "bits": 8, "layers": tables(
        (7, "hard_sigmoid", "outputs"), (6, "leaky_relu", "inputs"), (9, "relu", "outputs"),
        (5, "hard_sigmoid", "inputs")),
        "rounding": rounding("stochastic", "stochastic", "stochastic")}, verilator=True),
    "lanes_store_pow2": Case(9, {"lanes": 4, "bits": 4, "layers": tables(
        (7, "leaky_relu", "outputs"), (6, "hard_sigmoid", "inputs"), (9, "identity", "outputs"),
        (5, "tanh", "inputs")), "rounding": rounding("half_up", "stochastic", "half_even")}),
    "drains": Case(9, {"lanes": 4, "layers": tables(
        (6, "relu", "outputs"), (7, "sigmoid", "outputs"), (10, "tanh", "inputs"),
        (4, "hard_sigmoid", "outputs"))}, verilator=True),
    "no_skip": Case([9, 7, 6, 3], {"lanes": 4, "zero_skip": False}),
    "no_skip_outputs": Case([9, 7, 6, 3], {
        "lanes": 4, "zero_skip": False, "mapping": "outputs", "bits": 4}, stress=STALLS),
    "sixteen_a_clock": Case([33, 9, 4], {"lanes": 8, "samples_per_clock": 16}, samples=6),
    "two_bits": Case([12, 6, 4], {"lanes": 4, "bits": 2}),
    "sixteen_bits": Case([12, 6, 4], {"lanes": 4, "bits": 16, "mapping": "outputs"}),
    "reset_in_mid_run": Case([10, 6, 3], {"lanes": 4}, stress={"reset_after": 150, **STALLS}),
    "reset_early_two_runs": Case([10, 6, 3], {"lanes": 4, "mapping": "inputs"},
                                 stress={"reset_after": 37, "runs": 2}, verilator=True),
    "two_runs_in_parts": Case([10, 6, 3], {"lanes": 4, "bits": 4}, samples=6,
                              stress={"runs": 2, "parts": 3}),
    "stalls_in": Case([10, 6, 3], {"lanes": 4, "mapping": "outputs"}, stress={"stall_in": 0.9}),
    "stalls_out": Case([10, 6, 9], {"lanes": 4}, stress={"stall_out": 0.95, "parts": 2}),
    "batches": Case([10, 6, 5, 3], {"lanes": 4, "batch": 3}, samples=7, verilator=True),
    "batch_beyond_the_run": Case([5, 4, 1], {"lanes": 1, "batch": 9, "bits": 4}, samples=5),
    "decay": Case([10, 6, 3], {
        "lanes": 5, "weight_decay": 2, "weight_decay_period": 3,
        "rounding": rounding("half_up", "stochastic", "half_even")}, samples=7),
    "batches_decay_stalls": Case([10, 6, 3], {
        "lanes": 4, "batch": 2, "weight_decay": 3, "output": "softmax",
        "formats": POW2}, samples=5, stress=STALLS),
    "batches_decay_two_runs": Case([10, 6, 3], {
        "lanes": 4, "batch": 3, "weight_decay": 1, "weight_decay_period": 2}, samples=5,
        stress={"reset_after": 400, "runs": 2}, verilator=True),
    "infer": Case([10, 6, 3], {"lanes": 4}, train=False, verilator=True),
    "inference_only": Case([10, 6, 3], {"lanes": 4, "training": False}, train=False, samples=6,
                           stress={"parts": 2, **STALLS}),
    "inference_only_inputs": Case([10, 6, 5, 3], {
        "lanes": 4, "training": False, "mapping": "inputs", "zero_skip": False}, train=False,
        verilator=True),
}


def network_of(case: Case) -> Network:
    layers = {"layers": case.layers} if isinstance(case.layers, list) else {"inputs": case.layers}
    return Network(config_from_dict({**layers, "seed": 5, "learning_rate_exponent": 3,
                                     **case.keys}))


def codes(rng, q, shape):
    """Codes of every magnitude, both ends of the format and many zeros among them."""
    values = rng.integers(q.lo, q.hi + 1, shape) >> rng.integers(0, q.width, shape)
    values = np.where(rng.random(shape) < 0.1, rng.choice([q.lo, q.hi], shape), values)
    return np.where(rng.random(shape) < 0.3, 0, values)


def start_weights(network, rng):
    """Weights within the multiplier's view, so that the net is not saturated throughout."""
    parameters = []
    for layer in network.layers:
        f = layer.formats
        edge = min(f.weight.hi, f.operand.hi << f.weight.frac - f.operand.frac)
        weight = rng.integers(-edge - 1, edge + 1, (layer.n_out, layer.n_in))
        bias = codes(rng, f.bias, layer.n_out) >> 2
        parameters.append((weight >> rng.integers(0, 5, weight.shape), bias))
    return parameters


def check(case: Case, simulator: str, folder) -> None:
    network, rng = network_of(case), np.random.default_rng(7)
    start = start_weights(network, rng)
    x = codes(rng, network.input, (case.samples, network.n_inputs))
    x[1] = 0
    target = codes(rng, network.output.formats.a, (case.samples, network.output.n_out))
    golden = GoldenModel(network, start)
    golden.traces = []
    if case.train:
        outputs = golden.train_run(x, target)
        assert first_difference(network, start, golden.parameters) is not None
    else:
        outputs = golden.infer_run(x)
    stress = Stress(seed=3, **case.stress)
    job = make_job(network, start, x, target if case.train else None, golden.parameters, outputs,
                   stress=stress)
    verilog = generate(network, folder / "rtl").verilog
    outcome = run_job(network, verilog, job, simulator=simulator, build_dir=folder / "sim",
                      timeout_s=300)
    if outcome.parameters is not None:
        np.testing.assert_array_equal(outcome.results, outputs)
        assert first_difference(network, golden.parameters, outcome.parameters) is None
    assert not outcome.error
    assert outcome.samples == case.samples
    if not (stress.stall_in or stress.stall_out or stress.parts > 1):
        predicted = engine_of(network).part("predict")(network, golden, case.samples, case.train)
        assert (outcome.cycles, outcome.slots) == (predicted.cycles, predicted.slots)


@pytest.mark.parametrize("name", CASES)
def test_icarus(name, require_tool, tmp_path):
    require_tool("icarus")
    check(CASES[name], "icarus", tmp_path)


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[] if case.verilator else pytest.mark.slow)
    for name, case in CASES.items()])
def test_verilator(name, require_tool, tmp_path):
    require_tool("verilator")
    check(CASES[name], "verilator", tmp_path)


def test_cases_cover_what_they_must():
    networks = [network_of(case) for case in CASES.values()]
    configs = [network.config for network in networks]
    layers = [layer for network in networks for layer in network.layers]
    hidden = [layer for layer in layers if not layer.is_output]
    assert {layer.activation for layer in hidden} == set(NEURON_KINDS)
    outputs = {network.output.activation for network in networks}
    assert outputs == {*NEURON_KINDS, Activation.SOFTMAX}
    modes = {mode.value for mode in configs[0].rounding.update.__class__}
    for store in ("activation", "delta", "update"):
        assert {getattr(config.rounding, store).value for config in configs} == modes, store
    kinds = {(layer.mapping, type(layer.formats.delta).__name__) for layer in layers}
    assert len(kinds) == 4
    assert {network.layers[0].mapping for network in networks} == {"outputs", "inputs"}
    assert {layer.n_in for layer in layers} & {1} and {layer.n_out for layer in layers} & {1}
    assert any(all(layer.n_out % network.lanes for layer in network.layers)
               for network in networks if network.lanes > 1)
    fast = [case for case in CASES.values() if case.verilator]
    assert 3 * len(fast) >= len(CASES)
