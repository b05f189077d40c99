"""What a junction's connections look like: rules, measures, counts (algorithms 2.5).

Edges are those of an :class:`Interleaver` in natural order; ``n_right`` neurons own equal runs of
them.
"""

from dataclasses import dataclass
from math import factorial

import numpy as np

from ...plan.edge.interleaver import Interleaver

__all__ = ["Connections", "adjacency", "check_connections", "dispersion", "image_windows",
           "pattern_count", "product_adjacency", "scatter", "spread", "weight_interleaver",
           "windows"]


@dataclass(frozen=True, kw_only=True)
class Connections:
    """Verdict on the connections of a junction.

    Members
    -------
    clash_free : bool
        In every clock each lane asks a memory of its own.
    valid : bool
        Every left neuron has one edge in each sweep, every right neuron the same fan-in.
    duplicates : int
        Edges that join a pair which another edge joins already; possible where a right neuron's
        edges straddle two sweeps.
    """

    clash_free: bool
    valid: bool
    duplicates: int


def check_connections(left: np.ndarray, *, n_left: int, n_right: int, z: int) -> Connections:
    """Judge the left neurons ``left`` [edges] of edges in natural order.

    Parameters
    ----------
    left : int array [edges]
        Left neuron of each edge; neuron ``l`` lies in memory ``l mod z``.
    n_left, n_right, z : int
        Neurons on both sides, edges of a clock.
    """
    left = np.asarray(left).ravel()
    if len(left) % n_right or len(left) % n_left or len(left) % z:
        return Connections(clash_free=False, valid=False, duplicates=0)
    memories = np.sort(left.reshape(-1, z) % z, axis=1)
    sweeps = np.sort(left.reshape(-1, n_left), axis=1)
    pairs = np.repeat(np.arange(n_right), len(left) // n_right) * n_left + left
    return Connections(
        clash_free=bool((memories == np.arange(z)).all()),
        valid=bool((sweeps == np.arange(n_left)).all()),
        duplicates=len(pairs) - len(np.unique(pairs)))


def adjacency(left: np.ndarray, n_left: int) -> np.ndarray:
    """Return the edges of each pair, int64 [n_right, n_left], for ``left`` [n_right, fan_in]."""
    left = np.asarray(left)
    counts = np.zeros((len(left), n_left), dtype=np.int64)
    np.add.at(counts, (np.arange(len(left))[:, None], left), 1)
    return counts


def product_adjacency(matrices: list[np.ndarray]) -> np.ndarray:
    """Return the paths from each input to each output, int64 [n_outputs, n_inputs]."""
    product = matrices[0]
    for matrix in matrices[1:]:
        product = matrix @ product
    return product


def weight_interleaver(interleaver: Interleaver) -> np.ndarray:
    """Return for each edge in natural (right) order its number in left order, int64 [edges].

    Left neuron ``l`` owns the left-ordered edges ``l fan_out .. l fan_out + fan_out - 1``, one a
    sweep.
    """
    sweep = np.arange(interleaver.n_left * interleaver.fan_out) // interleaver.n_left
    return interleaver.left * interleaver.fan_out + sweep


def spread(order: np.ndarray) -> float:
    """Return the mean spread of the permutation ``order`` [n], 0 for a single element.

    The spread of an element is the smallest ``|i - j| + |order_i - order_j|`` over all others: near
    ones on one side should be far apart on the other.  The largest possible is about
    ``sqrt(2 n)``.
    """
    order = np.asarray(order, dtype=np.int64)
    n = len(order)
    if n < 2:
        return 0.0
    best = np.full(n, 2 * n)
    for distance in range(1, n):
        if distance >= best.max():
            break
        apart = np.abs(order[distance:] - order[:-distance]) + distance
        np.minimum(best[distance:], apart, out=best[distance:])
        np.minimum(best[:-distance], apart, out=best[:-distance])
    return float(best.mean())


def dispersion(order: np.ndarray) -> float:
    """Return the dispersion of the permutation ``order`` [n]: its irregularity, 0 to 1.

    The share of distinct displacements ``(j - i, order_j - order_i)`` among those of all pairs
    ``i < j``; takes time and memory of ``n**2 / 2``.
    """
    order = np.asarray(order, dtype=np.int64)
    n = len(order)
    if n < 2:
        return 0.0
    distinct = sum(len(np.unique(order[distance:] - order[:-distance]))
                   for distance in range(1, n))
    return distinct / (n * (n - 1) / 2)


def windows(n: int, size: int) -> np.ndarray:
    """Return the window that each of ``n`` neurons is in, int64 [n]; the last may be short."""
    return np.arange(n) // size


def image_windows(height: int, width: int, side: int) -> np.ndarray:
    """Return the square window of each pixel, int64 [height * width], row by row."""
    rows, columns = np.divmod(np.arange(height * width), width)
    return rows // side * -(-width // side) + columns // side


def scatter(matrix: np.ndarray, window: np.ndarray) -> float:
    """Return how evenly each right neuron's edges fall into windows of left neurons, 0 to 1.

    For each right neuron and window: the edges, over those of an even spread (edges of the neuron
    times the window's share of the left neurons), at most 1; the mean over all.  The other
    direction is ``scatter(matrix.T, window of the right side)``.

    Parameters
    ----------
    matrix : int array [n_right, n_left]
        Edges of each pair, or paths.
    window : int array [n_left]
        Window of each left neuron; see :func:`windows` and :func:`image_windows`.
    """
    matrix = np.asarray(matrix)
    n_windows = int(window.max()) + 1
    counts = np.stack([matrix[:, window == w].sum(axis=1) for w in range(n_windows)], axis=1)
    ideal = (matrix.sum(axis=1)[:, None] * np.bincount(window, minlength=n_windows)[None, :]
             / matrix.shape[1])
    return float(np.minimum(counts / ideal, 1).mean())


def pattern_count(kind: str, *, n_left: int, n_right: int, fan_out: int, z: int,
                  dither: bool = False) -> int:
    """Return how many patterns a junction of ``kind`` type1, type2 or type3 can have: which right
    neuron is joined to which left one in which clock.

    Raises
    ------
    ValueError
        With dither when neither fan-in nor ``z`` is a multiple of the other: no closed form.
    """
    depth, fan_in = n_left // z, n_left * fan_out // n_right
    lanes = 1  # ways to deal the memories to the neurons of a clock
    if dither and fan_in % z:
        if z % fan_in:
            raise ValueError(f"no closed form: neither fan-in {fan_in} nor z {z} is a multiple of "
                             "the other")
        lanes = factorial(z) // factorial(fan_in) ** (z // fan_in)
    match kind:
        case "type1":
            return (lanes * factorial(depth) ** z) ** fan_out
        case "type2":
            return (lanes * depth**z) ** fan_out
        case "type3":
            return lanes * depth**z
    raise ValueError(f"patterns are counted for type1, type2 and type3, not {kind}")
