"""Initial weights and biases of a sparse network: Glorot normal (algorithms 2.8)."""

import numpy as np

from ...plan.edge.junction import Junction
from ...plan.edge.network import EdgeNetwork
from ..weights import Parameters

__all__ = ["initial_weights"]

_SEED = 0x1417


def initial_weights(network: EdgeNetwork) -> Parameters:
    """Return the weights [n_out, fan_in] and biases [n_out] at the start, quantised.

    Deviation ``sqrt(2 / (fan_out + fan_in))``, biases alike.  With ``edge.initial = "shared"`` one
    list of C values is the content of every weight memory of a junction, so that all edges of a
    clock start equal, and its first values that of every bias memory; else each value is drawn
    alone.  A pure function of the configuration's seed; a weight that the operand format could not
    show to the multiplier starts at its edge.
    """
    shared = network.config.edge.initial == "shared"
    parameters = []
    for junction in network.layers:
        rng = np.random.default_rng([network.config.seed, _SEED, junction.index])
        deviation = np.sqrt(2 / (junction.fan_out + junction.fan_in))
        if shared:
            values = rng.normal(0, deviation, junction.cycles)
            weight = np.repeat(values, junction.z)
            bias = np.repeat(values[:junction.n_groups], junction.neurons_per_clock)
        else:
            weight = rng.normal(0, deviation, junction.n_edges)
            bias = rng.normal(0, deviation, junction.n_out)
        parameters.append((_codes(junction, weight).reshape(junction.weight_shape),
                           junction.formats.bias.quantize(bias)))
    return parameters


def _codes(junction: Junction, weight: np.ndarray) -> np.ndarray:
    f = junction.formats
    weight = np.clip(weight, f.operand.to_real(f.operand.lo), f.operand.to_real(f.operand.hi))
    return f.weight.quantize(weight)
