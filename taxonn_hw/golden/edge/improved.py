"""Improved arithmetic of a junction: the law of engine ``taxonn`` on sparse edges.

Sums are exact; activation, delta and update round once and saturate once, each in its own format.
"""

import numpy as np

from ...config import RoundingTable
from ...fixed import Rounding, requantize, round_shift, saturate
from ...plan.edge.junction import Junction
from ..neuron import activate, hidden_delta, output_delta
from .pipeline import Sample
from .words import WordSource

__all__ = ["ImprovedLaw"]


class ImprovedLaw:
    """State and arithmetic of one junction.

    Parameters
    ----------
    junction, below : Junction
        The junction, and the one whose right neurons are its left ones (None for the first).
    weight : int64 [n_out, fan_in]
    bias : int64 [n_out]
    rates : range
        Learning-rate exponents that may come.
    rounding : RoundingTable
    source : WordSource or None
        Places of the random words; None where no store takes any.
    """

    def __init__(self, junction: Junction, below: Junction | None, weight: np.ndarray,
                 bias: np.ndarray, rates: range, rounding: RoundingTable,
                 source: WordSource | None) -> None:
        f = junction.formats
        self.junction, self.below, self.rounding = junction, below, rounding
        self.dtype = _exact_dtype(junction, rates)
        self.weight = weight.astype(self.dtype)
        self.bias = bias.astype(np.int64)
        self.operand = self.weight
        self.has_operand = f.operand != f.weight
        if self.has_operand:
            self.operand = self._operands(self.weight)
        self.left = junction.left
        self.edges_of_left = junction.edges_of_left
        i = junction.index - 1
        self.places = None if source is None else {
            "weight": source.weight[i], "bias": source.bias[i],
            "activation": source.activation[i], "delta": source.delta[i],
            "left_delta": source.left_delta[i]}

    def gather(self, x: np.ndarray) -> np.ndarray:
        """Return the input of every edge [..., n_out, fan_in]."""
        return x.astype(self.dtype).take(self.left, axis=-1)

    def forward(self, edge_x, sample: Sample):
        """Return activation and derivative codes of the right neurons."""
        return self.activate(np.einsum("...ij,ij->...i", edge_x, self.operand), sample)

    def activate(self, product, sample: Sample):
        """Return activation and derivative codes for sums of products [..., n_out]."""
        junction = self.junction
        acc = (round_shift(product.astype(np.int64), -junction.product_shift, Rounding.FLOOR)
               + round_shift(self.bias, -junction.bias_shift, Rounding.FLOOR))
        mode = self.rounding.activation
        return activate(acc, junction, mode, self._words(mode, "activation", sample))

    def output_delta(self, a, slope, sample: Sample):
        """Return the delta codes of the outputs."""
        mode = self.rounding.delta
        return output_delta(a, slope, sample.target, self.junction, mode,
                            self._words(mode, "delta", sample))

    def backward(self, delta, slope, sample: Sample):
        """Return the delta codes of the left neurons, with the present weights."""
        products = self.operand * delta.astype(self.dtype)[:, None]
        acc = products.take(self.edges_of_left).sum(axis=0, dtype=np.int64)
        mode = self.rounding.delta
        return hidden_delta(acc, slope, self.below, self.junction.backward_frac, mode,
                            self._words(mode, "left_delta", sample))

    def update(self, edge_x, delta, sample: Sample) -> None:
        """Take the step ``2**-rate delta x`` for every weight and bias."""
        junction, mode = self.junction, self.rounding.update
        live = np.flatnonzero(delta)  # without a delta there is no step, however it is rounded
        if not len(live):
            return
        step = edge_x[live] * delta[live, None].astype(self.dtype)
        moved = round_shift(step, junction.update_shift(sample.rate), mode,
                            self._words(mode, "weight", sample, live))
        weight = saturate(self.weight[live] - moved, junction.formats.weight)
        self.weight[live] = weight
        if self.has_operand:
            self.operand[live] = self._operands(weight)
        moved = round_shift(delta, junction.bias_update_shift(sample.rate), mode,
                            self._words(mode, "bias", sample))
        self.bias = saturate(self.bias - moved, junction.formats.bias)

    def _operands(self, weight):
        """Return what the multipliers see of ``weight``."""
        f = self.junction.formats
        return requantize(weight, f.weight.frac - f.operand.frac, f.operand, Rounding.HALF_UP)

    def _words(self, mode: Rounding, what: str, sample: Sample, part=...):
        if mode is not Rounding.STOCHASTIC:
            return None
        return sample.words.at(self.places[what], part).astype(self.dtype)


def _exact_dtype(junction: Junction, rates: range):
    """Return the integers in which no product, sum or step of ``junction`` wraps."""
    f = junction.formats
    shifts = [junction.update_shift(rate) for rate in rates]
    step = max(f.x.hi, -f.x.lo) * -f.delta.lo << max(-min(shifts), 0)
    bound = max(step + (1 << max(*shifts, 0)) - f.weight.lo, junction.forward_bound,
                junction.backward_bound)
    return np.int32 if bound < 1 << 31 else np.int64
