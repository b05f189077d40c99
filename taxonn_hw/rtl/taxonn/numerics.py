"""Shapes of everything that travels through the array, from the formats of the layers.

Where layers differ in format their codes share a container wide enough for all; a code is an
integer, so a container needs no conversion.
"""

from functools import cached_property

from amaranth.hdl import Shape, signed, unsigned

from ...config import Activation
from ...fixed import Pow2Format
from ...plan import Network
from ...plan.alignment import Alignment
from ...plan.conv_program import ConvProgram
from ...plan.gradients import aligned_bound, gradient_word
from ...plan.loadable import Build
from ...plan.program import Element, Finish, Program
from ..select import common_shape
from .layer_view import FixedView
from .loaded_view import LoadedView

__all__ = ["Numerics", "bounds", "union"]


class Numerics:
    """Containers and constants of one accelerator.

    Parameters
    ----------
    network : Network or Build
        What is built.
    plain : bool
        Forward, backward and update have multipliers of their own (:mod:`.separate_lane`), so
        none of them has the zeros that another one needs.
    like : Numerics, optional
        Hardware whose binary points the network has to do with.

    Members
    -------
    conv : bool
        Every layer runs as a kernel over an image; sums of updates are formed in the lanes.
    batch : int
        Samples whose gradients make one step.
    decay : int or None
        Weights lose ``2**-decay`` of themselves now and then.
    multiplier : int
        Factor of every step beside the power of two; on the scalar of an update.
    pow2 : bool
        Every delta is a power of two: products with it are shifts.
    alignment : Alignment
        Where the binary points lie.
    """

    def __init__(self, network: Network, plain: bool = False,
                 like: "Numerics | None" = None) -> None:
        self.network = network
        self.conv = network.runs_as_kernels
        self.program = self._program()
        self.alignment = Alignment(network, self.program, plain, like and like.alignment)
        self.training = network.config.training
        self.batch = network.config.batch if self.training else 1
        self.decay = network.config.weight_decay if self.training else None
        self.multiplier = network.config.learning_rate_multiplier
        self.layers = network.layers
        self.pow2 = self.training and all(
            isinstance(layer.formats.delta, Pow2Format) for layer in self.layers)
        passes = self.program.passes
        self.has_softmax = any(layer.activation is Activation.SOFTMAX for layer in network.outputs)
        #: Layers whose activations / deltas are stored in all lanes at once.
        self.lane_layers = self.alignment.lane_layers
        self.has_drain = any(p.finish is Finish.DRAIN for p in passes)
        self.has_tree = any(p.finish is Finish.TREE for p in passes)
        #: Layers whose deltas pass through the neuron unit, from above (not from the loss).
        self.unit_hidden = [network.below(p.layer) for p in self.program.backward
                            if p.finish in (Finish.TREE, Finish.DRAIN)]
        self.has_scalar_bias = any(not layer.by_outputs for layer in self.layers)

    def _program(self):
        if isinstance(self.network, Build):
            return self.network.program
        return ConvProgram(self.network) if self.conv else Program(self.network)

    @cached_property
    def view(self):
        """What depends on the layer: constants, or what the host has written."""
        return (LoadedView if isinstance(self.network, Build) else FixedView)(self)

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
    def vector_word(self) -> Shape:
        """One lane of the vector memory: an activation or a delta, as bits."""
        widths = [self.vector_activation.width] if self.program.a_base else []
        return unsigned(max([*widths, self.delta.width] if self.program.d_base else widths or [1]))

    @cached_property
    def factor(self) -> Shape:
        """What is broadcast to the multipliers: the scalar, for updates its negative."""
        if self.alignment.scaled:
            shape = common_shape(*self.alignment.scalar_ranges())
            return Shape(shape.width + self.network.spare_bits, shape.signed)
        if not self.training:
            return self.scalar
        low, high = bounds(self.scalar)
        if self.pow2:
            return common_shape((low * self.multiplier, high * self.multiplier))
        return common_shape((low, high), (-high * self.multiplier, -low * self.multiplier))

    def product_bounds(self, appended: bool) -> dict[Element, int]:
        """Largest magnitude of a product of each element, with the zeros appended to it or not."""
        a, most = self.alignment, dict.fromkeys(Element, 1)
        low, _ = self.network.config.rate_range
        for p in self.program.passes:
            f, layer = p.layer.formats, p.layer
            x = max(f.x.hi, -f.x.lo)
            if p.element is Element.FORWARD:
                zeros = layer.product_shift + a.forward_zeros(layer) if appended else 0
                most[p.element] = max(most[p.element], -f.operand.lo * x << zeros)
                continue
            x = max(x, layer.bias_operand if layer.by_outputs else 0) * self.multiplier
            d = -f.delta.lo
            zeros = a.update_zeros(layer, low) if appended else 0
            most[Element.UPDATE] = max(most[Element.UPDATE], x * d << zeros)
            zeros = a.backward_zeros(layer) if appended else 0
            most[Element.BACKWARD] = max(most[Element.BACKWARD], -f.operand.lo * d << zeros)
        return most

    @cached_property
    def multiplied(self) -> Shape:
        """A product as it leaves the multiplier; where deltas are powers of two only a forward
        one."""
        bounds_of = self.product_bounds(self.alignment.scaled)
        bound = bounds_of[Element.FORWARD] if self.pow2 else max(bounds_of.values())
        spare = self.network.spare_bits if self.alignment.scaled else 0
        return signed(bound.bit_length() + 1 + spare)

    @cached_property
    def gathered(self) -> Shape:
        """A product that enters the adder tree; that of lane 0 may bring a bias."""
        return self.gathered_of(self.program.passes)

    def gathered_of(self, passes, kinds: tuple[Finish, ...] = (Finish.TREE,)) -> Shape:
        """A product of those of ``passes`` whose sums go one of the ways ``kinds``, with a bias."""
        bound = 1
        for p in passes:
            if p.finish not in kinds:
                continue
            f, layer = p.layer.formats, p.layer
            if p.element is Element.FORWARD:
                bound = max(bound, (-f.operand.lo * max(f.x.hi, -f.x.lo) << layer.product_shift)
                            + (-f.bias.lo << layer.bias_shift))
            else:
                bound = max(bound, -f.operand.lo * -f.delta.lo)
        return signed(bound.bit_length() + 1)

    @cached_property
    def accumulator(self) -> Shape:
        """A sum in a lane, zeros and offsets included."""
        bound, a = 1, self.alignment
        for p in self.program.passes:
            if not p.is_spread:
                continue
            if p.element is Element.FORWARD:
                bound = max(bound, (p.layer.forward_bound << a.forward_zeros(p.layer))
                            + a.activation_offset(p.layer))
            else:
                bound = max(bound, (p.layer.backward_bound << a.backward_zeros(p.layer))
                            + ((1 << a.point) if a.rounds_deltas else 0))
        if self.conv and self.training:
            bound = max(bound, self._step_bound())
        return signed(bound.bit_length() + 1 + self.network.spare_bits)

    def _step_bound(self) -> int:
        """Largest magnitude of a batch's gradient, aligned, with the word that it steps from."""
        low, _ = self.network.config.rate_range
        most = max(aligned_bound(layer, self.multiplier, self.alignment.update_zeros(layer, low))
                   for layer in self.layers)
        return self.batch * most + (2 << self.word.width - 1 + self.alignment.point)

    @cached_property
    def gradient(self) -> Shape:
        """One lane of the rows of gradient sums."""
        return signed(gradient_word(self.network, self.alignment.point) + self.network.spare_bits)

    @cached_property
    def total(self) -> Shape:
        """A product, aligned, with what is added to it in one slot: word, bias or offset."""
        a, products = self.alignment, self.product_bounds(True)
        bound = max(*products.values(), -bounds(self.gathered)[0] - 1)
        for layer in self.layers:
            zeros = layer.bias_shift + a.forward_zeros(layer)
            bound = max(bound, (-layer.formats.bias.lo << zeros) + a.activation_offset(layer))
        if self.training:
            bound = max(bound, products[Element.UPDATE] + (1 << self.word.width - 1 + a.point))
        return signed(bound.bit_length() + 1 + self.network.spare_bits)

    def sum_shape(self, kinds: tuple[Finish, ...]) -> Shape:
        """Shape of the sums of all passes whose results go one of the ways ``kinds``."""
        least = 1
        if self.has_softmax:  # its codes take the way of sums
            least = max(layer.formats.a.one for layer in self.network.outputs)
        return self.sum_of(self.program.passes, kinds, least)

    def sum_of(self, passes, kinds: tuple[Finish, ...], least: int = 1) -> Shape:
        """Shape of the sums of those of ``passes``; and of codes up to ``least``."""
        bound = least
        for p in passes:
            if p.finish in kinds:
                forward = p.element is Element.FORWARD
                bound = max(bound, p.layer.forward_bound if forward else p.layer.backward_bound)
        return signed(bound.bit_length() + 1 + self.network.spare_bits)

    @property
    def _formats(self):
        return [layer.formats for layer in self.layers]


def bounds(s: Shape) -> tuple[int, int]:
    """Return the lowest and highest number of a shape."""
    return (-(1 << s.width - 1) if s.signed else 0, (1 << s.width - s.signed) - 1)


def union(a: Shape, b: Shape) -> Shape:
    """Return the shape that holds the codes of both."""
    return common_shape(bounds(a), bounds(b))
