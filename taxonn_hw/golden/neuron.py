"""What happens to one neuron's accumulator: activation, derivative, loss and delta.

All functions take int64 codes and are vectorised over any leading axes (softmax takes all outputs
of a sample in the last one); the random words of stochastic rounding are arguments.
"""

import numpy as np

from ..config import Activation
from ..fixed import Pow2Format, Rounding, quantize_pow2, requantize
from ..plan.arithmetic import LayerArithmetic
from .softmax import softmax_codes

__all__ = ["activate", "derivative_code", "hidden_delta", "output_delta", "quantize_code"]


def activate(acc, layer: LayerArithmetic, mode: Rounding, random=None):
    """Return ``(a, f')`` for forward accumulators: activation and derivative codes.

    ``acc`` has ``layer.forward_frac`` fraction bits, ``f'`` ``layer.derivative_frac``.  The
    derivative follows from the stored code ``a`` (from the table index, for tables), so a
    saturated output has derivative zero.
    """
    if layer.activation is Activation.SOFTMAX:
        a = softmax_codes(acc, layer, mode, random)
        return a, np.ones_like(a)  # the derivative is in the loss
    if layer.activation.is_table:
        table_a, table_slope = layer.table
        z = requantize(acc, layer.activation_drop, layer.table_format, mode, random)
        index = z - layer.table_format.lo
        return table_a[index], table_slope[index]
    a = quantize_code(acc, layer, mode, random)
    return a, derivative_code(a, layer)


def quantize_code(acc, layer: LayerArithmetic, mode: Rounding, random=None):
    """Return the activation codes for forward accumulators, tables excepted."""
    q, drop = layer.formats.a, layer.activation_drop
    match layer.activation:
        case Activation.RELU:
            return np.maximum(requantize(acc, drop, q, mode, random), 0)
        case Activation.LEAKY_RELU:
            sloped = np.where(acc < 0, acc, acc << layer.leak_exponent)
            return requantize(sloped, drop, q, mode, random)
        case Activation.HARD_SIGMOID:  # (z + 2) / 4
            a = requantize(acc + (2 << layer.forward_frac), drop, q, mode, random)
            return np.clip(a, 0, q.one)
        case _:
            return requantize(acc, drop, q, mode, random)


def derivative_code(a, layer: LayerArithmetic):
    """Return the derivative code that belongs to a stored activation code, tables excepted."""
    q = layer.formats.a
    match layer.activation:
        case Activation.RELU:
            return ((a > 0) & (a < q.hi)).astype(np.int64)
        case Activation.LEAKY_RELU:
            slope = np.where(a > 0, 1 << layer.leak_exponent, 1)
            return np.where((a > q.lo) & (a < q.hi), slope, 0)
        case Activation.HARD_SIGMOID:
            return ((a > 0) & (a < q.one)).astype(np.int64)
        case _:
            return ((a > q.lo) & (a < q.hi)).astype(np.int64)


def output_delta(a, slope, target, layer: LayerArithmetic, mode: Rounding, random=None):
    """Return the delta codes of the output layer: ``a - t``, times ``f'`` for unmatched units.

    ``target`` holds codes of the output's activation format.
    """
    error, frac = a - target, layer.formats.a.frac
    if layer.has_derivative_at_output:
        error, frac = error * slope, frac + layer.derivative_frac
    return _quantize_delta(error, frac, layer, mode, random)


def hidden_delta(acc, slope, layer: LayerArithmetic, frac: int, mode: Rounding, random=None):
    """Return the delta codes of a hidden layer: ``(W' delta) f'``.

    ``frac`` is the ``backward_frac`` of the layer above, whose accumulators ``acc`` are.
    """
    return _quantize_delta(acc * slope, frac + layer.derivative_frac, layer, mode, random)


def _quantize_delta(value, frac, layer, mode, random):
    fmt = layer.formats.delta
    if isinstance(fmt, Pow2Format):
        return quantize_pow2(value, frac - fmt.frac, fmt, mode, random)
    return requantize(value, frac - fmt.frac, fmt, mode, random)
