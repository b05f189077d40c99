"""Weights and biases of a network: initial values, and the layout that users see.

A *parameter set* is a list of ``(W, b)`` pairs, one a layer: ``W`` int64 ``[n_out, n_in]`` codes
of the stored weight, ``b`` int64 ``[n_out]`` codes of the bias; of a convolution ``[channels,
n_taps]`` and ``[channels]``.  How they lie in rows and lanes is
the business of :mod:`taxonn_hw.plan.layout`.
"""

import numpy as np

from ..plan import Network

__all__ = ["Parameters", "initial_weights"]

Parameters = list[tuple[np.ndarray, np.ndarray]]


def initial_weights(network: Network) -> Parameters:
    """Return He-normal weights (Glorot at the output) and zero biases, quantised.

    A pure function of the configuration's seed; a weight that the operand format could not show
    to the multiplier starts at its edge.
    """
    rng = np.random.default_rng([network.config.seed, 0x1417])
    parameters = []
    for layer in network.layers:
        fan = layer.fan_in / 2 if not layer.is_output else (layer.n_in + layer.n_out) / 2
        weights = rng.normal(0, 1 / np.sqrt(fan), layer.weight_shape)
        operand = layer.formats.operand
        weights = np.clip(weights, operand.to_real(operand.lo), operand.to_real(operand.hi))
        parameters.append((layer.formats.weight.quantize(weights),
                           np.zeros(layer.weight_shape[0], dtype=np.int64)))
    return parameters
