"""A dense layer of the bit-exact model: ``W x``, ``W' delta`` and ``W -= 2**-k delta x'``."""

import numpy as np

from ..fixed import RandomWords, Rounding
from ..fixed.random import activation_index, delta_index
from ..plan import Network
from .neuron import activate
from .rows import Rows, Step

__all__ = ["Dense"]


class Dense(Rows):
    """One dense layer; weights ``[n_in, n_out]`` with lanes = outputs, else ``[n_out, n_in]``."""

    chosen = None  # no pooling

    def __init__(self, network: Network, layer, rates: range, weight: np.ndarray,
                 bias: np.ndarray) -> None:
        super().__init__(layer, rates, weight, bias)
        self.skip = network.config.zero_skip
        neuron = np.arange(layer.n_out)
        if network.stores_in_lanes(layer):  # a row of neurons at once
            row, self.store_lane = neuron // layer.lanes, neuron % layer.lanes
        else:
            row, self.store_lane = neuron, np.zeros_like(neuron)
        self.activation_row = activation_index(layer.neuron_base + row)
        self.delta_row = delta_index(layer.neuron_base + row)

    def activation_words(self, random: RandomWords) -> np.ndarray:
        """Return the random words of the activations, int64 [n_out]."""
        return (random.rows(self.activation_row) ^ random.lane[self.store_lane]).astype(np.int64)

    def delta_words(self, random: RandomWords) -> np.ndarray:
        """Return the random words of the deltas, int64 [n_out]."""
        return (random.rows(self.delta_row) ^ random.lane[self.store_lane]).astype(np.int64)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the accumulators for input codes ``x`` [n_in]."""
        if self.layer.by_outputs:
            live = np.flatnonzero(x) if self.skip else slice(None)
            product = x[live].astype(self.operand.dtype) @ self.operand[live]
        else:
            product = self.operand @ x.astype(self.operand.dtype)
        return self.accumulate(product)

    def forward_batch(self, x: np.ndarray) -> np.ndarray:
        """Return the accumulators of a batch [batch, n_in]."""
        w = self.operand if self.layer.by_outputs else self.operand.T
        return self.accumulate(np.asarray(x, dtype=np.float64) @ w)

    def activate(self, acc: np.ndarray, mode: Rounding, words) -> tuple[np.ndarray, np.ndarray]:
        """Return activation and derivative codes for ``acc`` [..., n_out]."""
        return activate(acc, self.layer, mode, words)

    def backward(self, delta: np.ndarray) -> np.ndarray:
        """Return the accumulators of ``W' delta``, int64 [n_in]."""
        if self.layer.by_outputs:
            product = self.operand @ delta.astype(self.operand.dtype)
        else:
            live = np.flatnonzero(delta)
            product = delta[live].astype(self.operand.dtype) @ self.operand[live]
        return product.astype(np.int64)

    def incoming(self, acc: np.ndarray, frac: int) -> tuple[np.ndarray, int]:
        """Return the gradient of every activation: the sums of the layer above as they are."""
        return acc, frac

    def gradient(self, x: np.ndarray, delta: np.ndarray) -> np.ndarray:
        """Return the gradient of the weights ``delta x'``, int64 [item, side]."""
        return np.multiply.outer(x, delta) if self.layer.by_outputs else (
            np.multiply.outer(delta, x))

    def bias_gradient(self, delta: np.ndarray) -> np.ndarray:
        """Return the gradient of the biases, int64 [n_out]."""
        return delta

    def update(self, x: np.ndarray, delta: np.ndarray, step: Step, mode: Rounding,
               random: RandomWords) -> None:
        """Take the step along ``delta x'``; rows whose scalar is zero stay as they are."""
        item, side = (x, delta) if self.layer.by_outputs else (delta, x)
        live = np.flatnonzero(item)
        if len(live):
            gradient = np.multiply.outer(item[live].astype(self.dtype), side.astype(self.dtype))
            self.step_weights(live, gradient, step, mode, random)
        self.step_bias(delta, step, mode, random)
