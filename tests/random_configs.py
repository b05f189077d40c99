"""Random configurations that obey the rules: odd sizes, formats per layer and signal, all kinds."""

import numpy as np

from taxonn_hw.config import Config, config_from_dict
from taxonn_hw.errors import UserError
from taxonn_hw.plan import Network

__all__ = ["random_config", "random_samples"]

_ACTIVATIONS = ["relu", "relu", "leaky_relu", "hard_sigmoid", "sigmoid", "tanh", "identity"]
_ROUNDINGS = ["floor", "half_up", "half_even", "stochastic"]


def random_config(seed: int) -> Config:
    """Return the configuration of ``seed``; redraws until no rule is broken."""
    rng = np.random.default_rng([seed, 77])
    while True:
        raw = _draw(rng)
        try:
            config = config_from_dict(raw)
            Network(config)
        except UserError:
            continue
        return config


def random_samples(network: Network, n: int, seed: int):
    """Return ``n`` input codes with zeros among them, and one-hot or random target codes."""
    rng = np.random.default_rng(seed)
    q, output = network.input, network.output.formats.a
    x = rng.integers(q.lo, q.hi + 1, (n, network.n_inputs))
    x[rng.random(x.shape) < rng.choice([0.1, 0.5, 0.9], (n, 1))] = 0
    target = np.zeros((n, network.output.n_out), dtype=np.int64)
    target[np.arange(n), rng.integers(0, network.output.n_out, n)] = output.one
    if seed % 3 == 0:
        target = rng.integers(output.lo, output.hi + 1, target.shape)
    return x.astype(np.int64), target


def _draw(rng) -> dict:
    def choose(*options):
        return options[rng.integers(len(options))]

    depth = choose(1, 2, 2, 3, 4)
    sizes = [int(rng.integers(1, 20)) for _ in range(depth + 1)]
    layers = []
    for size in sizes[1:]:
        layer = {"size": size, "mapping": choose("auto", "auto", "outputs", "inputs")}
        if rng.random() < 0.5:
            layer["activation"] = choose(*_ACTIVATIONS)
        if rng.random() < 0.2:
            layer["learning_rate_shift"] = int(rng.integers(-2, 3))
        if rng.random() < 0.4:
            layer["formats"] = _formats(rng, choose)
        layers.append(layer)
    low = int(rng.integers(0, 7))
    span = int(rng.integers(0, 6))
    return {
        "inputs": sizes[0], "layers": layers, "lanes": int(rng.integers(1, 9)),
        "bits": int(rng.integers(2, 17)), "activation": choose(*_ACTIVATIONS),
        "output": choose(*_ACTIVATIONS), "zero_skip": bool(rng.random() < 0.75),
        "rounding": {key: choose(*_ROUNDINGS) for key in ("activation", "delta", "update")},
        "samples_per_clock": choose(1, 2, 4, 8), "leak_exponent": int(rng.integers(1, 5)),
        "table_bits": int(rng.integers(4, 9)), "seed": int(rng.integers(1000)),
        "learning_rate_exponent": int(rng.integers(low, low + span + 1)),
        "learning_rate_range": [low, low + span],
        "formats": _formats(rng, choose) if rng.random() < 0.5 else {},
    }


def _formats(rng, choose) -> dict:
    stored = int(rng.integers(4, 17))
    frac = int(rng.integers(0, stored + 3))
    operand = int(rng.integers(2, stored + 1))
    delta = choose(f"s{rng.integers(2, 13)}.{rng.integers(0, 12)}",
                   f"p{rng.integers(2, 6)}.{rng.integers(0, 9)}")
    table = {
        "weight": f"s{stored}.{frac}", "operand": f"s{operand}.{int(rng.integers(-1, frac + 1))}",
        "bias": f"s{int(rng.integers(2, stored + 1))}.{int(rng.integers(0, frac + 4))}",
        "activation": f"{choose('s', 'u')}{rng.integers(2, 12)}.{rng.integers(0, 10)}",
        "delta": delta, "input": f"{choose('s', 'u')}{rng.integers(1, 10)}.{rng.integers(0, 9)}",
        "output": f"{choose('s', 'u')}{rng.integers(2, 12)}.{rng.integers(0, 10)}",
    }
    kept = {key: value for key, value in table.items() if rng.random() < 0.6}
    if "weight" in kept:
        kept["operand"], kept["bias"] = table["operand"], table["bias"]
    return kept
