"""Forward sums, activations and output deltas against the law, a clock after the other."""

from dataclasses import replace

import numpy as np
import pytest

from taxonn_hw.fixed import Pow2Format, Rounding, requantize
from taxonn_hw.golden.edge.compatible import activate as published
from taxonn_hw.golden.neuron import activate, output_delta
from taxonn_hw.plan.edge.latency import junction_stages, tree_levels
from taxonn_hw.rtl.edge.delta import OutputDelta
from taxonn_hw.rtl.edge.forward import Forward, Operands
from taxonn_hw.rtl.edge.right_neurons import RightNeurons
from taxonn_hw.testing import trace
from tests.edge_configs import edge_network

KINDS = ["relu", "leaky_relu", "hard_sigmoid", "identity", "sigmoid", "tanh"]
SHARED = {"arithmetic": "compatibility"}


def codes(rng, q, shape) -> np.ndarray:
    """Return random codes of ``q``, corners among them."""
    values = rng.integers(q.lo, q.hi + 1, shape)
    corners = rng.choice([q.lo, q.hi, 0], shape)
    return np.where(rng.random(shape) < 0.2, corners, values)


def word(name: str, values) -> dict:
    return {f"{name}.{k}": int(v) for k, v in enumerate(values)}


def vector(seen: dict, name: str) -> list[int]:
    return [value for key, value in seen.items() if key.startswith(f"{name}.")]


@pytest.mark.parametrize(("sizes", "fan_out", "cycles"), [
    ((16, 4), 4, 4), ((16, 4), 4, 8), ((12, 12), 3, 3), ((9, 3), 1, 9), ((5, 5), 1, 5),
    ((21, 7), 2, 14)])
@pytest.mark.parametrize("edge", [{}, SHARED], ids=["improved", "compatible"])
def test_forward(sizes, fan_out, cycles, edge):
    """Whole neurons a clock, and neurons of several clocks, back to back and with pauses."""
    network = edge_network(sizes, edge={"fan_out": [fan_out], "cycles": cycles, **edge})
    j = network.layers[0]
    stages, = junction_stages(network.layers)
    dut = Forward(junction=j, stages=stages)
    rng = np.random.default_rng(5)
    f, clocks = j.formats, j.clocks_per_neuron
    delay = stages.sum - (stages.product - 1 - stages.rounding)
    steps, wanted, total = [{} for _ in range(delay + 2)], [], 0
    for group in range(40):
        if group % 7 == 3:
            steps.append({})
        for k in range(clocks):
            operands, x = codes(rng, f.operand, j.z), codes(rng, f.x, j.z)
            at = len(steps) - delay - 1
            assert at >= 0
            steps.append({})
            steps[at] |= word("operands", operands) | word("x", x)
            steps[at + delay - 1]["first"] = int(k == 0)
            product = operands * x
            if j.compatible:
                product = requantize(product, j.product_drop, j.q, Rounding.HALF_UP)
            else:
                product = product << j.product_shift
            sums = product.reshape(j.neurons_per_clock, -1).sum(axis=1)
            total = sums + (total if k else 0)
        wanted.append((at + delay, total))
    seen = trace(dut, steps, [f"totals.{k}" for k in range(j.neurons_per_clock)])
    for at, expected in wanted:
        np.testing.assert_array_equal(vector(seen[at], "totals"), expected)
    assert stages.sum - stages.product == tree_levels(j)


