"""Clocks: C + d a sample, whole runs, and the limit on d."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxonn_hw.plan.edge.latency import tree_levels
from taxonn_hw.plan.edge.listing import junction_listing
from taxonn_hw.plan.edge.timing import clocks_per_sample, junction_cycles, predict_run, run_clocks
from tests.golden.edge.networks import draw_shape, make


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_overhead_is_within_its_limit(seed):
    """d is at most 7 + ceil(log2 fan-in), whatever z; several neurons a clock share no tree."""
    network = make(*draw_shape(np.random.default_rng(seed), largest=60))
    largest = max(j.fan_in for j in network.layers)
    assert network.overhead <= 7 + (largest - 1).bit_length()
    for j in network.layers:
        levels = 0  # adders that halve the products of a clock until one is left
        n = min(j.z, j.fan_in)
        while n > 1:
            n, levels = -(-n // 2), levels + 1
        assert tree_levels(j) == levels + (j.fan_in > j.z)


def test_the_published_net():
    """1024-64-32 with z = 128, 32: C = 32, fan-ins 64 and 32."""
    network = make([1024, 64, 32], [4, 16], 32)
    clocks = 32 + network.overhead
    assert (network.cycles, clocks_per_sample(network)) == (32, clocks) and clocks <= 45
    endless = predict_run(network, None, None, True)
    assert endless.clocks_per_sample == clocks
    assert endless.utilisation == endless.useful == pytest.approx(32 / clocks)
    run = predict_run(network, None, 100, True)
    assert (run.cycles, run.slots, run.samples) == (103 * clocks, 103 * 32, 100)
    assert predict_run(network, None, 100, False).cycles == 101 * clocks


@pytest.mark.parametrize("training", [True, False])
def test_a_run_counts_its_junction_cycles_one_by_one(training):
    network = make([6, 6, 6, 6, 6], [2, 3, 1, 6], 6)
    for samples in (1, 2, 9):
        last = 0  # the last junction cycle in which something is done
        for n in range(samples):
            for j in network.layers:
                last = max(last, n + j.index)
                if training:
                    last = max(last, n + 2 * len(network.layers) + 1 - j.index)
        assert junction_cycles(network, samples, training=training) == last + 1
        assert run_clocks(network, samples, training=training) == last * (6 + network.overhead)


def test_a_slow_stream_is_waited_for():
    """Two inputs and 512 targets, two a beat: they take longer than C + d while samples come."""
    network = make([2, 64, 512], [64, 8], 64)
    assert (network.samples_per_clock, network.sample_beats) == (2, 257)
    assert clocks_per_sample(network) == 257
    assert run_clocks(network, 10, training=True) == 9 * 257 + 4 * (64 + network.overhead)
    quick = make([2, 64, 512], [64, 8], 64, training=False)
    assert clocks_per_sample(quick) == 64 + quick.overhead


def test_listing_tells_cycles_and_staleness():
    lines = junction_listing(make([8, 4, 4], [2, 2], 4)).splitlines()
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "load n", "forward 1 n + 1 4 3", "forward 2 n + 2 2 1", "backward 2 n + 3 2 0",
        "update 2 n + 3 2 0", "update 1 n + 4 4 0"]
    assert "update 1" not in junction_listing(make([8, 4], [2], 4, training=False))
