"""The range of every signal of every layer over a training run, against what its format holds.

A signal is seen as the real number that is about to be stored, before it is rounded and saturated:

    input        input codes of the first layer
    activation   f(z) of the exact sum (hard sigmoid and tables: the stored code)
    delta        (W' delta) f' or the output error
    step         m 2**-k times the exact gradient of a weight in one sample
    weight, bias as they are stored

Set a :class:`RangeProfile` as ``profile`` of a golden model, train, and take :meth:`facts`.
"""

import numpy as np

from ..config import Activation
from .rows import Step

__all__ = ["SIGNALS", "RangeProfile", "Signal"]

#: Signals in the order of reports.
SIGNALS = ("input", "weight", "bias", "activation", "delta", "step")
_EXPONENTS = 64  # a histogram counts floor(log2 |value|) from -_EXPONENTS to _EXPONENTS - 1
_EVERY = 16  # samples between two that are counted in histograms and whose weights are looked at


class Signal:
    """What was seen of one signal of one layer.

    Members
    -------
    lo, hi : float
        Lowest and highest value.
    counts : int64 array
        Values by ``floor(log2 |value|)``, of every 16th sample.
    zeros, n, outside : int
        Of those samples: zeros, all values, and values beyond the codes of ``fmt``.
    """

    def __init__(self, fmt) -> None:
        self.fmt = fmt
        self.lo, self.hi = 0.0, 0.0
        self.counts = np.zeros(2 * _EXPONENTS, dtype=np.int64)
        self.zeros = self.n = self.outside = 0

    def see(self, codes: np.ndarray, frac: int, count: bool) -> None:
        """Take in ``codes`` with ``frac`` fraction bits; ``count`` them, or only their range."""
        unit = 2.0**-frac
        self.lo = min(self.lo, float(codes.min()) * unit)
        self.hi = max(self.hi, float(codes.max()) * unit)
        if not count:
            return
        values = np.ravel(codes) * unit
        exponents = np.frexp(values)[1] - 1
        live = values != 0
        self.counts += np.bincount(np.clip(exponents[live], -_EXPONENTS, _EXPONENTS - 1)
                                   + _EXPONENTS, minlength=2 * _EXPONENTS)
        self.zeros += len(values) - int(np.count_nonzero(live))
        self.n += len(values)
        lsb = 2.0**-self.fmt.frac
        self.outside += int(np.count_nonzero(
            (values >= (self.fmt.hi + 0.5) * lsb) | (values < (self.fmt.lo - 0.5) * lsb)))

    def facts(self) -> dict:
        """Return what was seen as JSON values; shares are of the counted values."""
        counted = np.flatnonzero(self.counts)
        return {"format": str(self.fmt), "min": self.lo, "max": self.hi,
                "zeros": self.zeros / max(self.n, 1), "saturated": self.outside / max(self.n, 1),
                "log2": {str(i - _EXPONENTS): self.counts[i] / self.n for i in counted}}


class RangeProfile:
    """Ranges of all signals of a network.

    Parameters
    ----------
    network : Network
    """

    def __init__(self, network) -> None:
        self.network = network
        self.n_samples = 0
        self.signals: list[dict[str, Signal]] = []
        for layer in network.layers:
            f = layer.formats
            formats = {"weight": f.weight, "bias": f.bias, "activation": f.a, "delta": f.delta,
                       "step": f.weight}
            if layer.index == 1:
                formats["input"] = f.x
            self.signals.append({name: Signal(formats[name]) for name in SIGNALS
                                 if name in formats})

    @property
    def _counted(self) -> bool:
        return self.n_samples % _EVERY == 1

    def forward(self, layer, x: np.ndarray, acc: np.ndarray, a: np.ndarray) -> None:
        """See the input codes, accumulators and stored activations of a layer."""
        signals = self.signals[layer.index - 1]
        if layer.index == 1:
            self.n_samples += 1
            signals["input"].see(x, layer.formats.x.frac, self._counted)
        frac = layer.forward_frac
        match layer.activation:
            case Activation.RELU:
                value = np.maximum(acc, 0)
            case Activation.LEAKY_RELU:
                value = np.where(acc < 0, acc, acc << layer.leak_exponent)
                frac += layer.leak_exponent
            case Activation.IDENTITY:
                value = acc
            case _:
                value, frac = a, layer.formats.a.frac
        signals["activation"].see(value, frac, self._counted)

    def output(self, layer, error: np.ndarray, slope: np.ndarray) -> None:
        """See the error of the outputs, codes of the activation."""
        if layer.has_derivative_at_output:
            self.delta(layer, error * slope, layer.formats.a.frac)
        else:
            self.signals[layer.index - 1]["delta"].see(error, layer.formats.a.frac, self._counted)

    def delta(self, layer, value: np.ndarray, frac: int) -> None:
        """See the deltas of a layer; ``value`` includes the derivative code, ``frac`` does not."""
        self.signals[layer.index - 1]["delta"].see(value, frac + layer.derivative_frac,
                                                   self._counted)

    def step(self, state, x: np.ndarray, delta: np.ndarray, step: Step) -> None:
        """See weights and biases, and the steps that the weights are about to take."""
        layer = state.layer
        f, signals = layer.formats, self.signals[layer.index - 1]
        signals["step"].see(state.gradient(x, delta) * step.multiplier,
                            f.x.frac + f.delta.frac + step.rate + layer.rate_shift, self._counted)
        if self._counted:
            signals["weight"].see(state.weight, f.weight.frac, True)
            signals["bias"].see(state.bias, f.bias.frac, True)

    def facts(self) -> dict:
        """Return the profile as JSON values."""
        config = self.network.config
        return {
            "name": config.name, "samples": self.n_samples,
            "layers": [{"index": layer.index, "label": str(spec.label),
                        "operand": str(layer.formats.operand),
                        "signals": {name: signal.facts() for name, signal in seen.items()}}
                       for layer, spec, seen in zip(self.network.layers, config.layers,
                                                    self.signals, strict=True)]}
