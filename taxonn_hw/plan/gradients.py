"""Sums of gradients: what the hardware keeps beside the weights until a batch takes its step.

A gradient is added to its batch aligned as it will be stepped, by the learning rate of the run: a
run ends its last batch, so no batch sees two rates.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .network import Network

__all__ = ["aligned_bound", "gradient_word"]


def aligned_bound(layer, multiplier: int, zeros: int) -> int:
    """Largest magnitude of a weight's or bias's gradient in one sample, aligned.

    ``update_terms`` products of the largest scalar (an input, or what stands for 1 at a bias), the
    multiplier of steps and the largest delta, with ``zeros`` appended.
    """
    f = layer.formats
    scalar = max(f.x.hi, -f.x.lo, layer.bias_operand if layer.by_outputs else 0)
    return layer.update_terms * multiplier * scalar * -f.delta.lo << zeros


def gradient_word(network: "Network", point: int | None = None) -> int:
    """Return the bits of a lane of the rows of sums; 0 where every sample takes a step.

    A row holds the gradients of all samples of a batch but the last, at most ``batch - 1`` times
    :func:`aligned_bound` and a sign, so no sum overflows.  Zeros are appended up to the layer and
    rate whose step loses most fraction bits, or to ``point``.
    """
    config = network.config
    if config.batch == 1 or not config.training:
        return 0
    low, high = config.rate_range
    if point is None:
        point = max(0, *(layer.update_shift(high) for layer in network.layers))
    bound = max(aligned_bound(layer, config.learning_rate_multiplier,
                              point - layer.update_shift(low)) for layer in network.layers)
    return ((config.batch - 1) * bound).bit_length() + 1
