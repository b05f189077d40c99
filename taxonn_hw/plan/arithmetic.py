"""Format arithmetic of one layer of neurons: what every engine's law shares.

``fan_in`` products make a forward sum and ``fan_out`` products a backward sum; where fraction
points lie, how large sums get and how many fraction bits a store loses follows from the formats.
Dense layers, sparse junctions and convolutions differ in little here but the lengths of sums.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..config import Activation
from ..fixed import QFormat
from .formats import LayerFormats

__all__ = ["LayerArithmetic"]


@dataclass(frozen=True, kw_only=True)
class LayerArithmetic:
    """One layer's neurons, the weights that lead to them, and their formats.

    Members
    -------
    index : int
        From 1.
    n_in, n_out : int
        Neurons on its left (input) and right (output) side.
    is_output : bool
        Whether it is the last.
    rate_shift : int
        Added to the learning-rate exponent.
    batch : int
        Samples whose gradients make one step.
    multiplier : int
        The largest factor of a step beside the power of two.
    """

    index: int
    n_in: int
    n_out: int
    activation: Activation
    is_output: bool
    formats: LayerFormats
    leak_exponent: int
    table_bits: int
    rate_shift: int
    batch: int = 1
    multiplier: int = 1

    @property
    def fan_in(self) -> int:
        """Products of a forward sum."""
        return self.n_in

    @property
    def fan_out(self) -> int:
        """Products of a backward sum."""
        return self.n_out

    @property
    def update_terms(self) -> int:
        """Products that make the gradient of a weight in one sample."""
        return 1

    @property
    def mean_shift(self) -> int:
        """Fraction bits of the factor with which average pooling passes gradients on."""
        return 0

    @property
    def mean_factor(self) -> int:
        """That factor as a code; 1 without average pooling."""
        return 1

    @property
    def gradient_bound(self) -> int:
        """Largest magnitude of a weight's gradient in one sample: full-scale products."""
        f = self.formats
        return self.update_terms * max(f.x.hi, -f.x.lo) * -f.delta.lo

    @property
    def step_bound(self) -> int:
        """Largest magnitude of what a step of a weight rounds: gradients of a batch, multiplied."""
        return self.batch * self.multiplier * self.gradient_bound

    @property
    def forward_frac(self) -> int:
        """Fraction bits of the forward accumulator: those of the product, at least the bias's."""
        f = self.formats
        return max(f.operand.frac + f.x.frac, f.bias.frac)

    @property
    def product_shift(self) -> int:
        """Zeros appended to a forward product."""
        return self.forward_frac - self.formats.operand.frac - self.formats.x.frac

    @property
    def bias_shift(self) -> int:
        """Zeros appended to a bias."""
        return self.forward_frac - self.formats.bias.frac

    @property
    def forward_bound(self) -> int:
        """Largest magnitude of the forward accumulator: fan_in full-scale products and a bias."""
        f = self.formats
        product_bound = -f.operand.lo * max(f.x.hi, -f.x.lo)
        return (self.fan_in * product_bound << self.product_shift) + (-f.bias.lo << self.bias_shift)

    @property
    def activation_drop(self) -> int:
        """Fraction bits that a forward sum loses on its way into an activation or table index.

        A negative sum of leaky ReLU; a positive one is shifted up by the slope first.
        """
        drop = self.forward_frac - self.formats.a.frac
        match self.activation:
            case Activation.LEAKY_RELU:
                return drop + self.leak_exponent
            case Activation.HARD_SIGMOID:  # (z + 2) / 4
                return drop + 2
            case Activation.SIGMOID | Activation.TANH:
                return self.forward_frac - self.table_format.frac
            case _:
                return drop

    def delta_frac(self, above: "LayerArithmetic | None") -> int:
        """Fraction bits of the number that is stored as a delta: ``a - t`` or ``W' delta``, by f'.

        ``above`` is the layer that reads this one, None at the output.
        """
        if above is None:
            return self.formats.a.frac + self.has_derivative_at_output * self.derivative_frac
        return above.backward_frac + self.derivative_frac + self.mean_shift

    @property
    def backward_frac(self) -> int:
        """Fraction bits of the accumulator that gathers the delta of this layer's input."""
        return self.formats.operand.frac + self.formats.delta.frac

    @property
    def backward_bound(self) -> int:
        """Largest magnitude of the backward accumulator: fan_out full-scale products."""
        return self.fan_out * -self.formats.operand.lo * -self.formats.delta.lo

    def update_shift(self, rate: int) -> int:
        """Fraction bits that ``x * delta * 2**-rate`` loses on its way into a weight."""
        f = self.formats
        return f.x.frac + f.delta.frac + rate + self.rate_shift - f.weight.frac

    def bias_update_shift(self, rate: int) -> int:
        """Fraction bits that ``delta * 2**-rate`` loses on its way into a bias."""
        return self.formats.delta.frac + rate + self.rate_shift - self.formats.bias.frac

    @property
    def has_derivative_at_output(self) -> bool:
        """Whether the output delta is ``(a - t) f'`` and not ``a - t`` (design 2.1)."""
        return self.activation in (Activation.RELU, Activation.LEAKY_RELU, Activation.TANH)

    @property
    def derivative_frac(self) -> int:
        """Fraction bits of a derivative code."""
        match self.activation:
            case Activation.LEAKY_RELU:
                return self.leak_exponent
            case Activation.HARD_SIGMOID:
                return 2
            case Activation.SIGMOID | Activation.TANH:
                return self.formats.derivative.frac
            case _:
                return 0

    @property
    def derivative_bound(self) -> int:
        """Largest derivative code."""
        if self.activation.is_table:
            return self.formats.derivative.hi
        return 1 << (self.leak_exponent if self.activation is Activation.LEAKY_RELU else 0)

    @property
    def table_format(self) -> QFormat:
        """Format of a table index: sigmoid over [-8, 8), tanh over [-4, 4)."""
        integer = 4 if self.activation is Activation.SIGMOID else 3
        return QFormat(self.table_bits, self.table_bits - integer)

    @cached_property
    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Activation and derivative codes by table index, the lowest index first, int64."""
        z = self.table_format.to_real(np.arange(self.table_format.lo, self.table_format.hi + 1))
        if self.activation is Activation.SIGMOID:
            a = 1 / (1 + np.exp(-z))
            slope = a * (1 - a)
        else:
            a = np.tanh(z)
            slope = 1 - a * a
        return self.formats.a.quantize(a), self.formats.derivative.quantize(slope)
