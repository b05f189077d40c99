"""The vectorised model against clocks, lanes, banks and pointers in plain loops: every code."""

import copy

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from taxonn_hw.config import NEURON_KINDS
from taxonn_hw.fixed import Rounding
from taxonn_hw.golden.edge import EdgeModel
from taxonn_hw.golden.edge.pipeline import Sample
from taxonn_hw.golden.edge.words import WordSource
from tests.golden.edge.networks import SHAPES, draw_shape, make, samples, scatter, try_make
from tests.golden.edge.slow import SlowEdge

MODES = [mode.value for mode in Rounding]
KINDS = [kind.value for kind in NEURON_KINDS]
KINDS_INTERLEAVER = ["basic", "sv", "ss", "md", "sv+ss", "ss+md", "sv+md", "sv+ss+md", "type1",
                     "type2", "type3"]
COMPATIBLE = {"arithmetic": "compatibility"}


def check(network, n=6, parameters=None):
    """Train both models in two runs and compare outputs, deltas and parameters."""
    rng = np.random.default_rng(5)
    parameters = parameters or scatter(network, rng)
    golden, slow = EdgeModel(network, parameters), SlowEdge(network, parameters)
    for length in (n, 1):  # the second run begins with an empty pipe and goes on with the words
        x, target, rates = samples(network, rng, length)
        golden.traces = []
        outputs = golden.train_run(x, target, rates=rates)
        expected, deltas = slow.run(x.tolist(), target.tolist(), rates.tolist())
        assert outputs.tolist() == expected
        assert [[delta.tolist() for delta in trace.delta] for trace in golden.traces] == deltas
        for (weight, bias), (slow_weight, slow_bias) in zip(
                golden.parameters, slow.parameters(), strict=True):
            assert (weight.tolist(), bias.tolist()) == (slow_weight, slow_bias)
    return golden


@pytest.mark.parametrize("arithmetic", ["improved", "compatibility"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape[0])))
def test_shapes(shape, arithmetic):
    check(make(*shape, bits=8 if arithmetic == "improved" else 12,
               activation="sigmoid", edge={"arithmetic": arithmetic}))


@pytest.mark.parametrize("kind", KINDS_INTERLEAVER)
def test_interleavers(kind):
    check(make([12, 12, 6], [3, 2], 6, bits=4, edge={"interleaver": kind}))


@pytest.mark.parametrize("output", KINDS)
@pytest.mark.parametrize("hidden", KINDS)
def test_activations(hidden, output):
    for delta in ("s8.7", "p4.6"):
        check(make([8, 4, 4], [2, 2], 4, activation=hidden, output=output,
                   formats={"delta": delta}), n=4)


@pytest.mark.parametrize("update", MODES)
@pytest.mark.parametrize("delta", MODES)
@pytest.mark.parametrize("activation", MODES)
def test_roundings(activation, delta, update):
    rounding = {"activation": activation, "delta": delta, "update": update}
    for fmt, cycles in (("p4.6", 2), ("s7.6", 16)):  # several neurons a clock, and partial sums
        check(make([16, 8, 4], [2, 2], cycles, rounding=rounding, formats={"delta": fmt}), n=5)


@pytest.mark.parametrize("bits", range(2, 17))
def test_bitwidths(bits):
    check(make([9, 6, 3], [2, 1], 6, bits=bits), n=4)


@pytest.mark.parametrize("loss", ["cross_entropy", "mean_square"])
@pytest.mark.parametrize("hidden", ["sigmoid", "relu"])
@pytest.mark.parametrize("fmt", ["s8.5", "s10.7", "s10.6", "s12.8", "s16.11", "s32.21", "s9.3",
                                 "s5.3", "s16.13"])
def test_published_formats(fmt, hidden, loss):
    check(make([12, 12, 4], [3, 2], 12, activation=hidden, loss=loss, formats={"weight": fmt},
               edge=COMPATIBLE, learning_rate_range=[0, 7]))


def test_published_sums_saturate_edge_by_edge():
    """The partial sum hits the end and comes back: the order of the sweeps decides."""
    network = make([4, 2, 8], [2, 8], 8, activation="relu", formats={"weight": "s8.5"},
                   edge=COMPATIBLE)
    top = network.layers[1]
    weight = np.zeros(top.weight_shape, dtype=np.int64)
    for sweep, edges in enumerate(top.edges_of_left):  # the deltas are equal: these only add up
        weight.ravel()[edges] = 127 if sweep < 6 else -128
    first = (np.full(network.layers[0].weight_shape, 10), np.array([5, 5]))
    golden = EdgeModel(network, [first, (weight, np.full(8, 100))])
    golden.traces = []
    golden.train_run(np.full((1, 4), 16), np.zeros((1, 8), dtype=np.int64))
    assert golden.traces[0].slope[0].tolist() == [31, 31]  # 1 - 2**-5
    # six edges with delta 31: 31 * 31 / 32 = 30, 30 * 127 / 32 = 119, so the second one saturates;
    # then two with delta 1: 1 * -128 / 32 = -4
    assert golden.traces[0].delta[1].tolist() == [31] * 6 + [1] * 2
    assert golden.traces[0].delta[0].tolist() == [127 - 8] * 2
    check(network, n=1, parameters=[first, (weight, np.full(8, 100))])


