"""Shapes of everything that travels through the array, from the formats of the layers.

Where layers differ in format their codes share a container wide enough for all; a code is an
integer, so a container needs no conversion.
"""

from functools import cached_property

from amaranth.hdl import Shape, signed, unsigned

from ...fixed import Pow2Format
from ...plan import Layer, Network
from ...plan.program import Finish, Program
from ..select import common_shape

__all__ = ["Numerics", "union"]


class Numerics:
    """Containers and constants of one accelerator.

    Parameters
    ----------
    network : Network
        What is built.

    Members
    -------
    pow2 : bool
        Every delta is a power of two: products with it are shifts.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.program = Program(network)
        self.training = network.config.training
        self.layers = network.layers
        self.pow2 = self.training and all(
            isinstance(layer.formats.delta, Pow2Format) for layer in self.layers)
        passes = self.program.passes
        #: Layers whose activations / deltas are stored in all lanes at once.
        self.lane_layers = [p.layer for p in self.program.forward if p.finish is Finish.LANES]
        self.has_drain = any(p.finish is Finish.DRAIN for p in passes)
        self.has_tree = any(p.finish is Finish.TREE for p in passes)
        #: Layers whose deltas pass through the neuron unit, from above (not from the loss).
        self.unit_hidden = [self.layers[p.layer.index - 2] for p in self.program.backward
                            if p.finish in (Finish.TREE, Finish.DRAIN)]
        self.has_scalar_bias = any(not layer.by_outputs for layer in self.layers)

    @cached_property
    def operand(self) -> Shape:
        """Multiplier's view of a weight."""
        return common_shape(*((q.lo, q.hi) for q in (f.operand for f in self._formats)))

    @property
    def word(self) -> Shape:
        """One lane of the weight memory."""
        return signed(self.network.word)

    @cached_property
    def activation(self) -> Shape:
        """Input and hidden activation codes, and the scalar that stands for 1.0."""
        ranges = [(f.x.lo, f.x.hi) for f in self._formats]
        if self.training:
            ranges += [(0, layer.bias_operand) for layer in self.layers if layer.by_outputs]
        return common_shape(*ranges)

    @cached_property
    def vector_activation(self) -> Shape:
        """Activation codes that lie in lanes."""
        return common_shape(*((f.x.lo, f.x.hi) for f in self._formats))

    @cached_property
    def delta(self) -> Shape:
        """Stored delta: a word of sign and field for powers of two, else a code."""
        if self.pow2:
            return unsigned(max(f.delta.width for f in self._formats))
        if not self.training:
            return unsigned(1)
        return common_shape(*((f.delta.lo, f.delta.hi) for f in self._formats))

    @cached_property
    def scalar(self) -> Shape:
        """What is broadcast to the lanes: an activation, or a delta that is no power of two."""
        if self.pow2 or not self.training:
            return self.activation
        return union(self.activation, self.delta)

    @cached_property
    def vector(self) -> Shape:
        """What each lane brings: an activation, or a delta that is no power of two."""
        if self.pow2 or not self.training:
            return self.vector_activation
        return union(self.vector_activation, self.delta)

    @cached_property
    def product(self) -> Shape:
        """A product, aligned for its accumulator."""
        bound = 0
        for layer in self.layers:
            f = layer.formats
            x, d = max(f.x.hi, -f.x.lo), -f.delta.lo
            bound = max(bound, -f.operand.lo * x << layer.product_shift,
                        -f.bias.lo << layer.bias_shift if layer.by_outputs else 0)
            if self.training:
                bound = max(bound, -f.operand.lo * d, x * d, d * (
                    layer.bias_operand if layer.by_outputs else 0))
        return signed(bound.bit_length() + 1)

    def sum_shape(self, kinds: tuple[Finish, ...]) -> Shape:
        """Accumulator wide enough for all passes whose results go one of the ways ``kinds``."""
        bounds = [1]
        for p in self.program.passes:
            if p.finish in kinds:
                forward = p in self.program.forward
                bounds.append(p.layer.forward_bound if forward else p.layer.backward_bound)
        return signed(max(bounds).bit_length() + 1)

    @property
    def step_shift(self) -> int:
        """Fraction bits that an aligned step loses; every step is aligned to this."""
        _, high = self.network.config.rate_range
        return max(0, *(layer.update_shift(high) for layer in self.layers))

    def step_alignment(self, layer: Layer) -> int:
        """Zeros appended to a step of ``layer`` at the highest learning-rate exponent."""
        _, high = self.network.config.rate_range
        return self.step_shift - layer.update_shift(high)

    @property
    def _formats(self):
        return [layer.formats for layer in self.layers]


def union(a: Shape, b: Shape) -> Shape:
    """Return the shape that holds the codes of both."""

    def bounds(s: Shape) -> tuple[int, int]:
        return (-(1 << s.width - 1) if s.signed else 0, (1 << s.width - s.signed) - 1)
    return common_shape(bounds(a), bounds(b))
