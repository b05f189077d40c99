"""Formats that lie too far apart are refused; those just inside are still exact."""

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.errors import UserError
from taxonn_hw.golden import GoldenModel
from taxonn_hw.plan import Network
from tests.golden.slow import SlowModel


def make(**keys) -> Network:
    return Network(config_from_dict({"layers": [6, 4, 3], "lanes": 4, **keys}))


@pytest.mark.parametrize(("keys", "message"), [
    ({"formats": {"input": "u8.60"}}, "layer 1: the forward accumulator needs 70 bits"),
    ({"formats": {"delta": "s8.99"}}, "layer 1: the weight step would lose 102 fraction bits"),
    ({"formats": {"delta": "p4.-60"}}, "layer 1: the weight step needs 72 bits before"),
    ({"formats": {"bias": "s12.38", "delta": "s32.5", "operand": "s4.2", "weight": "s12.4"}},
     "layer 1: the bias step needs 61 bits"),
    ({"formats": {"weight": "s12.40"}}, "operand s8.7 sees no bit of the stored weight s12.40"),
    ({"formats": {"output": "u8.-1"}}, "layer 2: the output u8.-1 has no code above zero"),
    ({"output": "tanh", "formats": {"output": "s1.0"}}, "the output s1.0 has no code above zero"),
    ({"activation": "tanh", "formats": {"derivative": "u8.99"}}, "the delta would lose 106"),
])
def test_too_far_apart(keys, message):
    with pytest.raises(UserError, match=message) as error:
        make(**keys)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("formats", [
    {"delta": "s8.-40"},
    {"delta": "s16.40"},
    {"weight": "s12.18", "operand": "s8.7"},
    {"weight": "s24.30", "operand": "s16.20", "bias": "s24.30"},
    {"weight": "s32.20", "operand": "s20.15", "bias": "s32.31", "delta": "s20.18"},
], ids=str)
@pytest.mark.parametrize("mode", ["half_up", "stochastic"])
def test_formats_just_inside_are_exact(formats, mode):
    network = make(formats=formats, rounding={"delta": mode, "update": mode})
    rng = np.random.default_rng(4)
    parameters = [(rng.integers(layer.formats.weight.lo, layer.formats.weight.hi + 1,
                                (layer.n_out, layer.n_in)),
                   rng.integers(layer.formats.bias.lo, layer.formats.bias.hi + 1, layer.n_out))
                  for layer in network.layers]
    golden, slow = GoldenModel(network, parameters), SlowModel(network, parameters)
    for _ in range(3):
        x, target = rng.integers(0, 256, 6), 128 * rng.integers(0, 2, 3)
        trace = golden.train(x, target)
        _, deltas, output = slow.train(x.tolist(), target.tolist())
        assert (trace.output.tolist(), [d.tolist() for d in trace.delta]) == (output, deltas)
        for (weight, bias), *expected in zip(golden.parameters, slow.weights, slow.biases,
                                             strict=True):
            assert [weight.tolist(), bias.tolist()] == expected
