"""Convolutional nets of the golden model against plain loops: every code of every step."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from taxonn_hw.config import NEURON_KINDS, config_from_dict
from taxonn_hw.errors import UserError
from taxonn_hw.fixed import Rounding
from taxonn_hw.golden import FloatModel, GoldenModel, initial_weights
from taxonn_hw.plan import ConvLayer, Network
from tests.golden.slow_conv import SlowConvModel
from tests.golden.test_model import samples, scatter  # the same corners as for dense nets

MODES = [mode.value for mode in Rounding]
KINDS = [kind.value for kind in NEURON_KINDS]


def conv(channels, kernel, **keys) -> dict:
    return {"kind": "conv", "channels": channels, "kernel": kernel, **keys}


def make(image, layers, **keys) -> Network:
    return Network(config_from_dict({
        "input_shape": list(image), "lanes": 4, "seed": 3, "learning_rate_exponent": 4,
        "layers": [layer if isinstance(layer, dict) else {"size": layer} for layer in layers],
        **keys}))


def scatter_images(network, rng):
    """Return parameters that reach the ends of their formats."""
    def codes(q, shape):
        return rng.integers(q.lo, q.hi + 1, shape) >> rng.integers(0, q.width, shape)
    return [(codes(layer.formats.weight, layer.weight_shape),
             codes(layer.formats.bias, layer.weight_shape[0])) for layer in network.layers]


def in_raster_order(layer, values):
    """Return [n_positions * channels] in window order as lists [position][channel]."""
    g = layer.geometry
    raster = np.empty((g.n_positions, g.channels_out), dtype=np.int64)
    raster[g.positions.ravel()] = values.reshape(g.n_positions, -1)
    return raster.tolist()


def check(network, n=3, parameters=None, seed=5):
    """Train both models and compare every code of every step."""
    rng = np.random.default_rng(seed)
    parameters = parameters or scatter_images(network, rng)
    golden, slow = GoldenModel(network, parameters), SlowConvModel(network, parameters)
    moved = False
    for k, (x, target) in enumerate(zip(*samples(network, rng, n), strict=True)):
        inferred = None
        if network.config.rounding.activation is not Rounding.STOCHASTIC:
            inferred = golden.infer(np.stack([x, x[::-1], x]))[2].tolist()
        trace = golden.train(x, target, last=k == n - 1)
        slopes, deltas, chosen, output = slow.train(x.tolist(), target.tolist(), last=k == n - 1)
        assert trace.output.tolist() == output
        assert inferred in (None, output)
        for i, layer in enumerate(network.layers):
            if not isinstance(layer, ConvLayer):
                assert trace.slope[i].tolist() == slopes[i]
                assert trace.delta[i].tolist() == deltas[i]
                continue
            if layer.geometry.pool == "max" and layer.geometry.window > 1:
                assert trace.chosen[i].ravel().tolist() == chosen[i]
                assert trace.delta[i].tolist() == deltas[i]
            else:
                assert in_raster_order(layer, trace.slope[i]) == slopes[i]
            moved |= bool(np.any(trace.delta[i]))
        for i, (weight, bias) in enumerate(golden.parameters):
            assert weight.tolist() == slow.weights[i], f"weights of layer {i + 1}"
            assert bias.tolist() == slow.biases[i], f"biases of layer {i + 1}"
    return moved


#: Odd, tiny and lopsided images; kernels of one pixel and of the whole image; strides beyond the
#: kernel; padding; channels that fill no block of lanes; windows that drop edge positions.
SHAPES = {
    "one pixel": ([1, 1, 1], [conv(1, 1), 1]),
    "1x1 kernels": ([3, 2, 3], [conv(5, 1), 2]),
    "full image": ([2, 4, 3], [conv(3, [4, 3]), 2]),
    "full image, padded": ([2, 3, 3], [conv(3, 5, padding=2), 2]),
    "stride beyond kernel": ([2, 7, 8], [conv(3, 2, stride=3), 3]),
    "stride and padding": ([1, 5, 6], [conv(2, 3, stride=2, padding=1), 3]),
    "odd image, pooled": ([1, 7, 9], [conv(3, 3, pool="max"), 2]),
    "pooled twice": ([2, 10, 11], [conv(3, 3, pool="max"), conv(5, [2, 3], pool="max"), 3]),
    "averaged": ([2, 6, 7], [conv(3, 3, pool="average"), conv(2, 1, pool="average"), 2]),
    "window of three": ([1, 8, 8], [conv(2, 3, pool="average", pool_size=3), 4, 2]),
    "window of one": ([1, 4, 4], [conv(2, 3, pool="max", pool_size=1),
                                  conv(2, 1, pool="average", pool_size=1), 2]),
    "whole image pooled": ([2, 5, 4], [conv(6, 2, pool="average", pool_size=3), 2]),
    "max of three, strided": ([1, 9, 9], [conv(2, 2, stride=2, pool="max", pool_size=3), 2]),
    "many channels": ([7, 3, 3], [conv(9, 2, padding=1, pool="max"), 3]),
    "a row": ([1, 1, 12], [conv(3, [1, 4], stride=2), conv(2, [1, 2]), 2]),
    "three deep": ([1, 8, 8], [conv(2, 3, padding=1, pool="max"), conv(3, 3, padding=1),
                               conv(4, 3, pool="average"), 6, 3]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(shape):
    image, layers = SHAPES[shape]
    for lanes, bits in ((1, 8), (3, 4), (16, 8)):
        check(make(image, layers, lanes=lanes, bits=bits), n=2)


NET = ([2, 6, 5], [conv(3, 3, padding=1, pool="max"), conv(5, 2, pool="none"), 4, 3])
MEAN = ([1, 7, 6], [conv(3, 2, pool="average"), conv(2, 2, padding=1, pool="average", pool_size=3),
                    3])


@pytest.mark.parametrize("bits", range(2, 17))
def test_bitwidths(bits):
    moved = [check(network, n=2, parameters=start) for net in (NET, MEAN)
             for network in [make(*net, bits=bits, learning_rate_exponent=2)]
             for start in (None, initial_weights(network))]
    assert any(moved) or bits == 2  # gradients reached the kernels


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pool", ["max", "average", "none"])
def test_activations(kind, pool):
    layers = [conv(3, 2, pool=pool), conv(2, 2, pool=pool, activation=kind), 3]
    for delta in ("s8.7", "p4.6"):
        for output in ("tanh", "hard_sigmoid"):
            check(make([1, 7, 7], layers, activation=kind, output=output, table_bits=6,
                       formats={"delta": delta}), n=2)


@pytest.mark.parametrize("update", MODES)
@pytest.mark.parametrize("delta", MODES)
@pytest.mark.parametrize("activation", MODES)
def test_roundings(activation, delta, update):
    rounding = {"activation": activation, "delta": delta, "update": update}
    for net, fmt in ((NET, "p4.6"), (MEAN, "s9.8")):
        check(make(*net, rounding=rounding, formats={"delta": fmt}), n=2)


@pytest.mark.parametrize("update", MODES)
@pytest.mark.parametrize(("batch", "multiplier", "decay"), [(1, 5, None), (2, 1, 3), (8, 255, 1)])
def test_steps(batch, multiplier, decay, update):
    for net in (NET, MEAN):
        check(make(*net, batch=batch, learning_rate_multiplier=multiplier, output="softmax",
                   rounding={"update": update}, weight_decay=decay, weight_decay_period=2), n=5)


def test_table_activations_with_stochastic_stores():
    layers = [conv(5, 2, pool="max"), conv(3, 2, pool="average"), 3]
    for lanes in (2, 4):
        check(make([2, 7, 7], layers, activation="tanh", table_bits=5, lanes=lanes,
                   rounding={"activation": "stochastic"}))


def test_layers_with_their_own_formats_and_rates():
    check(make([2, 6, 6], [
        conv(3, 3, pool="max", learning_rate_shift=3, activation="leaky_relu",
             formats={"weight": "s14.11", "operand": "s9.7", "activation": "s7.3",
                      "delta": "p5.9"}),
        conv(4, 2, learning_rate_shift=-2,
             formats={"weight": "s12.10", "bias": "s11.9", "delta": "s6.5"}),
        {"size": 3, "formats": {"output": "u9.8", "delta": "s10.7"}}], leak_exponent=3))


@st.composite
def networks(draw):
    """Draw a network with everything free at once."""
    kinds, modes = st.sampled_from(KINDS), st.sampled_from(MODES)
    layers = [conv(draw(st.integers(1, 5)), [draw(st.integers(1, 3)), draw(st.integers(1, 3))],
                   stride=draw(st.integers(1, 3)), padding=draw(st.integers(0, 2)),
                   pool=draw(st.sampled_from(["max", "average", "none"])),
                   pool_size=draw(st.integers(1, 3)))
              for _ in range(draw(st.integers(1, 3)))]
    dense = draw(st.lists(st.integers(1, 6), min_size=1, max_size=2))
    image = [draw(st.integers(1, 3)), draw(st.integers(1, 8)), draw(st.integers(1, 8))]
    delta = draw(st.sampled_from(["p2.3", "p4.6", "s3.1", "s6.5", "s12.14"]))
    try:
        return make(
            image, layers + dense, lanes=draw(st.sampled_from([1, 2, 3, 16])),
            bits=draw(st.integers(2, 16)), activation=draw(kinds), zero_skip=draw(st.booleans()),
            output=draw(st.sampled_from([*KINDS, "softmax"])), batch=draw(st.sampled_from([1, 2])),
            weight_decay=draw(st.sampled_from([None, 4])), formats={"delta": delta},
            mapping=draw(st.sampled_from(["auto", "outputs", "inputs"])),
            rounding={key: draw(modes) for key in ("activation", "delta", "update")},
            leak_exponent=draw(st.integers(1, 4)), table_bits=draw(st.integers(4, 8)),
            learning_rate_exponent=draw(st.integers(0, 9)), seed=draw(st.integers(0, 99)))
    except UserError:
        assume(False)


@settings(max_examples=40, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(networks())
def test_any_network(network):
    check(network, n=2)


def test_wide_sums_are_exact():
    """Sums beyond 24 bits, in which float32 would be wrong."""
    network = make([3, 6, 6], [conv(3, 5, padding=2), conv(3, 3, pool="max"), 2], bits=16,
                   learning_rate_exponent=0,
                   formats={"input": "u16.16", "operand": "s16.13", "weight": "s24.20",
                            "delta": "s16.15"})
    rng = np.random.default_rng(8)
    rails = [(np.where(rng.random(layer.weight_shape) < 0.5, layer.formats.weight.lo,
                       layer.formats.weight.hi),
              np.full(layer.weight_shape[0], layer.formats.bias.hi)) for layer in network.layers]
    check(network, parameters=rails)


def test_dense_layers_are_what_they_were():
    """A net of kernels as large as the image trains like the dense net of the same weights."""
    same = {"rounding": {"activation": "half_up", "delta": "half_up", "update": "half_up"},
            "formats": {"weight": "s12.10"}}
    convolution = make([2, 3, 4], [conv(5, [3, 4]), 3], **same)
    dense = make([2, 3, 4], [5, 3], **same)
    rng = np.random.default_rng(2)
    parameters = scatter(dense, rng)
    order = np.arange(24).reshape(12, 2).T.ravel()  # (position, channel) -> (channel, position)
    images = [(parameters[0][0][:, order], parameters[0][1]), parameters[1]]
    one, other = GoldenModel(convolution, images), GoldenModel(dense, parameters)
    for x, target in zip(*samples(dense, rng, 20), strict=True):
        assert one.train(x, target).output.tolist() == other.train(x, target).output.tolist()
    np.testing.assert_array_equal(one.parameters[0][0], other.parameters[0][0][:, order])
    np.testing.assert_array_equal(one.parameters[0][1], other.parameters[0][1])


@pytest.mark.parametrize(("hidden", "pool"), [
    ("relu", "max"), ("tanh", "max"), ("relu", "average"), ("tanh", "average"),
    ("identity", "average"), ("identity", "none")])
def test_wide_formats_follow_float(hidden, pool):
    """At 16 bits a step differs from float64 by the roundings of its stores only."""
    network = make([2, 8, 8], [conv(4, 3, pool=pool, learning_rate_shift=2),
                               conv(4, 2, learning_rate_shift=2), 3],
                   bits=16, activation=hidden, table_bits=12, learning_rate_exponent=4,
                   formats={"derivative": "u10.9", "activation": "s18.14", "delta": "s16.14"})
    golden, model = GoldenModel(network), FloatModel(network)
    rng, one = np.random.default_rng(2), network.output.formats.a.one
    start = [w.copy() for w in model.weights]
    # a store errs by half a unit (2**-15 activations and deltas; tables: half an index step,
    # 2**-10, times the slope), summed over the taps of two layers with weights below 1
    bound = 2.0**-6 if hidden == "tanh" else 2.0**-8
    for _ in range(8):
        x = rng.integers(0, network.input.hi + 1, 128)
        target = np.eye(3, dtype=np.int64)[rng.integers(3)]
        trace = golden.train(x, target * one)
        output = model.train(network.input.to_real(x), target)
        np.testing.assert_allclose(network.output.formats.a.to_real(trace.output), output,
                                   atol=bound)
    for layer, (weight, bias), w, b, w0 in zip(network.layers, golden.parameters, model.weights,
                                               model.biases, start, strict=True):
        np.testing.assert_allclose(layer.formats.weight.to_real(weight), w, atol=bound)
        np.testing.assert_allclose(layer.formats.bias.to_real(bias), b, atol=bound)
        assert np.abs(w - w0).max() > 2 * bound  # far more than the models are apart
