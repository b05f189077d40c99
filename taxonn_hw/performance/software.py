"""The same training on a computer: batch-1 SGD in numpy, with BLAS, and the golden model.

Network and rule are those of the hardware: relu, then outputs whose delta is ``a - t``; a step
after every sample.
"""

from itertools import pairwise
from time import perf_counter

import numpy as np
from scipy.linalg import blas

from ..engines import engine_of
from ..plan.base import Plan

__all__ = ["STEP", "dense_sizes", "start_parameters", "train_blas", "train_golden", "train_numpy"]

STEP = 2.0**-6


def dense_sizes(plan: Plan) -> list[int]:
    """Return the sizes of a dense network, from input to output."""
    return [plan.n_inputs, *(layer.n_out for layer in plan.layers)]


def train_numpy(sizes: list[int], x: np.ndarray, target: np.ndarray) -> tuple[float, list]:
    """Train a sample at a time in plain numpy, float32.

    x : float32 [n, n_in]; target : float32 [n, n_out].  Returns the samples a second, and the
    weights.
    """
    weights, biases = start_parameters(sizes)
    begin = perf_counter()
    for sample, t in zip(x, target, strict=True):
        values = [sample]
        for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
            z = w @ values[-1] + b
            values.append(np.maximum(z, 0) if k < len(weights) - 1 else _output(z))
        delta = values[-1] - t
        for k in reversed(range(len(weights))):
            below = (weights[k].T @ delta) * (values[k] > 0) if k else None
            weights[k] -= np.outer(STEP * delta, values[k])
            biases[k] -= STEP * delta
            delta = below
    return len(x) / (perf_counter() - begin), weights


def train_blas(sizes: list[int], x: np.ndarray, target: np.ndarray) -> tuple[float, list]:
    """Train a sample at a time with BLAS: every update is one rank-one update in place.

    The fastest way on one core that is known to us for larger networks; as :func:`train_numpy`.
    """
    weights, biases = start_parameters(sizes)
    weights = [np.asfortranarray(w) for w in weights]
    begin = perf_counter()
    for sample, t in zip(x, target, strict=True):
        values = [sample]
        for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
            z = blas.sgemv(1.0, w, values[-1], beta=1.0, y=b.copy(), overwrite_y=1)
            values.append(np.maximum(z, 0, out=z) if k < len(weights) - 1 else _output(z))
        delta = values[-1] - t
        for k in reversed(range(len(weights))):
            below = None
            if k:
                below = blas.sgemv(1.0, weights[k], delta, trans=1)
                below *= values[k] > 0
            blas.sger(-STEP, delta, values[k], a=weights[k], overwrite_a=1)
            biases[k] -= STEP * delta
            delta = below
    return len(x) / (perf_counter() - begin), weights


def train_golden(plan: Plan, x_q: np.ndarray, target_q: np.ndarray) -> float:
    """Train the bit-exact model; return the samples a second."""
    golden = engine_of(plan).part("golden")(plan)
    begin = perf_counter()
    golden.train_run(x_q, target_q)
    return len(x_q) / (perf_counter() - begin)


def start_parameters(sizes: list[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the weights [n_out, n_in] and biases that every way starts from."""
    rng = np.random.default_rng(1)
    weights = [(rng.standard_normal((n, m)) / np.sqrt(m)).astype(np.float32)
               for m, n in pairwise(sizes)]
    return weights, [np.zeros(n, np.float32) for n in sizes[1:]]


def _output(z):
    """Hard sigmoid."""
    return np.clip(0.5 + z / 4, 0, 1)