@pytest.mark.parametrize("arithmetic", ["improved", "compatibility"])
@pytest.mark.parametrize("ends", [("lo", "hi"), ("hi", "lo"), ("lo", "lo"), ("hi", "hi")])
def test_parameters_saturate_at_their_ends(ends, arithmetic):
    """Weights at one end hold the outputs where every step pushes biases beyond the other."""
    network = make([8, 4, 4], [2, 2], 4, bits=8 if arithmetic == "improved" else 12,
                   activation="sigmoid", learning_rate_range=[0, 3],
                   edge={"arithmetic": arithmetic})
    parameters = [(np.full(j.weight_shape, getattr(j.formats.weight, ends[0])),
                   np.full(j.n_out, getattr(j.formats.bias, ends[1]))) for j in network.layers]
    golden = check(network, n=8, parameters=parameters)
    for junction, (weight, bias) in zip(network.layers, golden.parameters, strict=True):
        for codes, q in ((weight, junction.formats.weight), (bias, junction.formats.bias)):
            assert codes.min() >= q.lo and codes.max() <= q.hi


def test_layers_with_their_own_formats_and_rates():
    check(make([
        {"size": 12, "learning_rate_shift": -2, "activation": "leaky_relu",
         "formats": {"weight": "s14.11", "operand": "s9.7", "activation": "s7.3", "delta": "p5.9"}},
        {"size": 6, "learning_rate_shift": 3, "activation": "tanh",
         "formats": {"bias": "s11.8", "delta": "s6.5", "derivative": "u5.4"}},
        {"size": 3, "formats": {"output": "u9.8", "delta": "s10.7"}},
    ], [2, 2, 1], 6, inputs=12, leak_exponent=5))


def test_quadratic_cost_takes_the_derivative():
    outputs = {}
    for loss in ("cross_entropy", "mean_square"):
        golden = check(make([8, 4, 4], [2, 2], 4, activation="sigmoid", loss=loss, bits=8,
                            rounding={"delta": "half_up", "update": "half_up"}))
        outputs[loss] = golden.parameters[1][1].tolist()
    assert outputs["cross_entropy"] != outputs["mean_square"]


def test_wide_formats_do_not_wrap():
    check(make([24, 4, 2], [4, 2], 8, bits=16, learning_rate_exponent=0,
               formats={"input": "u16.16", "operand": "s16.13", "weight": "s24.20"}))


FORMATS = {
    "delta": [None, "p2.3", "p3.2", "p4.6", "p5.12", "s3.1", "s6.5", "s12.14"],
    "input": [None, "u1.0", "u6.6", "s5.2"],
    "weight": [None, "s14.10", "s9.8"],
    "bias": [None, "s8.7"],
}


@st.composite
def networks(draw):
    """Draw a network with everything free at once."""
    kinds, modes = st.sampled_from(KINDS), st.sampled_from(MODES)
    formats = {key: draw(st.sampled_from(options)) for key, options in FORMATS.items()}
    network = try_make(
        *draw_shape(np.random.default_rng(draw(st.integers(0, 1 << 20))), largest=14),
        bits=draw(st.integers(2, 16)), activation=draw(kinds), output=draw(kinds),
        rounding={key: draw(modes) for key in ("activation", "delta", "update")},
        formats={key: text for key, text in formats.items() if text},
        leak_exponent=draw(st.integers(1, 8)), table_bits=draw(st.integers(4, 8)),
        learning_rate_exponent=draw(st.integers(0, 15)), seed=draw(st.integers(0, 99)),
        edge={"interleaver": draw(st.sampled_from(KINDS_INTERLEAVER))})
    assume(network is not None)
    return network


@settings(max_examples=60, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(networks())
def test_any_network(network):
    check(network, n=3)


@settings(max_examples=30, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1 << 20), st.integers(5, 20), st.data())
def test_any_published_network(seed, width, data):
    shape = draw_shape(np.random.default_rng(seed), largest=14)
    check(make(*shape, activation=data.draw(st.sampled_from(["sigmoid", "relu"])),
               formats={"weight": f"s{width}.{data.draw(st.integers(3, width - 2))}"},
               edge={"arithmetic": "compatibility",
                     "interleaver": data.draw(st.sampled_from(KINDS_INTERLEAVER))}), n=3)


