"""The bit-exact model of engine ``taxonn``: forward, backward and update of SGD in integers.

For each sample, with the notation of README (``delta`` is dE/dz):

    forward    acc = W x + b            a, f' = f(acc)
    loss       delta_L = a - t
    backward   delta_i = (W_{i+1}' delta_{i+1}) f'_i     with the old weights
    update     W -= round(m 2**-k delta x')    b -= round(m 2**-k delta)
    decay      W -= round(2**-d W)              every so many samples

Products and sums are exact; each store rounds once and saturates once (:mod:`taxonn_hw.fixed`).
The matrix products run in float64, exactly: every accumulator is below 2**48.
"""

from dataclasses import dataclass, field

import numpy as np

from ..fixed import RandomWords, Rounding
from ..plan import ConvLayer, Network
from .conv import Convolution
from .dense import Dense
from .neuron import hidden_delta, output_delta
from .profile import RangeProfile
from .rows import Step
from .weights import Parameters, initial_weights

__all__ = ["REPORT", "GoldenModel", "SampleTrace"]

#: Samples between two calls of ``progress``.
REPORT = 256


@dataclass
class SampleTrace:
    """What one training sample did; the timing model reads which codes were zero.

    ``x[i]`` are the input codes of layer ``i`` (from 0), ``slope[i]`` the derivative codes of its
    output, ``delta[i]`` its delta codes, ``output`` the network's output codes.  ``chosen[i]`` is
    the arg-max of its pooling windows, int64 [n_pooled, channels], or None.
    """

    x: list[np.ndarray]
    slope: list[np.ndarray]
    delta: list[np.ndarray]
    output: np.ndarray
    chosen: list[np.ndarray | None] = field(default_factory=list)


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
    rate, multiplier : int
        The step is ``multiplier * 2**-rate``.  May be changed between samples; ``multiplier`` from
        1 to ``layer.multiplier`` of the plan.
    n_samples : int
        Training samples so far; addresses the random words.
    traces : list of SampleTrace or None
        Of all training samples, where it was set to a list.
    profile : RangeProfile or None
        Shown every number before it is stored, where it was set.
    """

    def __init__(self, network: Network, parameters: Parameters | None = None) -> None:
        self.network = network
        self.rate = network.config.learning_rate_exponent
        self.multiplier = network.config.learning_rate_multiplier
        self.n_samples = self._in_batch = 0
        self.traces: list[SampleTrace] | None = None
        self.profile: RangeProfile | None = None
        self.rounding = network.config.rounding
        parameters = parameters or initial_weights(network)
        low, high = network.config.rate_range
        rates = range(low, high + 1)
        self._states = [
            (Convolution if isinstance(layer, ConvLayer) else Dense)(network, layer, rates, *pair)
            for layer, pair in zip(network.layers, parameters, strict=True)]
        addresses = [np.arange(network.n_rows)]
        if self.rounding.activation is Rounding.STOCHASTIC:
            addresses += [state.activation_row.ravel() for state in self._states]
        if self.rounding.delta is Rounding.STOCHASTIC:
            addresses += [state.delta_row.ravel() for state in self._states]
        self.random = RandomWords(seed=network.config.seed, lanes=network.lanes,
                                  addresses=np.concatenate(addresses))

    @property
    def parameters(self) -> Parameters:
        """The present weights and biases, ``W`` of ``layer.weight_shape``, int64 copies."""
        return [state.parameters for state in self._states]

    def infer(self, x: np.ndarray) -> np.ndarray:
        """Return the output codes of a batch, int64 [batch, n_out], for input codes ``x``."""
        for state in self._states:
            x, _ = self._activate(state, state.forward_batch(x))
        return x

    def infer_run(self, x: np.ndarray, progress=None) -> np.ndarray:
        """Return the output codes of each sample, int64 [n, n_out]; keeps traces like training."""
        if self.traces is not None:
            for i, sample in enumerate(x):
                inputs, slopes = self._forward_all(sample)
                self.traces.append(SampleTrace(
                    x=inputs[:-1], slope=slopes, delta=[], output=inputs[-1],
                    chosen=[state.chosen for state in self._states]))
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
            trace = self.train(*pair, last=i == len(x) - 1)
            outputs[i] = trace.output
            if self.traces is not None:
                self.traces.append(trace)
            if progress is not None and (i % REPORT == REPORT - 1 or i == len(x) - 1):
                progress(i + 1, len(x))
        return outputs

    def train(self, x: np.ndarray, target: np.ndarray, *, last: bool = False) -> SampleTrace:
        """Take one SGD step on input codes ``x`` [n_in] and target codes ``target`` [n_out].

        With batches of several samples the step is taken on the last of a batch or of a run
        (``last``), along the sum of the gradients, and rounded once.
        """
        if self.n_samples:
            self.random.advance()
        self.n_samples += 1
        inputs, slopes = self._forward_all(x)
        mode, top, step = self.rounding.delta, self._states[-1], Step(self.rate, self.multiplier)
        if self.profile is not None:
            self.profile.output(top.layer, inputs[-1] - target, slopes[-1])
        deltas = [output_delta(inputs[-1], slopes[-1], np.asarray(target), top.layer, mode,
                               self._delta_words(top))]
        for i in range(len(self._states) - 1, -1, -1):
            state, delta = self._states[i], deltas[0]
            if i:
                below = self._states[i - 1]
                acc, frac = below.incoming(state.backward(delta), state.layer.backward_frac)
                if self.profile is not None:
                    self.profile.delta(below.layer, acc * slopes[i - 1], frac)
                deltas.insert(0, hidden_delta(acc, slopes[i - 1], below.layer, frac, mode,
                                              self._delta_words(below)))
            if self.profile is not None:
                self.profile.step(state, inputs[i], delta, step)
            if self.network.config.batch == 1:
                state.update(inputs[i], delta, step, self.rounding.update, self.random)
            else:
                state.gather(inputs[i], delta)
        self._end_of_sample(step, last)
        return SampleTrace(x=inputs[:-1], slope=slopes, delta=deltas, output=inputs[-1],
                           chosen=[state.chosen for state in self._states])

    def _end_of_sample(self, step: Step, last: bool) -> None:
        """Take the step of a batch that is complete; let weights decay when it is time."""
        config, mode = self.network.config, self.rounding.update
        if config.batch > 1:
            self._in_batch += 1
            if last or self._in_batch == config.batch:
                self._in_batch = 0
                for state in self._states:
                    state.step_batch(step, mode, self.random)
        if config.weight_decay is not None and self.n_samples % config.weight_decay_period == 0:
            for state in self._states:
                state.decay(config.weight_decay, mode, self.random)

    def _forward_all(self, x: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the input codes of every layer and the output, and the slopes of every layer."""
        inputs, slopes = [np.asarray(x, dtype=np.int64)], []
        for state in self._states:
            acc = state.forward(inputs[-1])
            a, slope = self._activate(state, acc)
            if self.profile is not None:
                self.profile.forward(state.layer, inputs[-1], acc, a)
            inputs.append(a)
            slopes.append(slope)
        return inputs, slopes

    def _activate(self, state: Dense | Convolution, acc: np.ndarray):
        mode = self.rounding.activation
        words = state.activation_words(self.random) if mode is Rounding.STOCHASTIC else None
        return state.activate(acc, mode, words)

    def _delta_words(self, state: Dense | Convolution) -> np.ndarray | None:
        if self.rounding.delta is not Rounding.STOCHASTIC:
            return None
        return state.delta_words(self.random)
