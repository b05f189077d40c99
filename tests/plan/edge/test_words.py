"""Addresses of random words: as documented, and no value shares its word without need."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from taxonn_hw.plan.edge.words import (
    activation_words,
    bias_words,
    left_delta_words,
    output_delta_words,
    weight_words,
)
from tests.golden.edge.networks import draw_shape, make


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_places(seed):
    network = make(*draw_shape(np.random.default_rng(seed)), seed=seed % 1000)
    used, cycles = set(), network.cycles
    for j in network.layers:
        i, together = j.index, max(j.n_out // cycles, 1)
        weight, bias = weight_words(j), bias_words(j)
        left = np.asarray(j.left)
        for r in range(j.n_out):
            for edge in range(j.fan_in):
                e = r * j.fan_in + edge
                place = (i - 1) * cycles + e // j.z, e % j.z
                assert (weight.address[r, edge], weight.lane[r, edge]) == place
                assert place not in used
                used.add(place)
            first = r * j.fan_in
            assert (bias.address[r], bias.lane[r]) == ((i - 1) * cycles + first // j.z,
                                                       first % j.z)
        a = activation_words(j)
        places = [(0xBFFF - ((i - 1) * cycles + r // together), r % together)
                  for r in range(j.n_out)]
        assert list(zip(a.address.tolist(), a.lane.tolist(), strict=True)) == places
        used.update(places)
        delta = left_delta_words(j)
        places = []
        for neuron in range(j.n_in):
            last = max(np.flatnonzero(left.ravel() == neuron))
            places.append((0xFFFF - ((i - 1) * cycles + last // j.z), neuron % j.z))
        assert list(zip(delta.address.tolist(), delta.lane.tolist(), strict=True)) == places
        if i > 1:
            used.update(places)
    top = network.output
    delta = output_delta_words(top)
    places = [(0xFFFF - (len(network.layers) * cycles + r // together), r % together)
              for r in range(top.n_out)]
    assert list(zip(delta.address.tolist(), delta.lane.tolist(), strict=True)) == places
    used.update(places)
    inner = sum(j.n_in for j in network.layers[1:])
    assert len(used) == network.n_edges + network.n_neurons + inner + top.n_out
