"""Activation and derivative in gates against the golden model, corners and random sums."""

from itertools import product

import numpy as np
import pytest
from amaranth.hdl import Cat, Const, Value, signed, unsigned

from taxonn_hw.config import NEURON_KINDS, Activation
from taxonn_hw.fixed import Rounding
from taxonn_hw.golden.neuron import activate, derivative_code
from taxonn_hw.rtl.neuron import (
    activation_term,
    apply_slope,
    drop_activation,
    round_activation,
    saturate_activation,
    slope_code,
    slope_of_code,
)
from tests.fixed.test_gates import sweep
from tests.rtl.networks import make_network, sums

KINDS = list(NEURON_KINDS)
SHIFTED = [kind for kind in KINDS if not kind.is_table]


def layers_of(kind):
    """Hidden layers of ``kind`` with various formats of their output."""
    formats = ["s5.3", "s6.4"]
    match kind:
        case Activation.RELU:
            formats += ["u5.3", "u4.4", "u6.-1", "s3.-1"]
        case Activation.SIGMOID:
            formats += ["u5.3", "u4.4"]
        case Activation.HARD_SIGMOID:
            formats += ["u5.4", "u3.0", "s6.1"]
        case _:
            formats += ["s6.9", "s4.0"]
    return [make_network((6, 4, 3), activation=kind.value, bits=4, leak_exponent=2, table_bits=6,
                         formats={"activation": fmt, "bias": "s12.12"}).layers[0]
            for fmt in formats]


@pytest.mark.parametrize("kind", KINDS)
def test_activation(kind):
    layers = layers_of(kind)
    rng = np.random.default_rng(2)
    bound = max(layer.forward_bound for layer in layers)
    acc = sums(rng, bound, 400)
    acc[7:260] = np.arange(-126, 127)  # around zero, where the kinks are
    words = rng.choice([0, 0xFFFF, 0x8000, *range(0, 1 << 16, 4099)], len(acc))
    cases = list(product(layers, Rounding))

    def build(a, r):
        return [Value.cast(saturate_activation(round_activation(a, layer, mode, r), layer))
                for layer, mode in cases]

    columns = sweep(build, [signed(bound.bit_length() + 1), unsigned(16)],
                    list(zip(acc.tolist(), words.tolist(), strict=True)))
    for (layer, mode), column in zip(cases, columns, strict=True):
        expected, _ = activate(acc, layer, mode, words)
        if kind.is_table:
            column = layer.table[0][column - layer.table_format.lo]
        np.testing.assert_array_equal(column, expected, f"{layer.formats.a} {mode}")
        assert len(np.unique(expected)) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_activation_whose_term_is_added_before(kind):
    """The same, where what rounding adds is in the accumulator already; else there is no term."""
    cases = [(layer, mode) for layer, mode in product(layers_of(kind), Rounding)
             if mode is not Rounding.HALF_EVEN and kind is not Activation.LEAKY_RELU]
    for layer, mode in product(layers_of(kind), Rounding):
        if (layer, mode) not in cases:
            assert activation_term(layer, mode, Const(0, 16)) is None
    if not cases:
        return
    bound = max(layer.forward_bound for layer, _ in cases)
    rng = np.random.default_rng(3)
    vectors = list(zip(sums(rng, bound, 100).tolist(), rng.integers(0, 1 << 16, 100).tolist(),
                       strict=True))

    def build(a, r):
        late = [Value.cast(round_activation(a, layer, mode, r)) for layer, mode in cases]
        early = [drop_activation(a + activation_term(layer, mode, r), layer)
                 for layer, mode in cases]
        return late + early

    columns = sweep(build, [signed(bound.bit_length() + 1), unsigned(16)], vectors)
    for late, early in zip(columns[:len(cases)], columns[len(cases):], strict=True):
        np.testing.assert_array_equal(early, late)


@pytest.mark.parametrize("kind", SHIFTED)
def test_slope(kind):
    """Every code of the output: the derivative, and what it makes of a value."""
    for layer in layers_of(kind):
        q = layer.formats.a
        codes = np.arange(q.lo, q.hi + 1)
        values = [-37, -1, 0, 1, 100]
        vectors = list(product(codes.tolist(), values))

        def build(code, value, layer=layer):
            live, steep = slope_of_code(code, layer)
            return [Cat(live, steep), slope_code(code, layer),
                    Value.cast(apply_slope(value, live, steep, layer))]

        shape = signed(q.width) if q.signed else unsigned(q.width)
        flags, slopes, results = sweep(build, [shape, signed(8)], vectors)
        code, value = np.array(vectors).T
        slope = derivative_code(code, layer)
        np.testing.assert_array_equal(flags & 1, slope != 0)
        np.testing.assert_array_equal(slopes, slope)
        np.testing.assert_array_equal(results, value * slope, str(q))
