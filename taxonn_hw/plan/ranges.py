"""Accumulators of bounded width, and formats that do not lie too far apart.

A store drops ``shift`` fraction bits of a number of known bound, or appends zeros when negative.
Formats that people use stay far inside these limits; with all others the 64-bit integers of the
golden model would wrap.
"""

from collections.abc import Iterator

from ..config import Activation
from ..errors import UserError
from .conv import ConvLayer

__all__ = ["check_ranges"]

MAX_ACCUMULATOR = 48  # bits; its products are exact in float64
MAX_BITS = 60  # of a number with the zeros that are appended to it
MAX_DROP = 48  # fraction bits that one store may lose


def check_ranges(layers, rates: tuple[int, int]) -> None:
    """Raise :class:`UserError` when an accumulator is too wide or a store moves it too far.

    Parameters
    ----------
    layers : sequence of Layer
        From input to output.
    rates : tuple of int
        Lowest and highest learning-rate exponent.
    """
    for layer in layers:
        f, where = layer.formats, f"layer {layer.index}"
        sums = [("forward", layer.forward_bound),
                ("backward", layer.backward_bound * layer.derivative_bound)]
        if isinstance(layer, ConvLayer):
            sums.append(("kernel gradient", layer.gradient_bound))
        for what, bound in sums:
            width = bound.bit_length() + 1
            if width > MAX_ACCUMULATOR:
                raise UserError(f"{where}: the {what} accumulator needs {width} bits, at most "
                                f"{MAX_ACCUMULATOR} are allowed")
        if f.weight.frac - f.operand.frac >= f.weight.width:
            raise UserError(f"{where}: the operand {f.operand} sees no bit of the stored weight "
                            f"{f.weight}")
        if layer.is_output and f.a.one == 0:
            raise UserError(f"{where}: the output {f.a} has no code above zero for the target 1.0")
        above = None if layer.is_output else layers[layer.index]
        for what, bound, shift in _stores(layer, above, rates):
            if shift > MAX_DROP:
                raise UserError(f"{where}: the {what} would lose {shift} fraction bits in one "
                                f"store, at most {MAX_DROP} are allowed")
            width = bound.bit_length() + 1 + max(-shift, 0)
            if width > MAX_BITS:
                raise UserError(f"{where}: the {what} needs {width} bits before it is stored, at "
                                f"most {MAX_BITS} are allowed")


def _stores(layer, above, rates: tuple[int, int]) -> Iterator[tuple[str, int, int]]:
    """Yield what is stored, its largest magnitude, and the fraction bits that it loses."""
    f = layer.formats
    two = 2 << max(layer.forward_frac, 0)  # hard sigmoid adds 2
    leak = layer.leak_exponent if layer.activation is Activation.LEAKY_RELU else 0
    frac = layer.table_format.frac if layer.activation.is_table else f.a.frac
    yield "activation", layer.forward_bound + two << leak, layer.forward_frac + leak - frac
    if above is None:
        error = f.a.hi - f.a.lo
        error *= layer.derivative_bound if layer.has_derivative_at_output else 1
    else:
        error = above.backward_bound * layer.derivative_bound * layer.mean_factor
    yield "delta", error, layer.delta_frac(above) - f.delta.frac
    for rate in rates:
        yield "weight step", layer.step_bound, layer.update_shift(rate)
        yield "bias step", (layer.batch * layer.multiplier * layer.update_terms * -f.delta.lo
                            ), layer.bias_update_shift(rate)
    if layer.mean_shift:  # the mean of a window of codes
        yield "mean", max(f.a.hi, -f.a.lo) << layer.mean_shift + 1, layer.mean_shift
