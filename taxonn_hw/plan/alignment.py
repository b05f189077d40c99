"""Where the binary points of the lanes lie, so that shifts are wires and roundings are shared.

Every sum that a lane rounds is aligned to one *point*: that many fraction bits are dropped.

* An update adds ``-(x delta)`` to the stored weight, whose code lies above the point, and to the
  complement of what rounding would add (:func:`taxonn_hw.fixed.gates.step_addend`).
* Where activations and deltas are stored in all lanes at once, the last slot of their sum adds
  the offset of rounding, so that storing is saturating.

The zeros that this appends are appended to the scalar, once for all lanes, as long as the scalar
stays within :data:`FACTOR_BITS`; else to every product, and stores round for themselves.
"""

from functools import cached_property

from ..config import Activation
from ..fixed import Pow2Format, Rounding
from .network import Layer, Network
from .program import Element, Finish, Program

__all__ = ["FACTOR_BITS", "Alignment"]

#: Bits of a factor of the multipliers that small devices have.
FACTOR_BITS = 16
_OFFSETS = (Rounding.FLOOR, Rounding.HALF_UP, Rounding.STOCHASTIC)
_CONSTANT = (Rounding.FLOOR, Rounding.HALF_UP)
_DIRECT = (Activation.RELU, Activation.IDENTITY, Activation.HARD_SIGMOID)


class Alignment:
    """Shifts of one network.

    Parameters
    ----------
    network : Network
    program : Program
    plain : bool
        Nothing is shared: products stay as they are, stores round for themselves.
    like : Alignment, optional
        Of hardware that is there, whose choices these are.

    Members
    -------
    scaled : bool
        Zeros are appended to the scalar, not to the products.
    rounds_activations, rounds_deltas : bool
        The last slot of a sum that is stored in all lanes brings the offset of rounding.
    """

    def __init__(self, network: Network, program: Program, plain: bool = False,
                 like: "Alignment | None" = None) -> None:
        self.network, self.program = network, program
        self.layers = network.layers
        self.training = network.config.training
        self.lane_layers = [p.layer for p in program.forward if p.finish is Finish.LANES]
        rounding = network.config.rounding
        activations = [rounding.activation in _CONSTANT and layer.activation in _DIRECT
                       for layer in self.lane_layers]
        deltas = [rounding.delta in _OFFSETS and layer.activation in _DIRECT
                  and not isinstance(layer.formats.delta, Pow2Format)
                  for layer in self.lane_layers]
        powers = any(isinstance(layer.formats.delta, Pow2Format) for layer in self.layers)
        if like is not None:
            self.scaled, self.point = like.scaled, like.point
            self.rounds_activations, self.rounds_deltas = (like.rounds_activations,
                                                           like.rounds_deltas)
            return
        wishes = [] if plain or (self.training and powers) else [
            (True, all(activations), all(deltas)), (True, False, False)]
        for wish in [*wishes, (False, False, False)]:
            self.scaled, self.rounds_activations, self.rounds_deltas = wish
            self.__dict__.pop("point", None)
            if self._fits():
                break

    @cached_property
    def point(self) -> int:
        """Fraction bits that every aligned sum loses."""
        drops = [0]
        if self.training:
            _, high = self.network.config.rate_range
            drops += [layer.update_shift(high) for layer in self.layers]
        if self.rounds_activations:
            drops += [layer.activation_drop for layer in self.lane_layers]
        if self.rounds_deltas and self.training:
            drops += [self.delta_drop(layer) for layer in self.lane_layers]
        return max(drops) + self.network.spare_bits

    def delta_drop(self, layer: Layer) -> int:
        """Fraction bits that a backward sum loses on its way into a delta of ``layer``."""
        return layer.delta_frac(self.network.above(layer)) - layer.formats.delta.frac

    def forward_zeros(self, layer: Layer) -> int:
        """Zeros appended to the forward sums of ``layer``, its biases too."""
        if self.rounds_activations and layer in self.lane_layers:
            return self.point - layer.activation_drop
        return 0

    def backward_zeros(self, layer: Layer) -> int:
        """Zeros appended to the backward sums that ``layer`` makes for the layer below."""
        below = self.layers[layer.index - 2] if layer.index > 1 else None
        if self.rounds_deltas and below in self.lane_layers:
            return self.point - self.delta_drop(below)
        return 0

    def update_zeros(self, layer: Layer, rate: int) -> int:
        """Zeros appended to a step of ``layer``."""
        return self.point - layer.update_shift(rate)

    def activation_offset(self, layer: Layer) -> int:
        """What the bias slot adds so that the activation of ``layer`` is rounded: aligned."""
        if not self.rounds_activations or layer not in self.lane_layers:
            return 0
        offset = 0
        if self.network.config.rounding.activation is Rounding.HALF_UP and self.point:
            offset += 1 << self.point - 1
        if layer.activation is Activation.HARD_SIGMOID:  # (z + 2) / 4
            offset += 2 << layer.forward_frac + self.forward_zeros(layer)
        return offset

    def offset_factor(self, layer: Layer) -> int:
        """The scalar that makes that offset with the lowest operand."""
        return self.activation_offset(layer) // layer.formats.operand.lo

    def scalar_ranges(self) -> list[tuple[int, int]]:
        """Lowest and highest code of the scalar, zeros appended, of every kind of slot."""
        ranges = []
        low, _ = self.network.config.rate_range
        for p in self.program.passes:
            layer, f = p.layer, p.layer.formats
            if p.element is Element.FORWARD:
                shift = layer.product_shift + self.forward_zeros(layer)
                ranges.append((f.x.lo << shift, f.x.hi << shift))
                ranges.append((self.offset_factor(layer),) * 2)
                continue
            shift = self.update_zeros(layer, low)
            top = max(f.x.hi, layer.bias_operand)
            most, least = (top, f.x.lo) if layer.by_outputs else (f.delta.hi, f.delta.lo)
            times = self.network.config.learning_rate_multiplier
            ranges.append((-most * times << shift, -least * times << shift))
            if p.element is Element.BACKWARD:
                shift = self.backward_zeros(layer)
                ranges.append((f.delta.lo << shift, f.delta.hi << shift))
        return ranges

    def _fits(self) -> bool:
        """Whether scalars stay narrow and offsets are products of the lowest operand."""
        if not self.scaled:
            return True
        lowest = min(low for low, _ in self.scalar_ranges())
        highest = max(high for _, high in self.scalar_ranges())
        exact = all(self.activation_offset(layer) % -layer.formats.operand.lo == 0
                    for layer in self.lane_layers)
        width = max((-lowest - 1).bit_length() if lowest < 0 else 0, highest.bit_length()) + 1
        return exact and width <= FACTOR_BITS
