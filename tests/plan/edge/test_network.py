"""Derived sizes against the published tables; bounds; layout of parameters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxonn_hw.config import config_from_dict
from taxonn_hw.errors import UserError
from taxonn_hw.golden.edge import EdgeModel
from taxonn_hw.golden.edge.compatible import activate
from taxonn_hw.plan.edge.network import EdgeNetwork
from tests.golden.edge.networks import SHAPES, draw_shape, make, scatter

COMPATIBLE = {"arithmetic": "compatibility"}


@pytest.mark.parametrize(("layers", "fan_out", "z", "fan_in", "cycles", "edges"), [
    ([64, 16, 4], [2, 2], [32, 8], [8, 8], 4, [128, 32]),
    ([1024, 64, 16], [8, 8], [512, 32], [128, 32], 16, [8192, 512]),
    ([1024, 64, 32], [4, 16], [128, 32], [64, 32], 32, [4096, 1024]),
    ([1024, 128, 32], [4, 8], [128, 32], [32, 32], 32, [4096, 1024]),
    ([1024, 64, 64], [8, 16], [128, 16], [128, 16], 64, [8192, 1024]),
])
def test_published_configurations(layers, fan_out, z, fan_in, cycles, edges):
    """The table of algorithms 2.9."""
    network = make(layers, fan_out, None, edge={"z": z})
    assert network.cycles == cycles and network.z == tuple(z)
    assert [j.fan_in for j in network.layers] == fan_in
    assert [j.n_edges for j in network.layers] == edges
    assert network.n_edges == sum(edges)
    for j in network.layers:
        assert j.z * j.cycles == j.n_edges and j.depth * j.z == j.n_in
        assert j.neurons_per_clock == max(j.z // j.fan_in, 1)
        assert j.clocks_per_neuron == max(j.fan_in // j.z, 1)
        assert j.n_groups * j.neurons_per_clock == j.n_out
        assert j.left.shape == j.weight_shape == (j.n_out, j.fan_in)


@pytest.mark.parametrize(("layers", "fan_out", "words", "total", "full"), [
    ([1024, 64, 16], [8, 8], (5312, 192, 160, 80, 8704), 14448, 72304),
    ([1024, 64, 32], [4, 16], (5312, 192, 192, 96, 5120), 10912, 73376),
    ([800, 100, 10], [20, 10], (4300, 300, 220, 110, 17000), 21930, 85930),
])
@pytest.mark.parametrize("arithmetic", ["improved", "compatibility"])
def test_published_storage(layers, fan_out, words, total, full, arithmetic):
    """The table of algorithms 2.4: a, adot, delta, biases, weights; sparse and fully connected."""
    network = make(layers, fan_out, None, lanes=1024, bits=12, activation="sigmoid",
                   edge={"arithmetic": arithmetic})
    sums = [sum(m.words for m in network.memories if m.name.rstrip("0123456789") == kind)
            for kind in ("a", "adot", "delta", "b", "W")]
    assert tuple(sums) == words
    assert (network.storage_words, network.storage_words_full) == (total, full)
    facts = network.facts()
    assert facts["storage_words"] == total == sum(m["words"] for m in facts["memories"])
    assert facts["weights_full"] - facts["weights"] == full - total


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_memories_follow_the_formula(seed):
    layers, fan_out, cycles = draw_shape(np.random.default_rng(seed))
    network = make(layers, fan_out, cycles, bits=12, activation="sigmoid", edge=COMPATIBLE)
    n, by_name = len(fan_out), {m.name: m for m in network.memories}
    assert len(by_name) == n + 2 * (n - 1) + 1 + 2 * n
    for i, j in enumerate(network.layers):
        bank = by_name[f"a{i}"]
        assert (bank.copies, bank.banks, bank.depth) == (2 * (n - i) + 1, j.z, j.depth)
        assert bank.width == (8 if i == 0 else 12)
        if i:
            assert (by_name[f"adot{i}"].copies, by_name[f"adot{i}"].width) == (bank.copies, 6)
            delta = by_name[f"delta{i}"]
            assert (delta.copies, delta.banks, delta.depth, delta.width) == (2, j.z, j.depth, 12)
        weights, biases = by_name[f"W{i + 1}"], by_name[f"b{i + 1}"]
        assert (weights.copies, weights.banks, weights.depth) == (1, j.z, cycles)
        assert biases.banks * biases.depth == j.n_out
    top = by_name[f"delta{n}"]
    assert (top.copies, top.banks * top.depth) == (2, layers[-1])
    assert network.storage_bits == 12 * network.n_weights
    assert network.memory_bits == sum(m.bits for m in network.memories)


def test_inference_needs_two_copies_and_nothing_else():
    names = {m.name: m.copies for m in make([8, 4, 4], [2, 2], 4, training=False).memories}
    assert names == {"a0": 2, "a1": 2, "W1": 1, "b1": 1, "W2": 1, "b2": 1}


def test_the_accumulating_delta_bank_holds_whole_sums():
    for fan_out, cycles in (([2, 2], 4), ([4, 1], 4)):
        network = make([8, 4, 4], fan_out, cycles, bits=4)
        width = next(m.width for m in network.memories if m.name == "delta1")
        top = network.layers[1]
        assert width == (top.partial_width if fan_out[1] > 1 else 4)
    assert top.partial_width == 1 + (1 * 8 * 64).bit_length()  # one edge: operand 8, delta 64


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_parameters_survive_packing(shape):
    network = make(*shape)
    parameters = scatter(network, np.random.default_rng(1))
    elements = network.pack(parameters)
    assert [(m.bias, m.beats) for m in network.moves] == [
        (False, len(elements[0])), (True, len(elements[1]))]
    assert all(e.shape[1] == network.weight_group and e.dtype == np.int64 for e in elements)
    for pair, other in zip(parameters, network.unpack(elements), strict=True):
        for array, back in zip(pair, other, strict=True):
            assert array.tolist() == back.tolist()
    assert network.n_weights == sum(w.size + b.size for w, b in parameters)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_a_row_of_a_junction_is_a_clock(seed):
    """Row row_base + k holds the weights of clock k, lane 0 first; place() says the same."""
    layers, fan_out, cycles = draw_shape(np.random.default_rng(seed))
    network = make(layers, fan_out, cycles, seed=seed)
    numbers = np.arange(network.n_edges)
    parameters, edge = [], 0
    for j in network.layers:
        parameters.append((numbers[edge:edge + j.n_edges].reshape(j.weight_shape),
                           1000 * j.index + np.arange(j.n_out)))
        edge += j.n_edges
    weights, biases = network.pack(parameters)
    group, beat = network.weight_group, 0
    assert all(z % group == 0 for z in network.z) and group <= 8
    assert not any(all(z % larger == 0 for z in network.z) for larger in range(group + 1, 9))
    assert network.moves[0].count == len(network.layers) * cycles
    for j, (weight, bias) in zip(network.layers, parameters, strict=True):
        for k in range(cycles):
            row = weights[beat:beat + j.z // group].ravel()
            beat += j.z // group
            assert row.tolist() == weight.ravel()[k * j.z:(k + 1) * j.z].tolist()
            place = network.place(j, *divmod(k * j.z + j.z - 1, j.fan_in))
            assert (place.row, place.lane) == (j.row_base + k, j.z - 1)
            assert place.input == j.left.ravel()[k * j.z + j.z - 1]
        for r in range(j.n_out):
            place = network.place(j, r, None)
            assert (place.input, place.lane) == (None, None)
            assert biases[place.row, 0] == bias[r]
    assert beat == len(weights)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.booleans())
def test_sample_beats_fill_rows_and_keep_up(seed, training):
    layers, fan_out, cycles = draw_shape(np.random.default_rng(seed))
    network = make(layers, fan_out, cycles, training=training)
    group, first = network.samples_per_clock, network.layers[0]
    assert first.z % group == 0 and layers[0] % group == 0
    targets = -(-layers[-1] // group) if training else 0
    assert network.sample_beats == layers[0] // group + targets
    keeps_up = network.sample_beats <= cycles + network.overhead
    assert keeps_up or group == first.z
    smaller = [k for k in range(1, group) if first.z % k == 0]
    assert not any(layers[0] // k <= cycles and layers[0] // k + (
        -(-layers[-1] // k) if training else 0) <= cycles + network.overhead for k in smaller)


def test_published_presets_load_as_many_activations_a_clock():
    """z_1 / fo_1 = N_0 / C: 32 for 1024-64-32."""
    for layers, fan_out, z, group in (([1024, 64, 32], [4, 16], [128, 32], 32),
                                      ([1024, 64, 16], [8, 8], [512, 32], 64),
                                      ([64, 16, 4], [2, 2], [32, 8], 16)):
        assert make(layers, fan_out, None, edge={"z": z}).samples_per_clock == group


@pytest.mark.parametrize(("fmt", "entries", "fraction", "zeros"), [
    ("s8.5", 256, 5, False), ("s10.7", 1024, 7, False), ("s10.6", 1024, 6, True),
    ("s12.8", 4096, 8, True), ("s16.11", 4096, 8, False)])
def test_published_tables(fmt, entries, fraction, zeros):
    """Algorithms 2.8: sizes, domains, and in which tables zeros occur."""
    junction = make([8, 4], [2], 4, edge=COMPATIBLE, formats={"weight": fmt}).output
    sigmoid, slope = junction.table
    q = junction.q
    assert len(sigmoid) == len(slope) == entries
    assert junction.table_format.frac == fraction
    domain = min(8, 2 ** (q.width - 1 - q.frac))
    assert -junction.table_format.lo * 2.0**-fraction == domain
    assert (sigmoid.min() == 0 or slope.min() == 0) == zeros
    assert sigmoid.max() <= 2**q.frac - 1 and slope.max() == 2 ** (q.frac - 2) - 1
    middle = entries // 2
    assert sigmoid[middle] == 2 ** (q.frac - 1) and (np.diff(sigmoid) >= 0).all()
    assert junction.formats.derivative.width == q.frac - 2


def test_sums_outside_the_table():
    """16 bits (4, 11): the table ends at 8, sums at 16."""
    junction = make([8, 4], [2], 4, edge=COMPATIBLE, formats={"weight": "s16.11"}).output
    total = np.array([-16 << 11, (-8 << 11) - 1, -8 << 11, 0, (8 << 11) - 1, 8 << 11])
    a, slope = activate(total, junction)
    assert a.tolist() == [1, 1, 1, 1024, 2047, 2047]
    assert slope.tolist() == [1, 1, 1, 511, 1, 1]


def test_pixels_are_cut_not_rounded():
    for fmt, width in (("s10.7", 7), ("s12.8", 8), ("s16.11", 8), ("s8.5", 5)):
        network = make([8, 4], [2], 4, edge=COMPATIBLE, formats={"weight": fmt})
        assert str(network.input) == f"u{width}.{width}"
        pixels = np.arange(256)
        assert network.input.quantize(pixels / 256).tolist() == (pixels >> 8 - width).tolist()
    assert make([8, 4], [2], 4, bits=8).input.quantize([0.999]).tolist() == [255]


@pytest.mark.parametrize(("keys", "message"), [
    ({"formats": {"delta": "s12.8"}}, "takes one format for everything, formats.weight"),
    ({"rounding": {"update": "half_up"}}, "rounds half up everywhere"),
    ({"formats": {"weight": "s12.11"}}, "an integer bit and at least 3 fraction bits, not s12.11"),
    ({"formats": {"weight": "s12.2"}}, "at least 3 fraction bits, not s12.2"),
    ({"output": "hard_sigmoid"}, "layer 2: .* has activation sigmoid there, not hard_sigmoid"),
    ({"output": "relu"}, "layer 2: .* has activation sigmoid there, not relu"),
    ({"activation": "tanh"}, "layer 1: .* has activation sigmoid or relu there, not tanh"),
    ({"layers": [{"size": 4, "learning_rate_shift": -3}, {"size": 4}], "inputs": 8},
     "layer 1: .* the learning rate exponent must not fall to -2"),
    ({"layers": [{"size": 4, "formats": {"weight": "s12.8"}}, {"size": 4}], "inputs": 8},
     "takes one format for everything"),
])
def test_compatibility_refuses_what_it_has_not(keys, message):
    raw = {"layers": [8, 4, 4], "output": "sigmoid", "activation": "sigmoid", **keys}
    with pytest.raises(UserError, match=message) as error:
        EdgeNetwork(config_from_dict({
            "engine": "edge", "learning_rate_exponent": 2, **raw,
            "edge": {"fan_out": [2, 2], "cycles": 4, "arithmetic": "compatibility"}}))
    assert "\n" not in str(error.value)


def test_compatibility_by_bits():
    for bits, fmt in ((8, "s8.5"), (10, "s10.7"), (12, "s12.8"), (16, "s16.11"), (11, "s11.7")):
        network = make([8, 4], [2], 4, bits=bits, edge=COMPATIBLE)
        f = network.output.formats
        assert {str(q) for q in (f.weight, f.operand, f.bias, f.a, f.delta)} == {fmt}


@pytest.mark.parametrize("keys", [
    {"bits": 4}, {"bits": 8}, {"bits": 16}, {"bits": 6, "activation": "tanh"}])
def test_accumulators_reach_their_bounds_and_no_more(keys):
    network = make([12, 12, 4], [3, 2], 12, **keys)
    rails = [(np.full(j.weight_shape, j.formats.weight.lo), np.full(j.n_out, j.formats.bias.lo))
             for j in network.layers]
    for j, law in zip(network.layers, EdgeModel(network, rails)._laws, strict=True):
        f = j.formats
        extreme = np.full(j.n_in, f.x.lo if -f.x.lo > f.x.hi else f.x.hi)
        acc = (law.gather(extreme) * law.operand).sum(axis=1) << j.product_shift
        acc += (law.bias << j.bias_shift) * (1 if extreme[0] > 0 else -1)
        assert np.abs(acc).max() == j.forward_bound
        products = law.operand * f.delta.lo
        assert np.abs(products.take(j.edges_of_left).sum(axis=0)).max() == j.backward_bound


def test_formats_too_far_apart():
    with pytest.raises(UserError, match="layer 1: the forward accumulator needs"):
        make([8, 4], [2], 4, formats={"input": "u8.60"})


def test_facts_are_json_values():
    import json

    facts = make([12, 12, 4], [3, 2], 12).facts()
    assert json.loads(json.dumps(facts)) == facts
    assert (facts["cycles"], facts["lanes"]) == (12, 5)
    assert [layer["z"] for layer in facts["layers"]] == [3, 2]
    assert facts["clocks_per_sample"] == 12 + facts["overhead"]
