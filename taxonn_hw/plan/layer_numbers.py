"""What hardware of kernels has to know of a layer: integers, the same for both kinds of build.

A build of one network has them as constants, a loadable build in a table that the host writes.
:data:`SIZES` are those of geometry and addresses.  :class:`Points` adds, for loadable builds, the
numbers of the arithmetic: how many zeros bring a number to the point at which it is rounded, and
the codes between which a store saturates.
"""

from ..config import Activation
from ..fixed import Pow2Format
from ..fixed.model import RANDOM_BITS
from ..fixed.random import activation_index, delta_index
from .alignment import Alignment
from .conv_program import ConvProgram

__all__ = ["SIZES", "Points", "network_numbers"]


def _hidden(of):
    return lambda p, k: None if k.is_output else of(p, k)


def _above_first(of):
    return lambda p, k: of(p, k) if k.index > 1 else None


#: Name -> (program, layer) -> integer, or None where the layer has no such thing.
SIZES = {
    "height": lambda p, k: p.walk(k).height, "width": lambda p, k: p.walk(k).width,
    "side": lambda p, k: p.walk(k).side,
    "y_step": lambda p, k: p.walk(k).y_step, "x_step": lambda p, k: p.walk(k).x_step,
    "tall": lambda p, k: p.walk(k).pooled_height * p.walk(k).y_step,
    "average": lambda p, k: int(p.walk(k).average),
    "is_conv": lambda p, k: int(p.walk(k).is_conv),
    "chooses": lambda p, k: int(p.walk(k).chooses),
    "every": lambda p, k: int(not p.walk(k).chooses),
    "one": lambda p, k: k.bias_operand,
    "activation_base": lambda p, k: int(activation_index(k.neuron_base)),
    "delta_base": lambda p, k: int(delta_index(k.neuron_base)),
    "image_base": lambda p, k: p.a_base.get(k.index),
    "rows_base": lambda p, k: p.d_base.get(k.index),
    "repeat": _above_first(lambda p, k: p.walks[k.index - 2].deltas),
    "repeat_step": _above_first(lambda p, k: p.network.below(k).n_out),
    "pools_mean": _hidden(lambda p, k: int(p.walk(k).average)),
    "mean_factor": _hidden(lambda p, k: k.mean_factor),
}


def network_numbers(network) -> dict[str, int]:
    """Return what hardware has to know of the whole network."""
    group = network.samples_per_clock
    return {"last_input_beat": -(-network.n_inputs // group) - 1,
            "last_target_beat": -(-network.output.n_out // group) - 1,
            "n_out": network.output.n_out}


class Points:
    """The points at which a loadable build rounds, and the numbers of any layer on it.

    A store drops a number of fraction bits that is fixed when the hardware is made, the largest of
    all layers; a layer that loses fewer has zeros appended before, at run time.

    Parameters
    ----------
    build : Build
        Whose layers decide the points.
    alignment : Alignment
        That of the lanes of the build.

    Members
    -------
    operand, activation, mean, delta : int
        Fraction bits dropped from a weight on its way to the multiplier, a forward sum, a mean, and
        what becomes a delta.
    """

    def __init__(self, build, alignment: Alignment) -> None:
        self.alignment = alignment
        self.rate_range = build.config.rate_range
        pairs = [(network, layer) for network in build.networks for layer in network.layers]
        spare = build.spare_bits
        self.operand = spare + max(_operand_drop(layer) for _, layer in pairs)
        self.activation = spare + max(0, *(layer.activation_drop for _, layer in pairs))
        self.mean = max(layer.mean_shift for _, layer in pairs)
        self.delta = spare + max(0, *(_delta_drop(network, layer) for network, layer in pairs))

    def numbers(self, program: ConvProgram, layer) -> dict[str, int]:
        """Return all numbers of ``layer`` by name; what it does not have is 0.

        Numbers of zeros are negative where the layer loses more than the point of the build.
        """
        f, a, network = layer.formats, self.alignment, program.network
        _, high = self.rate_range
        low_code, high_code = _clip(layer)
        kind = layer.activation
        leak = layer.leak_exponent if kind is Activation.LEAKY_RELU else 0
        zeros = self.activation - layer.activation_drop
        groups = program.walk(layer).groups
        values = {name: of(program, layer) or 0 for name, of in SIZES.items()} | {
            "group_code": groups.bit_length() - 1, "is_output": int(layer.is_output),
            "product_zeros": layer.product_shift, "bias_zeros": layer.bias_shift,
            "operand_zeros": self.operand - _operand_drop(layer), "operand_high": f.operand.hi,
            "weight_high": f.weight.hi, "bias_high": f.bias.hi,
            "offset": 2 << layer.forward_frac if kind is Activation.HARD_SIGMOID else 0,
            "zeros_below": zeros, "zeros_above": zeros + leak,
            "code_low": low_code, "code_high": high_code,
            "slope_below": 1, "slope_above": 1 << leak,
            "mean_zeros": self.mean - layer.mean_shift, "mean_low": f.a.lo, "mean_high": f.a.hi,
        }
        if not network.config.training:
            return values
        drop = _delta_drop(network, layer)
        return values | {
            "step_zeros": a.point - layer.update_shift(high),
            "output_slope": int(layer.is_output and layer.has_derivative_at_output),
            "delta_zeros": self.delta - drop,
            **({"delta_random_zeros": self._random_zeros(drop, f.delta)}
               if isinstance(f.delta, Pow2Format) else {"delta_high": f.delta.hi}),
        }

    def _random_zeros(self, drop: int, delta: Pow2Format) -> int:
        """Zeros below a random word of a power of two, whose lowest bit lies at the lowest that
        the number has, not more than a word below the largest magnitude."""
        deepest = RANDOM_BITS - delta.n_magnitudes + 1
        return min(self.delta, deepest) - max(min(drop, deepest), 0)


def _operand_drop(layer) -> int:
    return layer.formats.weight.frac - layer.formats.operand.frac


def _delta_drop(network, layer) -> int:
    """Fraction bits that a number loses when it becomes a delta of ``layer``."""
    above = None if layer.is_output else network.above(layer)
    return layer.delta_frac(above) - layer.formats.delta.frac


def _clip(layer) -> tuple[int, int]:
    """The codes between which an activation saturates; at either its derivative is zero."""
    q = layer.formats.a
    match layer.activation:
        case Activation.RELU:
            return 0, q.hi
        case Activation.HARD_SIGMOID:
            return 0, q.one
    return q.lo, q.hi
