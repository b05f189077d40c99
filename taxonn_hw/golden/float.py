"""The float64 reference: the same network, loss, start and order, without quantisation.

With ``z = W x + b``, ``a = f(z)`` and the targets ``t`` the losses are (sums over the outputs)

    identity       (a - t)^2 / 2                                dE/dz = a - t
    sigmoid        ln(1 + e^z) - t z                            dE/dz = a - t
    hard sigmoid   F(z) - t z,  F the integral of f             dE/dz = a - t
    softmax        ln(sum e^z) - t z, for t of sum 1            dE/dz = a - t
    others         (a - t)^2 / 2                                dE/dz = (a - t) f'(z)

so the output unit and its loss are those of the configuration.  Plain SGD with the configuration's
batches and weight decay, step ``m 2**-(k + rate_shift)`` times the sum of a batch's gradients.
"""

import numpy as np

from ..config import Activation
from ..plan import ConvLayer, Network
from ..plan.arithmetic import LayerArithmetic
from .conv_float import image_sums, input_gradient, kernel_gradient, pool_image
from .weights import Parameters, initial_weights

__all__ = ["FloatModel", "activate_real", "loss_real"]

_CHUNK = 1 << 21  # numbers under the taps of a batch that are gathered at once


def activate_real(z: np.ndarray, layer: LayerArithmetic) -> tuple[np.ndarray, np.ndarray]:
    """Return ``(f(z), f'(z))`` of the activation of ``layer``, float64."""
    match layer.activation:
        case Activation.RELU:
            return np.maximum(z, 0), (z > 0).astype(np.float64)
        case Activation.LEAKY_RELU:
            slope = np.where(z > 0, 1.0, 2.0**-layer.leak_exponent)
            return z * slope, slope
        case Activation.HARD_SIGMOID:
            return np.clip((z + 2) / 4, 0, 1), np.where(np.abs(z) < 2, 0.25, 0.0)
        case Activation.SIGMOID:
            a = 0.5 + 0.5 * np.tanh(z / 2)
            return a, a * (1 - a)
        case Activation.TANH:
            a = np.tanh(z)
            return a, 1 - a * a
        case Activation.SOFTMAX:
            e = np.exp(z - z.max(axis=-1, keepdims=True))
            return e / e.sum(axis=-1, keepdims=True), np.ones_like(z)  # derivative: in the loss
        case _:
            return z, np.ones_like(z)


def loss_real(z: np.ndarray, target: np.ndarray, layer: LayerArithmetic) -> np.ndarray:
    """Return the loss of output ``layer`` at ``z`` [..., n_out], summed over the outputs."""
    match layer.activation:
        case Activation.SIGMOID:
            terms = np.logaddexp(0, z) - target * z
        case Activation.HARD_SIGMOID:
            integral = np.where(z > 2, z, np.maximum(z + 2, 0) ** 2 / 8)
            terms = integral - target * z
        case Activation.SOFTMAX:
            high = z.max(axis=-1)
            total = np.exp(z - high[..., None]).sum(axis=-1)
            return (high + np.log(total)) * target.sum(axis=-1) - (target * z).sum(axis=-1)
        case _:
            terms = (activate_real(z, layer)[0] - target) ** 2 / 2
    return terms.sum(axis=-1)


