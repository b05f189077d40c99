"""The bit-exact model of engine ``taxonn``: forward, backward and update of SGD in integers.

For each sample, with the notation of README (``delta`` is dE/dz):

    forward    acc = W x + b            a, f' = f(acc)
    loss       delta_L = a - t
    backward   delta_i = (W_{i+1}' delta_{i+1}) f'_i     with the old weights
    update     W -= round(2**-k delta x')    b -= round(2**-k delta)

Products and sums are exact; each store rounds once and saturates once (:mod:`taxonn_hw.fixed`).
The matrix products run in float64, exactly: every accumulator is below 2**48.
"""

from dataclasses import dataclass

import numpy as np

from ..fixed import RandomWords, Rounding, requantize, round_shift, saturate
from ..fixed.random import activation_index, delta_index
from ..plan import Layer, Network
from .neuron import activate, hidden_delta, output_delta
from .weights import Parameters, initial_weights

__all__ = ["REPORT", "GoldenModel", "SampleTrace"]

#: Samples between two calls of ``progress``.
REPORT = 256


@dataclass
class SampleTrace:
    """What one training sample did; the timing model reads which codes were zero.

    ``x[i]`` are the input codes of layer ``i`` (from 0), ``slope[i]`` the derivative codes of its
    output, ``delta[i]`` its delta codes, ``output`` the network's output codes.
    """

    x: list[np.ndarray]
    slope: list[np.ndarray]
    delta: list[np.ndarray]
    output: np.ndarray


class _State:
    """Weights of one layer in the orientation of its rows: ``[item, lane side]``."""

    def __init__(self, layer: Layer, rates: range, weight: np.ndarray, bias: np.ndarray) -> None:
        f = layer.formats
        self.layer = layer
        self.weight = np.ascontiguousarray(weight.T if layer.by_outputs else weight)
        self.bias = bias.astype(np.int64)
        shifts = [layer.update_shift(rate) for rate in rates]
        step = max(f.x.hi, -f.x.lo) * -f.delta.lo << max(-min(shifts), 0)
        self.dtype = np.int32 if step + (1 << max(*shifts, 0)) - f.weight.lo < 1 << 31 else np.int64
        self.weight = self.weight.astype(self.dtype)
        exact32 = max(layer.forward_bound, layer.backward_bound) < 1 << 24
        self.operand = np.empty(self.weight.shape, np.float32 if exact32 else np.float64)
        self.refresh(slice(None))
        side = np.arange(self.weight.shape[1])
        self.block, self.lane = side // layer.lanes, side % layer.lanes
        self.block_rows = layer.row_base + np.arange(layer.n_blocks) * layer.row_stride

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


