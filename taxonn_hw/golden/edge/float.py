"""The float64 reference of engine ``edge``: the same sparse network, pipeline and order.

Losses and their gradients are those of :mod:`taxonn_hw.golden.float`; with ``quadratic`` junctions
the loss of a sigmoid is ``(a - t)^2 / 2``, and ``dE/dz = (a - t) f'(z)``.
"""

import numpy as np

from ...plan.edge.junction import Junction
from ...plan.edge.network import EdgeNetwork
from ..float import activate_real, loss_real
from ..weights import Parameters
from .pipeline import Sample, run
from .weights import initial_weights

__all__ = ["EdgeFloat"]


class _FloatLaw:
    """State and arithmetic of one junction, float64."""

    def __init__(self, junction: Junction, weight: np.ndarray, bias: np.ndarray) -> None:
        self.junction = junction
        self.weight = junction.formats.weight.to_real(weight)
        self.bias = junction.formats.bias.to_real(bias)
        self.left = junction.left
        self.edges = junction.edges_of_left

    def gather(self, x):
        return np.asarray(x, dtype=np.float64).take(self.left, axis=-1)

    def sums(self, edge_x):
        return np.einsum("...ij,ij->...i", edge_x, self.weight) + self.bias

    def forward(self, edge_x, sample):
        return activate_real(self.sums(edge_x), self.junction)

    def output_delta(self, a, slope, sample):
        delta = a - sample.target
        return delta * slope if self.junction.has_derivative_at_output else delta

    def backward(self, delta, slope, sample):
        return (self.weight * delta[:, None]).take(self.edges).sum(axis=0) * slope

    def update(self, edge_x, delta, sample):
        step = 2.0 ** -(sample.rate + self.junction.rate_shift) * delta
        self.weight -= step[:, None] * edge_x
        self.bias -= step


class EdgeFloat:
    """Train and infer in float64.

    Parameters
    ----------
    network : EdgeNetwork
        Sizes, connections, activations, rates; its formats only set the initial weights.
    parameters : Parameters, optional
        Codes to start from; :func:`initial_weights` by default.
    staleness : bool
        Model the junction pipeline; without it each sample passes alone.

    Members
    -------
    rate : int
        Learning-rate exponent of the samples of the next run.
    weights, biases : list of float64 arrays
        ``[n_out, fan_in]`` and ``[n_out]``, one a junction.
    """

    def __init__(self, network: EdgeNetwork, parameters: Parameters | None = None, *,
                 staleness: bool = True) -> None:
        self.network, self.staleness = network, staleness
        self.rate = network.config.learning_rate_exponent
        parameters = parameters or initial_weights(network)
        self._laws = [_FloatLaw(j, *pair) for j, pair in zip(network.layers, parameters,
                                                             strict=True)]

    @property
    def weights(self) -> list[np.ndarray]:
        """Weights of every junction; changing them changes the model."""
        return [law.weight for law in self._laws]

    @property
    def biases(self) -> list[np.ndarray]:
        """Biases of every junction; changing them changes the model."""
        return [law.bias for law in self._laws]

    def infer(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs of a batch, float64 [batch, n_out]."""
        for law in self._laws:
            x, _ = law.forward(law.gather(x), None)
        return x

    def loss(self, x: np.ndarray, target: np.ndarray) -> float:
        """Return the loss of one sample."""
        for law in self._laws[:-1]:
            x, _ = law.forward(law.gather(x), None)
        top = self._laws[-1]
        z = top.sums(top.gather(x))
        if top.junction.quadratic:
            return float(((activate_real(z, top.junction)[0] - target) ** 2 / 2).sum())
        return float(loss_real(z, target, top.junction))

    def deltas(self, x: np.ndarray, target: np.ndarray):
        """Return ``(edge inputs, deltas, output)`` of a sample, without a step.

        The gradient of a junction's weights is its delta [n_out, 1] times its edge inputs
        [n_out, fan_in], that of its biases its delta.
        """
        sample = Sample(target=np.asarray(target), rate=0, words=None, x=[x])
        for law in self._laws:
            sample.edge_x.append(law.gather(sample.x[-1]))
            a, slope = law.forward(sample.edge_x[-1], sample)
            sample.x.append(a)
            sample.slope.append(slope)
        deltas = [self._laws[-1].output_delta(sample.output, sample.slope[-1], sample)]
        for law, slope in zip(self._laws[:0:-1], sample.slope[-2::-1], strict=True):
            deltas.insert(0, law.backward(deltas[0], slope, sample))
        return sample.edge_x, deltas, sample.output

    def train_run(self, x: np.ndarray, target: np.ndarray, progress=None) -> np.ndarray:
        """Take a step for each sample, in order, from an empty pipe to an empty pipe.

        Returns the outputs, float64 [n, n_out], as predicted on the way in.
        """
        outputs = np.empty((len(x), self.network.output.n_out))

        def load(i: int) -> Sample:
            return Sample(target=target[i], rate=self.rate, words=None, x=[x[i]])

        def done(i: int, sample: Sample) -> None:
            outputs[i] = sample.output
            if progress is not None:
                progress(i + 1, len(x))

        run(self._laws, len(x), load, done, staleness=self.staleness)
        return outputs
