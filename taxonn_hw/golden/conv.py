"""A convolution of the bit-exact model: forward, input gradient and kernel gradient.

    forward    acc[p, o] = sum_r x[p, r] W[r, o] + b[o]     a = f(acc), one rounding a position
    pooling    max: first of the largest codes;  average: sum of codes / window, half up
    backward   acc[i] = sum over p, r under which input i lies, and o, of W[r, o] delta[p, o]
    update     W[r, o] -= round(2**-k sum_p x[p, r] delta[p, o]): one rounding for all positions

``p`` runs over positions in window order (:class:`taxonn_hw.plan.conv.Geometry`), ``x[p, r]`` is
the input under tap ``r`` of the kernel at ``p``.  Sums of products are exact floating-point
numbers: every accumulator is below 2**48.
"""

import numpy as np

from ..fixed import RandomWords, Rounding, requantize
from ..fixed.random import activation_index, delta_index
from ..plan import ConvLayer, Network
from .neuron import activate, derivative_code, quantize_code
from .rows import Rows, Step

__all__ = ["Convolution"]

_CHUNK = 1 << 22  # taps of a batch that are gathered at once


class Convolution(Rows):
    """One conv layer; weights ``[n_taps, channels]``.

    It remembers of the last sample what :meth:`update` and :meth:`backward` need: the inputs under
    the taps and, with max pooling, which position of each window was the largest.

    Members
    -------
    chosen : int64 [n_pooled, channels] or None
        Arg-max of the last sample: position within its window.
    """

    def __init__(self, network: Network, layer: ConvLayer, rates: range, weight: np.ndarray,
                 bias: np.ndarray) -> None:
        super().__init__(layer, rates, weight, bias)
        g = self.geometry = layer.geometry
        self.taps = g.taps
        self.flat_taps = g.taps.ravel()
        self.padded = g.padding > 0
        self.shape = g.n_pooled, g.window, g.channels_out
        if layer.gradient_bound < 1 << 24 and self.operand.dtype == np.float32:
            self.gradient_dtype = np.float32
        else:
            self.gradient_dtype = np.float64
        rows, self.activation_lane = layer.activation_places
        self.activation_row = activation_index(rows)
        rows, self.delta_lane = layer.delta_places
        self.delta_row = delta_index(rows)
        window, channel = np.arange(g.n_pooled)[:, None] * g.window, np.arange(g.channels_out)
        self.first_of_window = window * g.channels_out + channel  # in [position, channel]
        self.spread = np.zeros((g.n_positions, g.channels_out), self.gradient_dtype)
        self.columns: np.ndarray | None = None
        self.chosen: np.ndarray | None = None

    def activation_words(self, random: RandomWords) -> np.ndarray:
        """Return the random words of the activations, int64 [n_positions, channels]."""
        words = random.rows(self.activation_row) ^ random.lane[self.activation_lane]
        return words.astype(np.int64)

    def delta_words(self, random: RandomWords) -> np.ndarray:
        """Return the random words of the deltas, int64, flat."""
        words = random.rows(self.delta_row) ^ random.lane[self.delta_lane]
        return words.astype(np.int64).ravel()

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the accumulators [n_positions, channels] for input codes ``x`` [n_in]."""
        self.columns = self._columns(x)
        return self.accumulate(self.columns.astype(self.operand.dtype, copy=False) @ self.operand)

    def forward_batch(self, x: np.ndarray) -> np.ndarray:
        """Return the accumulators of a batch, int64 [batch, n_positions, channels]."""
        parts = max(_CHUNK // self.taps.size, 1)
        return np.concatenate([
            self.accumulate(self._columns(x[start:start + parts]).astype(
                self.operand.dtype, copy=False) @ self.operand)
            for start in range(0, len(x), parts)])

    def _columns(self, x: np.ndarray) -> np.ndarray:
        """Return the input under every tap, [..., n_positions, n_taps]."""
        x = np.asarray(x).astype(self.gradient_dtype)
        if self.padded:
            x = np.concatenate([x, np.zeros((*x.shape[:-1], 1), x.dtype)], axis=-1)
        return x.take(self.taps, axis=-1)

    def activate(self, acc: np.ndarray, mode: Rounding, words) -> tuple[np.ndarray, np.ndarray]:
        """Return the codes of the image above [..., n_out], and the derivative codes.

        Derivatives are those of the neurons that deltas are stored for: [..., n_out], or with
        average pooling one a position, [..., n_positions * channels].
        """
        layer, g = self.layer, self.geometry
        outer = acc.shape[:-2]
        if g.window == 1:
            return tuple(part.reshape(*outer, -1) for part in activate(acc, layer, mode, words))
        windows = (*outer, *self.shape)
        if g.pool == "average":
            a, slope = activate(acc, layer, mode, words)
            total = a.reshape(windows).sum(axis=-2)
            mean = requantize(total * layer.mean_factor, layer.mean_shift, layer.formats.a,
                              Rounding.HALF_UP)
            return mean.reshape(*outer, -1), slope.reshape(*outer, -1)
        if layer.activation.is_table:
            a, slope = (part.reshape(windows) for part in activate(acc, layer, mode, words))
            pooled = self._largest(a)
            slope = np.take_along_axis(slope, self.chosen[..., None, :], axis=-2)[..., 0, :]
        else:
            pooled = self._largest(quantize_code(acc, layer, mode, words).reshape(windows))
            slope = derivative_code(pooled, layer)
        return pooled.reshape(*outer, -1), slope.reshape(*outer, -1)

    def _largest(self, a: np.ndarray) -> np.ndarray:
        """Return the largest code of each window; remember the first position that has it."""
        largest = a[..., 0, :]
        self.chosen = np.zeros(largest.shape, np.int64)
        for i in range(1, self.geometry.window):
            better = a[..., i, :] > largest
            largest = np.where(better, a[..., i, :], largest)
            self.chosen[better] = i
        return largest

    def incoming(self, acc: np.ndarray, frac: int) -> tuple[np.ndarray, int]:
        """Return the gradient of every stored activation from the sums of the layer above.

        ``acc`` int64 [n_out] with ``frac`` fraction bits; so is the result, but with average
        pooling it has an entry for every position.
        """
        layer, g = self.layer, self.geometry
        if layer.mean_shift == 0:
            return acc, frac
        acc = np.repeat(acc.reshape(g.n_pooled, 1, -1), g.window, axis=1).ravel()
        return acc * layer.mean_factor, frac + layer.mean_shift

    def _positions(self, delta: np.ndarray) -> np.ndarray:
        """Return the delta of every position, float [n_positions, channels]."""
        if self.geometry.pool != "max" or self.geometry.window == 1:
            return delta.reshape(-1, self.geometry.channels_out).astype(self.gradient_dtype)
        self.spread[...] = 0
        place = self.first_of_window + self.chosen * self.geometry.channels_out
        self.spread.ravel()[place.ravel()] = delta
        return self.spread

    def backward(self, delta: np.ndarray) -> np.ndarray:
        """Return the accumulators of the gradient of the layer's input, int64 [n_in]."""
        delta = self._positions(delta).astype(self.operand.dtype, copy=False)
        products = delta @ self.operand.T
        acc = np.bincount(self.flat_taps, weights=products.ravel(),
                          minlength=self.geometry.n_in + 1)
        return acc[:self.geometry.n_in].astype(np.int64)

    def gradient(self, x: np.ndarray, delta: np.ndarray) -> np.ndarray:
        """Return the kernel gradient of the sample last seen: exact sums, [n_taps, channels]."""
        return self.columns.T @ self._positions(delta)

    def bias_gradient(self, delta: np.ndarray) -> np.ndarray:
        """Return the gradient of the biases, int64 [channels]."""
        return delta.reshape(-1, self.geometry.channels_out).sum(axis=0)

    def update(self, x: np.ndarray, delta: np.ndarray, step: Step, mode: Rounding,
               random: RandomWords) -> None:
        """Take the step along the kernel gradient of the sample last seen."""
        gradient = self.gradient(x, delta).astype(self.dtype)
        self.step_weights(np.arange(len(gradient)), gradient, step, mode, random)
        self.step_bias(self.bias_gradient(delta), step, mode, random)
