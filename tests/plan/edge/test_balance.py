"""Admissible fan-outs, clocks and processors: the rules by trying all, and what users are told."""

from itertools import pairwise
from math import gcd

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxonn_hw.config import config_from_dict
from taxonn_hw.errors import UserError
from taxonn_hw.plan.edge.balance import (
    admissible_cycles,
    admissible_fan_outs,
    choose_cycles,
    choose_fan_outs,
    cycles_fit,
    processors,
)
from taxonn_hw.plan.edge.network import EdgeNetwork
from tests.golden.edge.networks import draw_shape


def make(layers, lanes=1024, **edge) -> EdgeNetwork:
    return EdgeNetwork(config_from_dict({"engine": "edge", "layers": layers, "output": "sigmoid",
                                         "lanes": lanes, "edge": edge}))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(1, 60), st.integers(1, 60))
def test_admissible_fan_outs_are_those_with_whole_fan_ins(n_left, n_right):
    expected = [k for k in range(1, n_right + 1) if n_left * k % n_right == 0]
    assert list(admissible_fan_outs(n_left, n_right)) == expected
    assert len(expected) == gcd(n_left, n_right)


def fits(sizes, fan_outs, cycles) -> bool:
    """The rules of algorithms 2.3 for one C, in terms of z, memories and neurons."""
    for (n_left, n_right), fan_out in zip(pairwise(sizes), fan_outs, strict=True):
        edges, fan_in = n_left * fan_out, n_left * fan_out // n_right
        if edges % cycles:
            return False
        z = edges // cycles
        if n_left % z:  # rows of a memory
            return False
        whole_neurons, whole_clocks = z % fan_in == 0, fan_in % z == 0
        if not (whole_neurons or whole_clocks):
            return False
    return True


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_admissible_cycles_are_all_that_fit(seed):
    rng = np.random.default_rng(seed)
    sizes = [int(n) for n in rng.integers(1, 25, rng.integers(2, 5))]
    fan_outs = [int(rng.choice(admissible_fan_outs(*pair))) for pair in pairwise(sizes)]
    longest = min(n * fan_out for n, fan_out in zip(sizes[:-1], fan_outs, strict=True))
    expected = [c for c in range(1, longest + 1) if fits(sizes, fan_outs, c)]
    assert admissible_cycles(sizes, fan_outs) == expected
    for cycles in range(1, longest + 1):
        assert (cycles_fit(sizes, fan_outs, cycles) is None) == (cycles in expected)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 200))
def test_the_shortest_cycle_within_the_lanes_is_chosen(seed, lanes):
    sizes, fan_outs, _ = draw_shape(np.random.default_rng(seed))
    options = admissible_cycles(sizes, fan_outs)
    allowed = [c for c in options if sum(processors(sizes, fan_outs, c)) <= lanes]
    if allowed:
        assert choose_cycles(sizes, fan_outs, lanes=lanes) == min(allowed)
        return
    with pytest.raises(UserError, match="lanes must be at least") as error:
        choose_cycles(sizes, fan_outs, lanes=lanes)
    fewest = int(str(error.value).split()[5])
    assert choose_cycles(sizes, fan_outs, lanes=fewest) == options[-1]


def test_densities_take_the_nearest_fan_out():
    sizes = [1024, 64, 32]
    assert choose_fan_outs(sizes, density=[0.0625, 0.5]) == (4, 16)
    assert choose_fan_outs(sizes, density=[0.001, 0.99]) == (1, 32)
    assert choose_fan_outs(sizes, density=[1.0, 1.0]) == choose_fan_outs(sizes) == (64, 32)
    assert choose_fan_outs([784, 112, 10], density=[0.05, 0.3]) == (6, 5)  # 5.6, 3: 5 of 5 and 10
    assert choose_fan_outs([784, 112, 10], density=[0.01, 0.01]) == (1, 5)


@pytest.mark.parametrize(("edge", "cycles", "z"), [
    ({"fan_out": [4, 16]}, 16, (256, 64)),
    ({"fan_out": [4, 16], "z": [128, 32]}, 32, (128, 32)),
    ({"fan_out": [4, 16], "cycles": 64}, 64, (64, 16)),
    ({"density": [0.0625, 0.5], "cycles": 128}, 128, (32, 8)),
])
def test_how_cycles_are_given(edge, cycles, z):
    network = make([1024, 64, 32], **edge)
    assert (network.cycles, network.z, network.lanes) == (cycles, z, sum(z))
    assert network.fan_outs == (4, 16)


def test_given_processors_need_no_lanes():
    assert make([1024, 64, 32], lanes=1, fan_out=[4, 16], z=[128, 32]).lanes == 160


@pytest.mark.parametrize(("layers", "edge", "message"), [
    ([6, 4, 2], {"fan_out": [3, 2]}, "junction 1: fan_out must be a multiple of 2 .* not 3"),
    ([6, 4, 2], {"fan_out": [2, 3]}, "junction 2: fan_out must be a multiple of 1 up to 2, .* 3"),
    ([8, 4, 4], {"fan_out": [2, 2], "cycles": 6}, "must be 2, 4, 8 or .* not 6 .junction 1: sweep"),
    ([8, 4, 4], {"fan_out": [2, 2], "cycles": 3}, "not 3 .junction 1: a multiple of the fan-out 2"),
    ([8, 4, 4], {"fan_out": [2, 2], "cycles": 32}, "not 32 .junction 1: sweeps of 16 clocks"),
    ([12, 8, 4], {"fan_out": [2, 2], "cycles": 6},
     "edge.cycles .* not 6 .junction 1: a divisor or a multiple of the 8 right neurons"),
    ([8, 4, 4], {"fan_out": [2, 2], "z": [3, 2]}, "junction 1: z must divide the 16 edges, not 3"),
    ([8, 4, 4], {"fan_out": [2, 2], "z": [4, 4]},
     r"edge.z must give every junction the same number of clocks, \[4, 4\] gives \[4, 2\]"),
    ([4, 4, 3], {"fan_out": [1, 3]}, r"no junction cycle fits layers \[4, 4, 3\] with fan_out"),
])
def test_users_are_told_the_rule(layers, edge, message):
    with pytest.raises(UserError, match=message) as error:
        make(layers, **edge)
    assert "\n" not in str(error.value)


def test_too_few_lanes():
    with pytest.raises(UserError, match=r"lanes must be at least 3 for layers \[8, 4, 4\]"):
        make([8, 4, 4], lanes=2, fan_out=[2, 2])
    assert make([8, 4, 4], lanes=3, fan_out=[2, 2]).cycles == 8


def test_random_words_reach_every_clock():
    """Weights, activations and deltas have 16384 addresses each."""
    assert make([128, 128], lanes=2, fan_out=[64], cycles=8192).cycles == 8192
    with pytest.raises(UserError, match="layers times clocks is 32768, at most 16384"):
        make([128, 128], lanes=2, fan_out=[128], cycles=16384)
