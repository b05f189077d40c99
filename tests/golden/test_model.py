"""The golden model against plain loops over exact fractions: every code of every step."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from taxonn_hw.config import NEURON_KINDS, config_from_dict
from taxonn_hw.errors import UserError
from taxonn_hw.fixed import Rounding
from taxonn_hw.golden import FloatModel, GoldenModel, initial_weights
from taxonn_hw.plan import Network
from tests.golden.slow import SlowModel

NETS = [[1, 1], [1, 1, 1], [2, 4, 1], [5, 3, 2], [9, 5, 3], [7, 5, 3, 2], [3, 8, 1, 4]]
MODES = [mode.value for mode in Rounding]
KINDS = [kind.value for kind in NEURON_KINDS]


def make(layers, **keys) -> Network:
    return Network(config_from_dict({"layers": layers, "lanes": 4, "seed": 3,
                                     "learning_rate_exponent": 2, **keys}))


def scatter(network, rng):
    """Return parameters that reach the ends of their formats, some of them zero."""
    def codes(q, shape):
        return rng.integers(q.lo, q.hi + 1, shape) >> rng.integers(0, q.width, shape)
    return [(codes(layer.formats.weight, (layer.n_out, layer.n_in)),
             codes(layer.formats.bias, layer.n_out)) for layer in network.layers]


def samples(network, rng, n):
    """Return ``n`` input and target code lists; many inputs are zero, some are extreme."""
    q, one = network.input, network.output.formats.a.one
    x = rng.integers(q.lo, q.hi + 1, (n, network.n_inputs))
    x = np.where(rng.random(x.shape) < 0.15, q.hi, np.where(rng.random(x.shape) < 0.4, 0, x))
    return x, rng.integers(0, 2, (n, network.output.n_out)) * one


def check(network, n=4, parameters=None):
    """Train both models and compare every code of every step."""
    rng = np.random.default_rng(5)
    parameters = parameters or scatter(network, rng)
    golden, slow = GoldenModel(network, parameters), SlowModel(network, parameters)
    for i, (x, target) in enumerate(zip(*samples(network, rng, n), strict=True)):
        if network.config.rounding.activation is not Rounding.STOCHASTIC:
            inferred = golden.infer(x[None])[0].tolist()
        else:
            inferred = None  # its random words are those of a sample
        trace = golden.train(x, target, last=i == n - 1)
        slopes, deltas, output = slow.train(x.tolist(), target.tolist(), last=i == n - 1)
        assert trace.output.tolist() == output
        assert [slope.tolist() for slope in trace.slope] == slopes
        assert [delta.tolist() for delta in trace.delta] == deltas
        assert inferred in (None, output)
        for (weight, bias), *expected in zip(golden.parameters, slow.weights, slow.biases,
                                             strict=True):
            assert [weight.tolist(), bias.tolist()] == expected
    return golden


@pytest.mark.parametrize("mapping", ["outputs", "inputs"])
@pytest.mark.parametrize("lanes", [1, 3, 4])
@pytest.mark.parametrize("layers", NETS, ids=str)
def test_shapes(layers, lanes, mapping):
    for bits in (4, 8):
        check(make(layers, lanes=lanes, mapping=mapping, bits=bits))


@pytest.mark.parametrize("bits", range(2, 17))
def test_bitwidths(bits):
    check(make([5, 4, 3], bits=bits))


@pytest.mark.parametrize("output", [*KINDS, "softmax"])
@pytest.mark.parametrize("hidden", KINDS)
def test_activations(hidden, output):
    for delta in ("s8.7", "p4.6"):
        check(make([4, 5, 2], activation=hidden, output=output, formats={"delta": delta}))


@pytest.mark.parametrize("update", MODES)
@pytest.mark.parametrize("delta", MODES)
@pytest.mark.parametrize("activation", MODES)
def test_roundings(activation, delta, update):
    rounding = {"activation": activation, "delta": delta, "update": update}
    for mapping, fmt in (("outputs", "p4.6"), ("inputs", "s7.6"), ("auto", "p3.4")):
        check(make([5, 6, 3], rounding=rounding, mapping=mapping, formats={"delta": fmt}), n=3)


def test_table_activations_with_stochastic_stores():
    rounding = {"activation": "stochastic"}
    for hidden, mapping in (("tanh", "outputs"), ("sigmoid", "inputs")):
        check(make([5, 6, 3], activation=hidden, rounding=rounding, mapping=mapping, table_bits=5))


def test_layers_with_their_own_formats_rates_and_mappings():
    check(make([
        {"size": 6, "mapping": "inputs", "learning_rate_shift": -2, "activation": "leaky_relu",
         "formats": {"weight": "s14.11", "operand": "s9.7", "activation": "s7.3", "delta": "p5.9"}},
        {"size": 5, "mapping": "outputs", "learning_rate_shift": 3, "activation": "tanh",
         "formats": {"bias": "s11.8", "delta": "s6.5", "derivative": "u5.4"}},
        {"size": 3, "formats": {"output": "u9.8", "delta": "s10.7"}},
    ], inputs=7, leak_exponent=5))


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
    try:
        return make(
            draw(st.lists(st.integers(1, 9), min_size=2, max_size=4)),
            lanes=draw(st.sampled_from([1, 2, 3, 4, 16])), bits=draw(st.integers(2, 16)),
            activation=draw(kinds), output=draw(st.sampled_from([*KINDS, "softmax"])),
            zero_skip=draw(st.booleans()), batch=draw(st.sampled_from([1, 1, 2])),
            learning_rate_multiplier=draw(st.sampled_from([1, 1, 3, 255])),
            weight_decay=draw(st.sampled_from([None, None, 1, 5])),
            mapping=draw(st.sampled_from(["auto", "outputs", "inputs"])),
            rounding={key: draw(modes) for key in ("activation", "delta", "update")},
            formats={key: text for key, text in formats.items() if text},
            leak_exponent=draw(st.integers(1, 8)), table_bits=draw(st.integers(4, 8)),
            learning_rate_exponent=draw(st.integers(0, 15)), seed=draw(st.integers(0, 99)))
    except UserError:
        assume(False)


@settings(max_examples=80, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(networks())
def test_any_network(network):
    check(network, n=2)


@pytest.mark.parametrize("update", MODES)
@pytest.mark.parametrize(("batch", "multiplier", "decay", "period"), [
    (1, 5, None, 1), (3, 1, None, 1), (2, 255, 3, 1), (4, 7, 1, 3), (16, 1, 6, 2)])
def test_steps(batch, multiplier, decay, period, update):
    """Batches that end in and with a run of eight, multipliers, decay: in both mappings."""
    for mapping in ("outputs", "inputs"):
        keys = {} if decay is None else {"weight_decay": decay, "weight_decay_period": period}
        network = make([5, 6, 3], mapping=mapping, batch=batch, learning_rate_multiplier=multiplier,
                       rounding={"update": update}, **keys)
        check(network, n=8)


def test_two_runs_are_two_batches():
    """A batch ends with its run, so the next run begins with a new one."""
    network = make([5, 4, 3], batch=4)
    rng = np.random.default_rng(3)
    x, target = samples(network, rng, 6)
    golden, slow = GoldenModel(network), SlowModel(network, initial_weights(network))
    for part in (slice(0, 3), slice(3, 6)):
        golden.train_run(x[part], target[part])
    for i in range(6):
        slow.train(x[i].tolist(), target[i].tolist(), last=i in (2, 5))
    for (weight, bias), *expected in zip(golden.parameters, slow.weights, slow.biases, strict=True):
        assert [weight.tolist(), bias.tolist()] == expected


def test_the_multiplier_changes_between_samples():
    network, rng = make([5, 4, 3], learning_rate_multiplier=9), np.random.default_rng(3)
    fixed = make([5, 4, 3], learning_rate_multiplier=20)
    x, target = samples(network, rng, 2)
    model, other = GoldenModel(network), GoldenModel(fixed)
    model.multiplier = 20
    for pair in zip(x, target, strict=True):
        model.train(*pair)
        other.train(*pair)
    assert model.parameters[0][0].tolist() == other.parameters[0][0].tolist()


@pytest.mark.parametrize("delta", ["s8.7", "p4.6"])
@pytest.mark.parametrize("mode", ["floor", "half_up", "half_even"])
def test_mappings_agree_without_random_words(mode, delta):
    rounding = {"activation": mode, "delta": mode, "update": mode}
    results = []
    for mapping in ("outputs", "inputs", "auto"):
        network = make([6, 9, 5, 3], mapping=mapping, rounding=rounding, formats={"delta": delta})
        model, rng = GoldenModel(network), np.random.default_rng(1)
        for x, target in zip(*samples(network, rng, 20), strict=True):
            model.train(x, target)
        results.append([(w.tolist(), b.tolist()) for w, b in model.parameters])
    assert results[0] == results[1] == results[2]
    assert results[0] != [(w.tolist(), b.tolist()) for w, b in initial_weights(network)]


def test_skipping_zeros_changes_nothing():
    results = []
    for skip in (True, False):
        network = make([9, 7, 4], zero_skip=skip, bits=4, mapping="outputs")
        model, rng = GoldenModel(network), np.random.default_rng(1)
        for x, target in zip(*samples(network, rng, 30), strict=True):
            model.train(x, target)
        results.append([(w.tolist(), b.tolist()) for w, b in model.parameters])
    assert results[0] == results[1]


def test_a_wide_accumulator_is_exact():
    """Beyond 24 bits, where float32 products would be wrong, and with 32-bit steps too narrow."""
    network = make([40, 3, 2], bits=16, learning_rate_exponent=0,
                   formats={"input": "u16.16", "operand": "s16.13", "weight": "s24.20"})
    rng = np.random.default_rng(8)
    edge = [(np.where(rng.random((layer.n_out, layer.n_in)) < 0.5,
                      layer.formats.weight.lo, layer.formats.weight.hi),
             np.full(layer.n_out, layer.formats.bias.hi)) for layer in network.layers]
    check(network, parameters=edge)


@pytest.mark.parametrize("hidden", KINDS)
def test_wide_formats_follow_float(hidden):
    """At 16 bits a step differs from float64 by the roundings of its stores only."""
    network = make([12, 8, 4], bits=16, activation=hidden, table_bits=12, learning_rate_exponent=3,
                   formats={"derivative": "u12.11", "activation": "s16.12", "delta": "s18.14"})
    golden, model = GoldenModel(network), FloatModel(network)
    rng = np.random.default_rng(2)
    one = network.output.formats.a.one
    kinks = {"relu": [0], "leaky_relu": [0], "hard_sigmoid": [-2, 2]}.get(hidden, [])
    for _ in range(10):
        x = rng.integers(0, network.input.hi + 1, 12)
        while any(np.abs(model.weights[0] @ network.input.to_real(x) + model.biases[0] - kink).min()
                  < 2.0**-8 for kink in kinks):  # the two models could be on different sides
            x = rng.integers(0, network.input.hi + 1, 12)
        target = np.eye(4, dtype=np.int64)[rng.integers(4)]
        trace = golden.train(x, target * one)
        _, deltas, output = model.deltas(network.input.to_real(x), target)
        model.train(network.input.to_real(x), target)
        # tables: half a step of the index (2**-9) times the slope, summed over 8 neurons
        bound = 2.0**-7 if network.layers[0].activation.is_table else 2.0**-9
        np.testing.assert_allclose(network.output.formats.a.to_real(trace.output), output,
                                   atol=bound)
        for layer, codes, delta in zip(network.layers, trace.delta, deltas, strict=True):
            np.testing.assert_allclose(layer.formats.delta.to_real(codes), delta, atol=bound)
    moved = [np.abs(w - start).max() for w, start in zip(
        model.weights, FloatModel(network).weights, strict=True)]
    for layer, (weight, bias), w, b in zip(network.layers, golden.parameters, model.weights,
                                           model.biases, strict=True):
        np.testing.assert_allclose(layer.formats.weight.to_real(weight), w, atol=bound)
        np.testing.assert_allclose(layer.formats.bias.to_real(bias), b, atol=bound)
    assert min(moved) > 2 * bound  # the weights went much farther than the models are apart