class GoldenModel:
    """Train and infer, bit-exact to the hardware.

    Parameters
    ----------
    network : Network
        What to model.
    parameters : Parameters, optional
        Initial weights; default :func:`initial_weights`.

    Members
    -------
    rate : int
        Learning-rate exponent; the step is ``2**-rate``.  May be changed between samples.
    n_samples : int
        Training samples so far; addresses the random words.
    traces : list of SampleTrace or None
        Of all training samples, where it was set to a list.
    """

    def __init__(self, network: Network, parameters: Parameters | None = None) -> None:
        self.network = network
        self.rate = network.config.learning_rate_exponent
        self.n_samples = 0
        self.traces: list[SampleTrace] | None = None
        neurons = np.arange(network.n_neurons)
        self.random = RandomWords(
            seed=network.config.seed, lanes=network.lanes, addresses=np.concatenate(
                [np.arange(network.n_rows), delta_index(neurons), activation_index(neurons)]))
        self.rounding = network.config.rounding
        self.skip = network.config.zero_skip
        parameters = parameters or initial_weights(network)
        low, high = network.config.rate_range
        rates = range(low, high + 1)
        self._states = [_State(layer, rates, *pair)
                        for layer, pair in zip(network.layers, parameters, strict=True)]

    @property
    def parameters(self) -> Parameters:
        """The present weights and biases, ``W`` [n_out, n_in], int64 copies."""
        return [((s.weight.T if s.layer.by_outputs else s.weight).astype(np.int64), s.bias.copy())
                for s in self._states]

    def infer(self, x: np.ndarray) -> np.ndarray:
        """Return the output codes of a batch, int64 [batch, n_out], for input codes ``x``."""
        for state in self._states:
            w = state.operand if state.layer.by_outputs else state.operand.T
            acc = self._accumulate(state, np.asarray(x, dtype=np.float64) @ w)
            x, _ = self._activate(state, acc)
        return x

    def infer_run(self, x: np.ndarray, progress=None) -> np.ndarray:
        """Return the output codes of each sample, int64 [n, n_out]; keeps traces like training."""
        if self.traces is not None:
            for i, sample in enumerate(x):
                inputs, slopes = self._forward_all(sample)
                self.traces.append(SampleTrace(x=inputs[:-1], slope=slopes, delta=[],
                                               output=inputs[-1]))
                if progress is not None and (i % REPORT == REPORT - 1 or i == len(x) - 1):
                    progress(i + 1, len(x))
        return self.infer(x)

    def train_run(self, x: np.ndarray, target: np.ndarray, progress=None) -> np.ndarray:
        """Take a step for each sample, in order.

        Parameters
        ----------
        x, target : int64 [n, n_in], [n, n_out]
            Input and target codes.
        progress : callable, optional
            Called with the samples done and those of the run, now and then and at the end.

        Returns
        -------
        int64 [n, n_out]
            Output codes before each step.
        """
        outputs = np.empty((len(x), self.network.output.n_out), dtype=np.int64)
        for i, pair in enumerate(zip(x, target, strict=True)):
            trace = self.train(*pair)
            outputs[i] = trace.output
            if self.traces is not None:
                self.traces.append(trace)
            if progress is not None and (i % REPORT == REPORT - 1 or i == len(x) - 1):
                progress(i + 1, len(x))
        return outputs

    def train(self, x: np.ndarray, target: np.ndarray) -> SampleTrace:
        """Take one SGD step on input codes ``x`` [n_in] and target codes ``target`` [n_out]."""
        if self.n_samples:
            self.random.advance()
        self.n_samples += 1
        inputs, slopes = self._forward_all(x)
        top = self._states[-1].layer
        deltas = [output_delta(inputs[-1], slopes[-1], np.asarray(target), top,
                               self.rounding.delta, self._delta_words(top))]
        for state in reversed(self._states):
            i = state.layer.index - 1
            if i:
                below = self._states[i - 1].layer
                acc = self._backward(state, deltas[0])
                delta = hidden_delta(acc, slopes[i - 1], below, state.layer.backward_frac,
                                     self.rounding.delta, self._delta_words(below))
            self._update(state, inputs[i], deltas[0])
            if i:
                deltas.insert(0, delta)
        return SampleTrace(x=inputs[:-1], slope=slopes, delta=deltas, output=inputs[-1])

    def _forward_all(self, x: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the input codes of every layer and the output, and the slopes of every layer."""
        inputs, slopes = [np.asarray(x, dtype=np.int64)], []
        for state in self._states:
            a, slope = self._activate(state, self._forward(state, inputs[-1]))
            inputs.append(a)
            slopes.append(slope)
        return inputs, slopes

    def _forward(self, state: _State, x: np.ndarray) -> np.ndarray:
        if state.layer.by_outputs:
            live = np.flatnonzero(x) if self.skip else slice(None)
            product = x[live].astype(state.operand.dtype) @ state.operand[live]
        else:
            product = state.operand @ x.astype(state.operand.dtype)
        return self._accumulate(state, product)

    @staticmethod
    def _accumulate(state: _State, product: np.ndarray) -> np.ndarray:
        layer = state.layer
        return ((product.astype(np.int64) << layer.product_shift)
                + (state.bias << layer.bias_shift))

    @staticmethod
    def _backward(state: _State, delta: np.ndarray) -> np.ndarray:
        if state.layer.by_outputs:
            product = state.operand @ delta.astype(state.operand.dtype)
        else:
            live = np.flatnonzero(delta)
            product = delta[live].astype(state.operand.dtype) @ state.operand[live]
        return product.astype(np.int64)

    def _activate(self, state: _State, acc: np.ndarray):
        layer = state.layer
        words = None
        if self.rounding.activation is Rounding.STOCHASTIC:
            words = self._store_words(layer, activation_index)
        return activate(acc, layer, self.rounding.activation, words)

    def _delta_words(self, layer: Layer) -> np.ndarray | None:
        if self.rounding.delta is not Rounding.STOCHASTIC:
            return None
        return self._store_words(layer, delta_index)

    def _store_words(self, layer: Layer, index) -> np.ndarray:
        """Return a random word per neuron: by (block, lane) where all lanes store at once."""
        neuron = np.arange(layer.n_out)
        if self.network.stores_in_lanes(layer):
            rows = self.random.rows(index(layer.neuron_base + neuron // layer.lanes))
            return (rows ^ self.random.lane[neuron % layer.lanes]).astype(np.int64)
        rows = self.random.rows(index(layer.neuron_base + neuron))
        return (rows ^ self.random.lane[0]).astype(np.int64)

    def _update(self, state: _State, x: np.ndarray, delta: np.ndarray) -> None:
        layer, mode = state.layer, self.rounding.update
        stochastic = mode is Rounding.STOCHASTIC
        item, side = (x, delta) if layer.by_outputs else (delta, x)
        live = np.flatnonzero(item)
        if len(live):
            step = np.multiply.outer(item[live].astype(state.dtype), side.astype(state.dtype))
            words = state.words(live, self.random) if stochastic else None
            state.weight[live] = _minus(state.weight[live], step, layer.update_shift(self.rate),
                                        layer.formats.weight, mode, words)
            state.refresh(live)
        words = None
        if stochastic:
            if layer.by_outputs:
                words = state.words(np.array([layer.n_in]), self.random)[0]
            else:  # scalar bias memory: the word of the output's first row, lane 0
                words = self.random.rows(layer.row_base + np.arange(layer.n_out))
                words = words ^ self.random.lane[0]
            words = words.astype(np.int64)
        state.bias = _minus(state.bias, delta, layer.bias_update_shift(self.rate),
                            layer.formats.bias, mode, words)


def _minus(weight, step, shift, q, mode, words):
    """Return ``weight - step``: the step is rounded once, the difference saturated once."""
    return saturate(weight - round_shift(step, shift, mode, words), q)
