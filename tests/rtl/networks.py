"""Networks and extreme codes for the unit tests."""

import numpy as np

from taxonn_hw.config import config_from_dict
from taxonn_hw.plan import Network

__all__ = ["make_network", "sums"]


def make_network(layers=(5, 4, 3), **keys) -> Network:
    """Return a network; ``layers`` are sizes, or the inputs and then tables."""
    if len(layers) > 1 and isinstance(layers[1], dict):
        keys["inputs"], layers = layers[0], layers[1:]
    return Network(config_from_dict({
        "layers": list(layers), "lanes": 3, "seed": 9, "learning_rate_exponent": 3, **keys}))


def sums(rng, bound: int, n: int) -> np.ndarray:
    """Return ``n`` accumulators of every magnitude up to ``bound``, corners first, int64."""
    values = rng.integers(-bound, bound + 1, n) >> rng.integers(0, bound.bit_length() + 1, n)
    corners = [0, 1, -1, bound, -bound, bound - 1, 1 - bound]
    values[:len(corners)] = corners[:n]
    return values.astype(np.int64)