class FloatModel:
    """Train and infer in float64.

    Parameters
    ----------
    network : Network
        Sizes, activations, rates; its formats only set the initial weights.
    parameters : Parameters, optional
        Codes to start from; :func:`initial_weights` by default, so that it starts where the golden
        model does.

    Members
    -------
    weights, biases : list of float64 arrays
        ``[n_out, n_in]`` and ``[n_out]``, one a layer; of a conv layer ``[channels, n_taps]`` and
        ``[channels]``.
    """

    def __init__(self, network: Network, parameters: Parameters | None = None) -> None:
        self.network = network
        self.rate = network.config.learning_rate_exponent
        self.multiplier = network.config.learning_rate_multiplier
        self.n_samples, self._batch = 0, []
        parameters = parameters or initial_weights(network)
        pairs = list(zip(network.layers, parameters, strict=True))
        self.weights = [layer.formats.weight.to_real(w) for layer, (w, _) in pairs]
        self.biases = [layer.formats.bias.to_real(b) for layer, (_, b) in pairs]
        self._widest = max((layer.geometry.taps.size for layer in network.layers
                            if isinstance(layer, ConvLayer)), default=0)

    def infer(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs of a batch, float64 [batch, n_out]."""
        parts = -(-len(x) // max(_CHUNK // max(self._widest, 1), 1))
        return np.concatenate([self._infer(part) for part in np.array_split(x, max(parts, 1))])

    def _infer(self, x: np.ndarray) -> np.ndarray:
        for i in range(len(self.weights)):
            x, _ = self._forward(i, x)
        return x

    def loss(self, x: np.ndarray, target: np.ndarray) -> float:
        """Return the loss of one sample."""
        for i in range(len(self.weights) - 1):
            x, _ = self._forward(i, x)
        return float(loss_real(self._sums(-1, x), target, self.network.output))

    def _sums(self, i: int, x: np.ndarray) -> np.ndarray:
        """Return the pre-activations of layer ``i`` (from 0)."""
        layer, weight, bias = self.network.layers[i], self.weights[i], self.biases[i]
        if isinstance(layer, ConvLayer):
            return image_sums(x, weight, bias, layer)
        return np.asarray(x, dtype=np.float64) @ weight.T + bias

    def _forward(self, i: int, x: np.ndarray):
        """Return the output of layer ``i`` and the function from its gradient to the delta."""
        layer = self.network.layers[i]
        a, slope = activate_real(self._sums(i, x), layer)
        if isinstance(layer, ConvLayer):
            return pool_image(a, slope, layer)
        return a, lambda da: da * slope

    def deltas(self, x: np.ndarray, target: np.ndarray):
        """Return ``(inputs, deltas, output)``: of each layer its input and ``dE/dz``.

        The gradient of ``W`` is the outer product of a dense layer's delta and input, that of ``b``
        its delta; of a conv layer see :func:`taxonn_hw.golden.conv_float.kernel_gradient`.
        """
        layers = self.network.layers
        inputs, backs = [np.asarray(x, dtype=np.float64)], []
        for i in range(len(layers)):
            a, back = self._forward(i, inputs[-1])
            inputs.append(a)
            backs.append(back)
        delta = inputs[-1] - target
        deltas = [backs[-1](delta) if self.network.output.has_derivative_at_output else delta]
        for i in range(len(layers) - 1, 0, -1):
            if isinstance(layers[i], ConvLayer):
                gradient = input_gradient(self.weights[i], deltas[0], layers[i])
            else:
                gradient = deltas[0] @ self.weights[i]
            deltas.insert(0, backs[i - 1](gradient))
        return inputs[:-1], deltas, inputs[-1]

    def train_run(self, x: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Take a step for each sample, in order; return the outputs, float64 [n, n_out]."""
        return np.array([self.train(*pair, last=i == len(x) - 1)
                         for i, pair in enumerate(zip(x, target, strict=True))])

    def train(self, x: np.ndarray, target: np.ndarray, *, last: bool = False) -> np.ndarray:
        """Take one SGD step; return the output before it, float64 [n_out].

        With batches the step comes with the last sample of a batch, or of a run (``last``).
        """
        config = self.network.config
        inputs, deltas, output = self.deltas(x, target)
        self.n_samples += 1
        if config.batch == 1:
            for i, layer in enumerate(self.network.layers):
                self._step(i, layer, inputs[i], deltas[i])
        else:
            self._batch.append((inputs, deltas))
            if last or len(self._batch) == config.batch:
                for inputs, deltas in self._batch:
                    for i, layer in enumerate(self.network.layers):
                        self._step(i, layer, inputs[i], deltas[i])
                self._batch = []
        if config.weight_decay is not None and self.n_samples % config.weight_decay_period == 0:
            for weight in self.weights:
                weight *= 1 - 2.0**-config.weight_decay
        return output

    def _step(self, i: int, layer, x: np.ndarray, delta: np.ndarray) -> None:
        """Take the step along the gradient of one sample in layer ``i``."""
        rate = self.multiplier * 2.0 ** -(self.rate + layer.rate_shift)
        if isinstance(layer, ConvLayer):
            weight, bias = kernel_gradient(x, delta, layer)
            self.weights[i] -= rate * weight
            self.biases[i] -= rate * bias
            return
        step, live = rate * delta, np.flatnonzero(x)
        if 2 * len(live) < len(x):  # adding zeros is the slow part of MNIST
            self.weights[i][:, live] -= np.multiply.outer(step, x[live])
        else:
            self.weights[i] -= np.multiply.outer(step, x)
        self.biases[i] -= step