def test_operands():
    j = edge_network((6, 3), bits=4, edge={"fan_out": [1]}).layers[0]
    f = j.formats
    assert f.operand != f.weight
    words = np.random.default_rng(1).permutation(np.arange(f.weight.lo, f.weight.hi + 1))
    words = words[:len(words) // j.z * j.z].reshape(-1, j.z)
    seen = trace(Operands(junction=j), [word("words", row) for row in words] + [{}],
                 [f"operands.{k}" for k in range(j.z)])
    expected = requantize(words, f.weight.frac - f.operand.frac, f.operand, Rounding.HALF_UP)
    np.testing.assert_array_equal([vector(row, "operands") for row in seen[1:]], expected)


def totals(rng, j, n: int) -> np.ndarray:
    """Return sums of products of every magnitude, those around zero among them."""
    bound = j.forward_bound - (-j.formats.bias.lo << (0 if j.compatible else j.bias_shift))
    values = rng.integers(-bound, bound + 1, n) >> rng.integers(0, bound.bit_length() + 1, n)
    values[:4] = [0, 1, -1, bound]
    return values


def run_neurons(j, mode, accumulate, expected):
    """Drive totals, biases and words a clock; compare activations and derivatives."""
    rng = np.random.default_rng(6)
    n, latency = j.neurons_per_clock, 2 + j.activation.is_table
    bias, words = codes(rng, j.formats.bias, (150, n)), rng.integers(0, 1 << 16, (150, n))
    total = totals(rng, j, 150 * n).reshape(150, n)
    steps = [word("biases", bias[0]) | word("words", words[0])]
    for k in range(150):
        after = word("biases", bias[k + 1]) | word("words", words[k + 1]) if k < 149 else {}
        steps.append(word("totals", total[k]) | after)
    names = [f"{name}.{k}" for name in ("activations", "slopes") for k in range(n)]
    seen = trace(RightNeurons(junction=j, mode=mode), steps + [{}] * latency, names)
    a, slope = expected(accumulate(total, bias), words)
    for k in range(150):
        got = seen[1 + k + latency]
        np.testing.assert_array_equal(vector(got, "activations"), a[k], f"total {total[k]}")
        np.testing.assert_array_equal(vector(got, "slopes"), slope[k], f"total {total[k]}")
    assert len(np.unique(a)) > 1


@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("kind", KINDS)
def test_activations(kind, mode):
    network = edge_network((8, 8, 4), activation=kind, bits=5, table_bits=6, leak_exponent=2,
                           edge={"fan_out": [4, 4], "cycles": 4})
    j = network.layers[0]
    run_neurons(j, mode, lambda total, bias: total + (bias << j.bias_shift),
                lambda acc, words: activate(acc, j, mode, words))


@pytest.mark.parametrize("fmt", ["s12.8", "s8.5", "s16.8", "s6.4", "s16.11"])
@pytest.mark.parametrize("kind", ["relu", "sigmoid"])
def test_published_activations(kind, fmt):
    """Tables of the whole range, tables with rails, the clipped ReLU."""
    network = edge_network((8, 8, 4), activation=kind, formats={"weight": fmt},
                           edge={"fan_out": [4, 4], "cycles": 4, **SHARED})
    j = network.layers[0]
    run_neurons(j, Rounding.HALF_UP, lambda total, bias: total + bias,
                lambda acc, words: published(np.clip(acc, j.q.lo, j.q.hi), j))


def run_output(network, expected, mode=Rounding.HALF_UP, flat=False):
    """Drive outputs a clock; ``flat``: with as few registers as there can be."""
    j = network.output
    *_, stages = junction_stages(network.layers)
    assert stages.slope
    if flat:
        stages = replace(stages, slope=False, rounding=False, error=stages.activation + 1,
                         error_quantizer=min(stages.error_quantizer, 1))
    dut = OutputDelta(junction=j, stages=stages, mode=mode)
    rng, n = np.random.default_rng(7), j.neurons_per_clock
    latency = stages.error - stages.activation
    a, target = codes(rng, j.formats.a, (120, n)), codes(rng, j.formats.a, (120, n))
    slope = rng.integers(0, j.derivative_bound + 1, (120, n))
    if not j.activation.is_table:
        slope = rng.choice([0, 1, j.derivative_bound], (120, n))
    words = rng.integers(0, 1 << 16, (120, n))
    steps = [word("activations", a[k]) | word("targets", target[k]) | word("slopes", slope[k])
             for k in range(120)] + [{}] * (latency + 1)
    for k in range(120):
        steps[k + dut.word_stage] = steps[k + dut.word_stage] | word("words", words[k])
    seen = trace(dut, steps, [f"deltas.{k}" for k in range(n)])
    delta = expected(j, a, slope, target, words)
    for k in range(120):
        got = np.array(vector(seen[k + latency], "deltas"))
        if isinstance(j.formats.delta, Pow2Format):
            got = j.formats.delta.decode(got)
        np.testing.assert_array_equal(got, delta[k])
    assert len(np.unique(delta)) > 2


@pytest.mark.parametrize("depth", ["deep", "flat"])
@pytest.mark.parametrize("delta", ["p4.6", "s8.7", "s5.2"])
@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize(("kind", "loss"), [
    ("sigmoid", "cross_entropy"), ("sigmoid", "mean_square"), ("tanh", None), ("relu", None),
    ("leaky_relu", None), ("identity", None)])
def test_output_delta(kind, loss, mode, delta, depth):
    """With and without the derivative; with registers everywhere, and with one alone."""
    keys = {"loss": loss} if loss else {}
    network = edge_network((24, 16), output=kind, edge={"fan_out": [2], "cycles": 8},
                           leak_exponent=2, table_bits=6, formats={"delta": delta}, **keys)
    run_output(network, lambda j, a, slope, target, words: output_delta(
        a, slope, target, j, mode, words), mode, flat=depth == "flat")


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("loss", ["cross_entropy", "mean_square"])
def test_published_output_delta(loss, flat):
    network = edge_network((24, 16), loss=loss, formats={"weight": "s7.4"},
                           edge={"fan_out": [2], "cycles": 8, **SHARED})

    def expected(j, a, slope, target, words):
        delta = np.clip(a - target, j.q.lo, j.q.hi)
        if loss == "mean_square":
            delta = requantize(delta * slope, j.q.frac, j.q, Rounding.HALF_UP)
        return delta

    run_output(network, expected, flat=flat)
