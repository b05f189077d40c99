"""The bit-exact model of engine ``edge``: sparse junctions, pipelined, learning online.

The law is :mod:`.improved` or :mod:`.compatible`, the order of events :mod:`.pipeline`.
"""

import numpy as np

from ...fixed import Rounding
from ...plan.edge.network import EdgeNetwork
from ..model import REPORT, SampleTrace
from ..weights import Parameters
from .compatible import CompatibleLaw
from .improved import ImprovedLaw
from .pipeline import Sample, run
from .weights import initial_weights
from .words import WordSource

__all__ = ["EdgeModel"]

_BATCH_EDGES = 1 << 20  # edges of an inference that are gathered at once


class EdgeModel:
    """Train and infer, bit-exact to the hardware.

    Parameters
    ----------
    network : EdgeNetwork
        What to model.
    parameters : Parameters, optional
        Initial weights [n_out, fan_in] and biases; default :func:`initial_weights`.
    staleness : bool
        Model the junction pipeline; without it each sample passes alone, which no hardware does:
        for comparison.

    Members
    -------
    rate : int
        Learning-rate exponent of the samples of the next run.
    n_samples : int
        Training samples so far; addresses the random words.
    traces : list of SampleTrace or None
        Of all training samples, where it was set to a list.
    """

    def __init__(self, network: EdgeNetwork, parameters: Parameters | None = None, *,
                 staleness: bool = True) -> None:
        self.network, self.staleness = network, staleness
        config = network.config
        self.rate = config.learning_rate_exponent
        self.n_samples = 0
        self.traces: list[SampleTrace] | None = None
        parameters = parameters or initial_weights(network)
        self._source = None
        pairs = list(zip(network.layers, (None, *network.layers[:-1]), parameters, strict=True))
        if network.compatible:
            self._laws = [CompatibleLaw(j, below, *pair) for j, below, pair in pairs]
            return
        modes = (config.rounding.activation, config.rounding.delta, config.rounding.update)
        if Rounding.STOCHASTIC in modes:
            self._source = WordSource(network)
        rates = range(config.rate_range[0], config.rate_range[1] + 1)
        self._laws = [ImprovedLaw(j, below, *pair, rates, config.rounding, self._source)
                      for j, below, pair in pairs]

    @property
    def parameters(self) -> Parameters:
        """The present weights and biases, ``W`` [n_out, fan_in], int64 copies."""
        return [(law.weight.astype(np.int64), law.bias.astype(np.int64)) for law in self._laws]

    def train_run(self, x: np.ndarray, target: np.ndarray, progress=None, *,
                  rates: np.ndarray | None = None) -> np.ndarray:
        """Take a step for each sample, in order, from an empty pipe to an empty pipe.

        Parameters
        ----------
        x, target : int64 [n, n_in], [n, n_out]
            Input and target codes.
        progress : callable, optional
            Called with the samples done and those of the run, now and then and at the end.
        rates : int [n], optional
            Learning-rate exponent of each sample; :attr:`rate` by default.

        Returns
        -------
        int64 [n, n_out]
            Output codes of each sample, as predicted on its way in.
        """
        n = len(x)
        outputs = np.empty((n, self.network.output.n_out), dtype=np.int64)

        def load(i: int) -> Sample:
            self.n_samples += 1
            return Sample(target=target[i], rate=self.rate if rates is None else int(rates[i]),
                          words=self._source.take() if self._source else None, x=[x[i]])

        def done(i: int, sample: Sample) -> None:
            outputs[i] = sample.output
            if self.traces is not None:
                self.traces.append(SampleTrace(x=sample.x[:-1], slope=sample.slope,
                                               delta=sample.delta, output=sample.output))
            if progress is not None and (i % REPORT == REPORT - 1 or i == n - 1):
                progress(i + 1, n)

        run(self._laws, n, load, done, staleness=self.staleness)
        return outputs

    def infer(self, x: np.ndarray) -> np.ndarray:
        """Return the output codes of a batch, int64 [batch, n_out], for input codes ``x``."""
        batch = max(_BATCH_EDGES // max(j.n_edges for j in self.network.layers), 1)
        outputs = [np.zeros((0, self.network.output.n_out), dtype=np.int64)]
        words = self._source.present() if self._source else None
        for start in range(0, len(x), batch):
            a = np.asarray(x[start:start + batch])
            sample = Sample(target=None, rate=self.rate, words=words, x=[])
            for law in self._laws:
                a, _ = law.forward(law.gather(a), sample)
            outputs.append(a)
        return np.concatenate(outputs)
