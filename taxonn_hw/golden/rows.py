"""Weights as they lie in rows, and the step that one row takes: shared by all kinds of layers."""

import numpy as np

from ..fixed import RandomWords, Rounding, requantize, round_shift, saturate
from ..plan import ConvLayer, Layer

__all__ = ["Rows", "step_down"]


class Rows:
    """Weights of one layer in the orientation of its rows: ``[item, lane side]``.

    Parameters
    ----------
    layer : Layer or ConvLayer
    rates : range
        Learning-rate exponents that may come.
    weight, bias : int64 arrays
        Codes, ``layer.weight_shape`` and one a row of it.

    Members
    -------
    operand : float array [item, side]
        The multiplier's view of the weights; float32 where every accumulator is exact in it.
    """

    def __init__(self, layer: Layer | ConvLayer, rates: range, weight: np.ndarray,
                 bias: np.ndarray) -> None:
        self.layer = layer
        self.bias = bias.astype(np.int64)
        shifts = [layer.update_shift(rate) for rate in rates]
        step = layer.gradient_bound << max(-min(shifts), 0)
        small = step + (1 << max(*shifts, 0)) - layer.formats.weight.lo < 1 << 31
        self.dtype = np.int32 if small else np.int64
        oriented = np.ascontiguousarray(weight.T if layer.by_outputs else weight)
        self.weight = oriented.astype(self.dtype)
        exact32 = max(layer.forward_bound, layer.backward_bound) < 1 << 24
        self.operand = np.empty(self.weight.shape, np.float32 if exact32 else np.float64)
        self.refresh(slice(None))
        side = np.arange(self.weight.shape[1])
        self.block, self.lane = side // layer.lanes, side % layer.lanes
        self.block_rows = layer.row_base + np.arange(layer.n_blocks) * layer.row_stride

    @property
    def parameters(self) -> tuple[np.ndarray, np.ndarray]:
        """Codes of weights and biases as users see them, int64 copies."""
        weight = self.weight.T if self.layer.by_outputs else self.weight
        return weight.astype(np.int64), self.bias.copy()

    def refresh(self, items) -> None:
        """Bring the multiplier's view of the rows ``items`` up to date."""
        f = self.layer.formats
        self.operand[items] = requantize(self.weight[items], f.weight.frac - f.operand.frac,
                                         f.operand, Rounding.HALF_UP)

    def words(self, items: np.ndarray, random: RandomWords) -> np.ndarray:
        """Return the random words of the weights in rows ``items``, uint16 [items, side]."""
        rows = random.rows(self.block_rows + items[:, None])
        rows = rows if len(self.block_rows) == 1 else rows[:, self.block]
        return rows ^ random.lane[self.lane]

    def bias_words(self, random: RandomWords) -> np.ndarray:
        """Return the random words of the biases, int64, one a bias."""
        if self.layer.by_outputs:
            words = self.words(np.array([self.layer.row_stride - 1]), random)[0]
        else:  # scalar bias memory: the word of the output's first row, lane 0
            words = random.rows(self.layer.row_base + np.arange(self.layer.n_out))
            words = words ^ random.lane[0]
        return words.astype(np.int64)

    def accumulate(self, product: np.ndarray) -> np.ndarray:
        """Return forward accumulators: sums of products and the bias, int64."""
        layer = self.layer
        return ((product.astype(np.int64) << layer.product_shift)
                + (self.bias << layer.bias_shift))

    def step_weights(self, items, step: np.ndarray, rate: int, mode: Rounding, words) -> None:
        """Take ``2**-rate step`` off the weights in rows ``items``."""
        layer = self.layer
        self.weight[items] = step_down(self.weight[items], step, layer.update_shift(rate),
                                       layer.formats.weight, mode, words)
        self.refresh(items)

    def step_bias(self, step: np.ndarray, rate: int, mode: Rounding, random: RandomWords) -> None:
        """Take ``2**-rate step`` off the biases."""
        words = self.bias_words(random) if mode is Rounding.STOCHASTIC else None
        self.bias = step_down(self.bias, step, self.layer.bias_update_shift(rate),
                              self.layer.formats.bias, mode, words)


def step_down(weight, step, shift, q, mode, words):
    """Return ``weight - step``: the step is rounded once, the difference saturated once."""
    return saturate(weight - round_shift(step, shift, mode, words), q)
