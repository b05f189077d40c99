"""Small sparse networks for tests: by hand, and drawn at random."""

from itertools import pairwise

import numpy as np

from taxonn_hw.config import config_from_dict
from taxonn_hw.errors import UserError
from taxonn_hw.plan.edge.balance import admissible_cycles, admissible_fan_outs
from taxonn_hw.plan.edge.network import EdgeNetwork

__all__ = ["SHAPES", "draw_shape", "make", "samples", "scatter"]

#: layers, fan_out, cycles: one lane, odd sizes, partial sums, one sweep, one row, full connection.
SHAPES = [
    ([1, 1], [1], 1),
    ([2, 4, 1], [4, 1], 4),
    ([4, 3, 2], [3, 2], 6),
    ([8, 4, 4], [2, 2], 4),
    ([8, 4, 4], [1, 4], 8),
    ([9, 6, 3], [2, 1], 6),
    ([12, 12, 4], [3, 2], 12),
    ([16, 8, 4, 2], [2, 2, 1], 4),
    ([6, 6, 6, 6, 6], [2, 3, 1, 6], 6),
    ([12, 6, 9, 3], [3, 3, 2], 18),
]


def make(layers, fan_out, cycles, *, edge=None, **keys) -> EdgeNetwork:
    """Return the network; sigmoid output, rate 2 unless said otherwise."""
    return EdgeNetwork(config_from_dict({
        "engine": "edge", "layers": list(layers), "output": "sigmoid", "seed": 3,
        "learning_rate_exponent": 2, **keys,
        "edge": {"fan_out": list(fan_out), "cycles": cycles, **(edge or {})}}))


def draw_shape(rng, *, largest: int = 24, junctions: int | None = None):
    """Return random ``(layers, fan_out, cycles)`` that fit together."""
    while True:
        n = junctions or int(rng.integers(1, 5))
        layers = [int(size) for size in rng.integers(1, largest + 1, n + 1)]
        fan_out = [int(rng.choice(admissible_fan_outs(*pair)))
                   for pair in pairwise(layers)]
        cycles = admissible_cycles(layers, fan_out)
        if cycles and (max(cycles) > 1 or rng.random() < 0.1):
            return layers, fan_out, int(rng.choice(cycles))


def scatter(network, rng):
    """Return parameters that reach the ends of their formats, some of them zero."""
    def codes(q, shape):
        return rng.integers(q.lo, q.hi + 1, shape) >> rng.integers(0, q.width, shape)
    return [(codes(j.formats.weight, j.weight_shape), codes(j.formats.bias, j.n_out))
            for j in network.layers]


def samples(network, rng, n):
    """Return ``n`` samples of codes and their rates; some inputs are zero, some extreme."""
    q, one = network.input, network.output.formats.a.one
    x = rng.integers(q.lo, q.hi + 1, (n, network.n_inputs))
    x = np.where(rng.random(x.shape) < 0.15, q.hi, np.where(rng.random(x.shape) < 0.3, 0, x))
    low, high = network.config.rate_range
    return (x, rng.integers(0, 2, (n, network.output.n_out)) * one,
            rng.integers(low, high + 1, n))


def try_make(*shape, **keys) -> EdgeNetwork | None:
    """Return the network, or None where its formats do not fit."""
    try:
        return make(*shape, **keys)
    except UserError:
        return None