def test_inference_is_the_prediction_before_any_update():
    for edge in ({}, COMPATIBLE):
        for shape in SHAPES:
            network = make(*shape, bits=8, activation="sigmoid", edge=edge)
            golden, rng = EdgeModel(network), np.random.default_rng(1)
            x, target, _ = samples(network, rng, 5)
            inferred = golden.infer(x)
            predicted = [golden.train_run(x[i:i + 1], target[i:i + 1])[0].tolist()
                         for i in range(1)]
            assert inferred[:1].tolist() == predicted
            assert golden.infer(x[:0]).shape == (0, network.output.n_out)


def test_inference_in_pieces(monkeypatch):
    network = make([8, 4, 4], [2, 2], 4)
    x = samples(network, np.random.default_rng(2), 9)[0]
    whole = EdgeModel(network).infer(x)
    monkeypatch.setattr("taxonn_hw.golden.edge.model._BATCH_EDGES", 32)
    assert EdgeModel(network).infer(x).tolist() == whole.tolist()


def stated(network, parameters, x, target, rates, source):
    """Train sample by sample with the stated staleness instead of a pipeline.

    Forward of sample n in junction i uses the weights without the updates of the last
    2 (L - i) + 1 samples, backward and update those with all updates before n.
    """
    model = EdgeModel(network, parameters)
    depth = len(network.layers)
    versions = [[law] for law in model._laws]  # versions[i][n]: updated by samples before n
    outputs = []
    for n, (a, t, rate) in enumerate(zip(x, target, rates, strict=True)):
        sample = Sample(target=t, rate=int(rate), words=source.take() if source else None, x=[a])
        for i in range(depth):
            law = versions[i][max(n - (2 * (depth - i - 1) + 1), 0)]
            sample.edge_x.append(law.gather(sample.x[i]))
            a, slope = law.forward(sample.edge_x[i], sample)
            sample.x.append(a)
            sample.slope.append(slope)
        delta = law.output_delta(a, slope, sample)
        for i in reversed(range(depth)):
            law = versions[i][n]
            below = law.backward(delta, sample.slope[i - 1], sample) if i else None
            after = copy.copy(law)
            for name in ("weight", "operand", "bias"):
                if hasattr(law, name):
                    setattr(after, name, getattr(law, name).copy())
            after.update(sample.edge_x[i], delta, sample)
            versions[i].append(after)
            delta = below
        outputs.append(sample.output.tolist())
    return outputs, [(laws[-1].weight.tolist(), laws[-1].bias.tolist()) for laws in versions]


@pytest.mark.parametrize("edge", [{}, COMPATIBLE], ids=["improved", "compatibility"])
@pytest.mark.parametrize("shape", [([8, 6], [3], 12), ([12, 12, 4], [3, 2], 12),
                                   ([6, 6, 6, 6, 6], [2, 3, 1, 6], 6)], ids=str)
def test_the_pipeline_is_sequential_training_with_the_stated_staleness(shape, edge):
    network = make(*shape, bits=12, activation="sigmoid", edge=edge)
    parameters = scatter(network, np.random.default_rng(1))
    x, target, rates = samples(network, np.random.default_rng(3), 25)
    golden = EdgeModel(network, parameters)
    outputs = golden.train_run(x, target, rates=rates)
    source = None if edge else WordSource(network)
    expected, last = stated(network, parameters, x, target, rates, source)
    assert outputs.tolist() == expected
    assert [(w.tolist(), b.tolist()) for w, b in golden.parameters] == last
    fresh = EdgeModel(network, parameters, staleness=False)
    assert fresh.train_run(x, target, rates=rates).tolist() != expected


def test_without_staleness_every_sample_sees_all_updates():
    network = make([12, 12, 4], [3, 2], 12, bits=8)
    x, target, _ = samples(network, np.random.default_rng(3), 6)
    whole, single = (EdgeModel(network, staleness=stale) for stale in (False, True))
    outputs = whole.train_run(x, target)
    for i in range(len(x)):  # a run of one sample has no pipeline
        assert single.train_run(x[i:i + 1], target[i:i + 1])[0].tolist() == outputs[i].tolist()


def test_runs_continue_the_random_words():
    """Two runs of one sample are not one run of two, but take the same words."""
    network = make([8, 6], [3], 12, bits=4)
    x, target, _ = samples(network, np.random.default_rng(4), 2)
    models = [EdgeModel(network, staleness=False) for _ in range(2)]
    whole = models[0].train_run(x, target)
    parts = [models[1].train_run(x[i:i + 1], target[i:i + 1]) for i in range(2)]
    assert whole.tolist() == np.concatenate(parts).tolist()
    assert models[0].n_samples == models[1].n_samples == 2
    for (w, b), (v, c) in zip(models[0].parameters, models[1].parameters, strict=True):
        assert (w.tolist(), b.tolist()) == (v.tolist(), c.tolist())


def test_progress_is_told():
    network = make([2, 4, 1], [4, 1], 4)
    x, target, _ = samples(network, np.random.default_rng(1), 300)
    told = []
    EdgeModel(network).train_run(x, target, lambda *pair: told.append(pair))
    assert told == [(256, 300), (300, 300)]
