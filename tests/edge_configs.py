"""Random configurations of engine ``edge``: sizes that fit, formats, activations, interleavers."""

from itertools import pairwise

import numpy as np

from taxonn_hw.config import Config, config_from_dict
from taxonn_hw.errors import UserError
from taxonn_hw.plan.edge.balance import admissible_fan_outs, processors
from taxonn_hw.plan.edge.network import EdgeNetwork

__all__ = ["edge_network", "random_edge_config", "random_edge_samples"]

_CYCLES = [1, 2, 3, 4, 5, 6, 8, 9, 12, 15, 16, 20, 24, 30, 36, 48, 66, 72, 80]
_INTERLEAVERS = ["basic", "sv", "ss", "md", "sv+ss", "ss+md", "sv+md", "sv+ss+md", "type1",
                 "type2", "type3"]
_MODES = ["floor", "half_up", "half_even", "stochastic"]


def edge_network(layers, *, edge=None, **keys) -> EdgeNetwork:
    """Return a network; ``layers`` are sizes, or the inputs and then tables."""
    if len(layers) > 1 and isinstance(layers[1], dict):
        keys["inputs"], layers = layers[0], layers[1:]
    defaults = {"seed": 5, "learning_rate_exponent": 2, "lanes": 1024, "output": "sigmoid"}
    return EdgeNetwork(config_from_dict({
        "engine": "edge", "layers": list(layers), "edge": edge or {}, **defaults, **keys}))


def random_edge_config(seed: int) -> Config:
    """Return an admissible configuration, a function of ``seed``."""
    rng = np.random.default_rng([seed, 0xED6E])
    while True:
        config = _attempt(rng)
        try:
            EdgeNetwork(config)
        except UserError:  # formats whose sums or shifts would be too wide
            continue
        return config


def random_edge_samples(network: EdgeNetwork, n: int, seed: int):
    """Return input codes [n, n_in] of every kind and one-hot or odd target codes [n, n_out]."""
    rng = np.random.default_rng([seed, 0x5A])
    q, a = network.input, network.output.formats.a
    x = rng.integers(q.lo, q.hi + 1, (n, network.n_inputs))
    x[rng.random(x.shape) < 0.3] = 0
    x[rng.random(x.shape) < 0.05] = q.hi
    target = np.where(rng.random((n, network.output.n_out)) < 0.4, a.one, 0)
    odd = rng.random(n) < 0.2
    target[odd] = rng.integers(a.lo, a.hi + 1, (int(odd.sum()), network.output.n_out))
    return x, target


def _attempt(rng) -> Config:
    def choose(*options):
        return options[int(rng.integers(len(options)))]

    sizes, fan_outs, cycles = _sizes(rng)
    compatible = rng.random() < 0.3
    low = int(rng.integers(0, 4))
    keys = {
        "engine": "edge", "seed": int(rng.integers(1000)), "lanes": 1024,
        "learning_rate_range": [low, low + int(rng.integers(0, 4))], "learning_rate_exponent": low,
        "edge": {"fan_out": list(fan_outs), "cycles": cycles,
                 "interleaver": choose(*_INTERLEAVERS), "initial": choose("independent", "shared")},
    }
    if compatible:
        width = int(rng.integers(6, 15))
        keys["edge"]["arithmetic"] = "compatibility"
        keys["formats"] = {"weight": f"s{width}.{int(rng.integers(3, width - 1))}"}
        keys["loss"] = choose("cross_entropy", "mean_square")
        kinds = ["sigmoid", "relu"]
    else:
        keys["bits"] = int(rng.integers(2, 11))
        keys["table_bits"] = int(rng.integers(5, 9))
        keys["leak_exponent"] = int(rng.integers(1, 4))
        kinds = ["relu", "relu", "sigmoid", "tanh", "leaky_relu", "hard_sigmoid", "identity"]
        keys["output"] = choose("sigmoid", "sigmoid", "hard_sigmoid", "relu", "identity", "tanh")
        if keys["output"] == "sigmoid":
            keys["loss"] = choose("cross_entropy", "mean_square")
        keys["rounding"] = {name: choose(*_MODES) for name in ("activation", "delta", "update")}
        if rng.random() < 0.5:
            keys["formats"] = {"delta": choose("s6.4", "s9.7", "p3.3", "p4.6", "p5.9")}
    keys["inputs"] = sizes[0]
    keys["layers"] = [{"size": size, "activation": choose(*kinds),
                       "learning_rate_shift": int(rng.integers(0, 2))} for size in sizes[1:]]
    if compatible or "output" in keys:
        keys["layers"][-1].pop("activation")
    return config_from_dict(keys)


def _sizes(rng):
    """Return sizes, fan-outs and clocks that fit, with at most 60 processors."""
    depth = int(rng.choice([1, 2, 2, 3, 3, 4]))
    while True:
        cycles = int(rng.choice(_CYCLES))
        fits = [n for n in range(1, 49) if n % cycles == 0 or cycles % n == 0]
        sizes = [int(rng.integers(1, 49)), *(int(n) for n in rng.choice(fits, depth))]
        fan_outs = []
        for left, right in pairwise(sizes):
            options = [k for k in admissible_fan_outs(left, right)
                       if cycles % k == 0 and left % (cycles // k) == 0]
            if not options:
                break
            fan_outs.append(int(rng.choice(options)))
        else:
            if sum(processors(sizes, fan_outs, cycles)) <= 60:
                return sizes, fan_outs, cycles
