"""Compatibility arithmetic of a junction: the published datapath, to the bit (algorithms 2.8).

One format for weights, activations, derivatives and deltas; every product is rounded half up and
saturated before it is added; backward sums saturate at each edge.
"""

import numpy as np

from ...fixed import Rounding, requantize, round_shift, saturate
from ...plan.edge.junction import CompatibleJunction
from .pipeline import Sample

__all__ = ["CompatibleLaw"]

_UP = Rounding.HALF_UP


class CompatibleLaw:
    """State and arithmetic of one junction.

    Parameters
    ----------
    junction, below : CompatibleJunction
        The junction, and the one whose right neurons are its left ones (None for the first).
    weight : int64 [n_out, fan_in]
    bias : int64 [n_out]
    """

    def __init__(self, junction: CompatibleJunction, below: CompatibleJunction | None,
                 weight: np.ndarray, bias: np.ndarray) -> None:
        self.junction, self.below = junction, below
        self.q = junction.q
        largest = self.q.lo * min(self.q.lo, -junction.formats.x.hi)  # of a product
        self.dtype = np.int32 if 2 * largest < 1 << 31 else np.int64
        self.weight = weight.astype(self.dtype)
        self.bias = bias.astype(self.dtype)
        self.left = junction.left
        self.edges = junction.edges_of_left
        self.rights = self.edges // junction.fan_in

    def gather(self, x: np.ndarray) -> np.ndarray:
        """Return the input of every edge [..., n_out, fan_in]."""
        return x.astype(self.dtype).take(self.left, axis=-1)

    def forward(self, edge_x, sample: Sample | None):
        """Return activation and derivative codes of the right neurons."""
        products = requantize(self.weight * edge_x, self.junction.product_drop, self.q, _UP)
        total = products.sum(axis=-1, dtype=np.int64) + self.bias
        return activate(saturate(total, self.q), self.junction)

    def output_delta(self, a, slope, sample: Sample):
        """Return the delta codes of the outputs."""
        delta = saturate(a - sample.target, self.q)
        if self.junction.has_derivative_at_output:
            delta = requantize(delta * slope, self.q.frac, self.q, _UP)
        return delta

    def backward(self, delta, slope, sample: Sample):
        """Return the delta codes of the left neurons, with the present weights.

        Each edge gives ``round(round(delta f') w)``; the sums saturate edge by edge in the order
        of the sweeps.
        """
        q = self.q
        error = requantize(delta.astype(self.dtype).take(self.rights) * slope.astype(self.dtype),
                           q.frac, q, _UP)
        products = requantize(error * self.weight.take(self.edges), q.frac, q, _UP)
        sums = np.cumsum(products, axis=0, dtype=np.int64)
        if sums.max() <= q.hi and sums.min() >= q.lo:
            return sums[-1]
        total = np.zeros(self.junction.n_in, dtype=np.int64)
        for sweep in products:
            total = saturate(total + sweep, q)
        return total

    def update(self, edge_x, delta, sample: Sample) -> None:
        """Add ``g x`` to every weight and ``g`` to every bias, ``g = -delta / 2**rate``."""
        q, rate = self.q, sample.rate + self.junction.rate_shift
        g = round_shift(saturate(-delta, q), rate, _UP).astype(self.dtype)
        live = np.flatnonzero(g)  # without g there is no step
        if not len(live):
            return
        step = requantize(edge_x[live] * g[live, None], self.junction.product_drop, q, _UP)
        self.weight[live] = saturate(self.weight[live] + step, q)
        self.bias = saturate(self.bias + g, q)


def activate(total, junction: CompatibleJunction):
    """Return ``(a, f')`` of clipped sums ``total`` in the one format.

    Sigmoid: a table, and constants where a sum lies outside its domain.  ReLU: clipped below 1;
    its derivative is one code below 1 where the sum lies between 0 and 1, and one code above 0
    elsewhere.
    """
    q, one = junction.q, 1 << junction.q.frac
    if not junction.is_sigmoid:
        inside = (total > 0) & (total < one)
        return np.clip(total, 0, one - 1), np.where(inside, one - 1, 1)
    fmt = junction.table_format
    index = round_shift(total, q.frac - fmt.frac, Rounding.FLOOR)
    below, above, slope = junction.rail
    sigmoid, derivative = junction.table
    place = saturate(index, fmt) - fmt.lo
    if q.lo < fmt.lo << q.frac - fmt.frac:  # sums beyond the table are possible
        out = (index < fmt.lo) | (index > fmt.hi)
        a = np.where(out, np.where(index < 0, below, above), sigmoid[place])
        return a, np.where(out, slope, derivative[place])
    return sigmoid[place], derivative[place]
