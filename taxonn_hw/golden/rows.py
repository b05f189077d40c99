"""Weights as they lie in rows, and the step that one row takes: shared by all kinds of layers."""

from typing import NamedTuple

import numpy as np

from ..fixed import RandomWords, Rounding, requantize, round_shift, saturate
from ..plan import ConvLayer, Layer

__all__ = ["Rows", "Step", "step_down"]


class Step(NamedTuple):
    """A step of ``multiplier * 2**-rate`` times the gradient."""

    rate: int
    multiplier: int = 1


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
    weight_sum, bias_sum : int64 arrays or None
        Gradients of the samples of the present batch, [item, side] and one a bias.
    """

    def __init__(self, layer: Layer | ConvLayer, rates: range, weight: np.ndarray,
                 bias: np.ndarray) -> None:
        self.layer = layer
        self.bias = bias.astype(np.int64)
        self.weight_sum = self.bias_sum = None
        shifts = [layer.update_shift(rate) for rate in rates]
        step = layer.step_bound << max(-min(shifts), 0)
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
        self.item_row, self.item_lane = layer.item_places

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
        rows = random.rows(self.block_rows + self.item_row[items][:, None])
        rows = rows if len(self.block_rows) == 1 else rows[:, self.block]
        if isinstance(self.item_lane, int):
            return rows ^ random.lane[self.lane]
        return rows ^ random.lane[self.item_lane[items][:, None] + self.lane]

    def bias_words(self, random: RandomWords) -> np.ndarray:
        """Return the random words of the biases, int64, one a bias."""
        if self.layer.by_outputs:
            words = self.words(np.array([len(self.item_row) - 1]), random)[0]
        else:  # scalar bias memory: the word of the output's first row, lane 0
            words = random.rows(self.layer.row_base + np.arange(self.layer.n_out))
            words = words ^ random.lane[0]
        return words.astype(np.int64)

    def accumulate(self, product: np.ndarray) -> np.ndarray:
        """Return forward accumulators: sums of products and the bias, int64."""
        layer = self.layer
        return ((product.astype(np.int64) << layer.product_shift)
                + (self.bias << layer.bias_shift))

    def step_weights(self, items: np.ndarray, gradient: np.ndarray, step: Step, mode: Rounding,
                     random: RandomWords) -> None:
        """Take the step along ``gradient`` [items, side] in the rows ``items``."""
        layer = self.layer
        words = self.words(items, random) if mode is Rounding.STOCHASTIC else None
        rows = slice(None) if len(items) == len(self.weight) else items
        if step.multiplier != 1:
            gradient = gradient * step.multiplier
        self.weight[rows] = step_down(self.weight[rows], gradient, layer.update_shift(step.rate),
                                      layer.formats.weight, mode, words)
        self.refresh(rows)

    def step_bias(self, gradient: np.ndarray, step: Step, mode: Rounding,
                  random: RandomWords) -> None:
        """Take the step along ``gradient`` in the biases."""
        words = self.bias_words(random) if mode is Rounding.STOCHASTIC else None
        self.bias = step_down(self.bias, gradient * step.multiplier,
                              self.layer.bias_update_shift(step.rate), self.layer.formats.bias,
                              mode, words)

    def gather(self, x: np.ndarray, delta: np.ndarray) -> None:
        """Add the gradient of a sample to those of its batch."""
        if self.weight_sum is None:
            self.weight_sum = np.zeros(self.weight.shape, dtype=np.int64)
            self.bias_sum = np.zeros(self.bias.shape, dtype=np.int64)
        self.weight_sum += self.gradient(x, delta).astype(np.int64)
        self.bias_sum += self.bias_gradient(delta)

    def step_batch(self, step: Step, mode: Rounding, random: RandomWords) -> None:
        """Take the step along the gradient of the batch, and begin a new one."""
        items = np.arange(len(self.weight))
        self.step_weights(items, self.weight_sum.astype(self.dtype), step, mode, random)
        self.step_bias(self.bias_sum, step, mode, random)
        self.weight_sum, self.bias_sum = None, None

    def decay(self, shift: int, mode: Rounding, random: RandomWords) -> None:
        """Take ``2**-shift`` of every weight off it: rounded once; biases stay."""
        words = None
        if mode is Rounding.STOCHASTIC:
            words = self.words(np.arange(len(self.weight)), random)
        self.weight = step_down(self.weight, self.weight, shift, self.layer.formats.weight, mode,
                                words)
        self.refresh(slice(None))


def step_down(weight, step, shift, q, mode, words):
    """Return ``weight - step``: the step is rounded once, the difference saturated once."""
    return saturate(weight - round_shift(step, shift, mode, words), q)
