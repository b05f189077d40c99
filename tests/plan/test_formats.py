"""Default formats of every bitwidth, and the rules that tie formats together."""

import pytest

from taxonn_hw.config import NEURON_KINDS, Activation, config_from_dict
from taxonn_hw.errors import UserError
from taxonn_hw.fixed import Pow2Format
from taxonn_hw.plan import Network


def make(**keys) -> Network:
    return Network(config_from_dict({"layers": [6, 4, 3], "lanes": 4, **keys}))


@pytest.mark.parametrize("bits", range(2, 17))
def test_defaults_of_a_bitwidth(bits):
    network = make(bits=bits)
    hidden, output = network.layers
    for layer in network.layers:
        f = layer.formats
        assert f.operand.width == bits and f.operand.signed
        assert f.weight == f.bias and f.weight.width >= 12
        assert f.weight.width <= 12 or bits > 8
        assert isinstance(f.delta, Pow2Format) == (bits <= 7)
        assert f.delta.code_width == (4 if bits <= 7 else bits)
        assert f.operand.frac <= f.weight.frac
    assert network.input.width == bits and not network.input.signed
    assert network.input.hi == 2**network.input.frac - 1  # pixels from 0 to just below 1
    assert hidden.formats.a.width == max(bits, 3)
    assert hidden.formats.x == network.input and output.formats.x == hidden.formats.a
    # the output reaches exactly 0 and 1, or training diverges (design 2.1)
    q = output.formats.a
    assert q.lo == 0 and q.to_real(q.one) == 1 and q.hi > q.one and q.width == max(bits, 8)


@pytest.mark.parametrize(("bits", "with_kernels", "dense"), [
    (2, "s16.14", "s12.10"), (8, "s16.14", "s12.10"), (9, "s16.13", "s16.13")])
def test_nets_with_kernels_store_more(bits, with_kernels, dense):
    """Gradients of a kernel sum over positions, so its steps are smaller; all rows are as wide."""
    network = make(input_shape=[1, 4, 4], bits=bits, layers=[
        {"kind": "conv", "channels": 2, "kernel": 2}, {"size": 3}])
    assert [str(layer.formats.weight) for layer in network.layers] == [with_kernels] * 2
    network = make(bits=bits, layers=[4, 3, 2])
    assert [str(layer.formats.weight) for layer in network.layers] == [dense] * 2


@pytest.mark.parametrize("output", list(Activation))
@pytest.mark.parametrize("hidden", NEURON_KINDS)
def test_defaults_make_a_network_of_every_activation(hidden, output):
    for bits in range(2, 17):
        network = make(activation=hidden.value, output=output.value, bits=bits)
        below, top = (layer.formats.a for layer in network.layers)
        for kind, q in ((hidden, below), (output, top)):
            signed = kind in (Activation.IDENTITY, Activation.LEAKY_RELU, Activation.TANH)
            assert q.signed == signed
            assert q.to_real(q.hi) >= 0.5
        assert top.one > 0


def test_formats_of_a_layer_win_over_those_of_the_network():
    network = make(formats={"weight": "s14.11", "delta": "p3.4", "output": "u9.8"}, layers=[
        {"size": 4, "formats": {"weight": "s16.12", "activation": "u5.2"}},
        {"size": 3, "formats": {"delta": "s9.8"}}], inputs=6)
    first, second = (layer.formats for layer in network.layers)
    assert [str(f) for f in (first.weight, first.bias, first.a, first.delta)] == [
        "s16.12", "s16.12", "u5.2", "p3.4"]
    assert [str(f) for f in (second.weight, second.x, second.a, second.delta)] == [
        "s14.11", "u5.2", "u9.8", "s9.8"]


@pytest.mark.parametrize(("keys", "message"), [
    ({"activation": "tanh", "formats": {"activation": "u8.7"}}, "tanh needs a signed"),
    ({"formats": {"output": "u8.8"}}, "layer 2: hard_sigmoid must reach 1.0 .* u8.8 does not"),
    ({"output": "sigmoid", "formats": {"output": "s8.7"}}, "sigmoid output must reach 1.0"),
    ({"formats": {"operand": "s13.7"}}, "operand s13.7 must not be wider than .* s12.10"),
    ({"formats": {"operand": "s8.11"}}, "operand s8.11 must not have more fraction bits"),
    ({"formats": {"bias": "s8.1"}}, "bias s8.1 needs at least 2 fraction bits"),
    ({"formats": {"bias": "s14.10"}}, "bias s14.10 must not be wider than .* s12.10"),
    ({"formats": {"derivative": "u13.12"}}, "derivative must be unsigned with at most 12 bits"),
    ({"formats": {"derivative": "s8.7"}}, "derivative must be unsigned"),
    ({"formats": {"activation": "u8.33"}}, "u8.33 must have -8 to 32 fraction bits"),
    ({"layers": [9000, 1], "bits": 16, "formats": {"operand": "s24.10", "weight": "s24.10",
                                                   "input": "u24.0"}},
     "layer 1: the forward accumulator needs 62 bits, at most 48"),
])
def test_rules(keys, message):
    with pytest.raises(UserError, match=message) as error:
        make(**keys)
    assert "\n" not in str(error.value)
