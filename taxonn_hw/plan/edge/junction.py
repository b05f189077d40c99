"""A junction: the edges between two layers, their processors, and their arithmetic.

Edges are numbered from the right: right neuron ``r`` owns edges ``r fan_in .. r fan_in + fan_in -
1``.  Edge ``e`` is processed in clock ``k = e div z`` of a junction cycle, by lane ``m = e mod z``.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...config import Activation
from ...fixed import QFormat
from ..arithmetic import LayerArithmetic
from .interleaver import Interleaver

__all__ = ["CompatibleJunction", "Junction"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Junction(LayerArithmetic):
    """One junction and the neurons on its right, with the improved arithmetic.

    The law is that of engine ``taxonn``: exact sums, one rounding and one saturation a store, a
    format for each signal.

    Members
    -------
    sweeps : int
        Edges of each left neuron: the configured fan-out.
    z : int
        Edges that are processed in a clock.
    cycles : int
        Clocks of a junction cycle, C, the same for all junctions.
    interleaver : Interleaver
        Where the edges come from.
    quadratic : bool
        Whether the output delta takes the derivative though the unit does not ask for it (sigmoid
        with loss mean_square).
    """

    sweeps: int
    z: int
    cycles: int
    interleaver: Interleaver
    quadratic: bool = False

    compatible = False

    @property
    def fan_in(self) -> int:
        """Edges of each right neuron."""
        return self.n_in * self.sweeps // self.n_out

    @property
    def fan_out(self) -> int:
        """Edges of each left neuron."""
        return self.sweeps

    @property
    def n_edges(self) -> int:
        """Edges: weights of the junction."""
        return self.n_in * self.sweeps

    @property
    def density(self) -> float:
        """Share of the edges of a full connection."""
        return self.sweeps / self.n_out

    @property
    def weight_shape(self) -> tuple[int, int]:
        """Shape of its weights: the edges of each right neuron in natural order."""
        return self.n_out, self.fan_in

    @property
    def depth(self) -> int:
        """Rows of a memory of left neurons, clocks of a sweep (D)."""
        return self.cycles // self.sweeps

    @property
    def neurons_per_clock(self) -> int:
        """Right neurons that end in the same clock."""
        return max(self.n_out // self.cycles, 1)

    @property
    def clocks_per_neuron(self) -> int:
        """Clocks that a right neuron takes; more than 1 means partial sums (z below the fan-in)."""
        return max(self.cycles // self.n_out, 1)

    @property
    def n_groups(self) -> int:
        """Groups of right neurons that end in the same clock; group ``g`` ends in clock
        ``(g + 1) clocks_per_neuron - 1``."""
        return self.n_out // self.neurons_per_clock

    @property
    def row_base(self) -> int:
        """Rows of the junctions before in the weight streams and the random words."""
        return (self.index - 1) * self.cycles

    @property
    def left(self) -> np.ndarray:
        """Left neuron of every edge, int64 [n_out, fan_in]."""
        return self.interleaver.left.reshape(self.weight_shape)

    @cached_property
    def edges_of_left(self) -> np.ndarray:
        """Edge of each left neuron in each sweep (in the order of the clocks), int64
        [fan_out, n_in]."""
        sweeps = self.interleaver.left.reshape(self.sweeps, self.n_in)
        edges = np.empty_like(sweeps)
        np.put_along_axis(edges, sweeps, np.broadcast_to(np.arange(self.n_in), sweeps.shape), 1)
        return edges + self.n_in * np.arange(self.sweeps)[:, None]

    @property
    def has_derivative_at_output(self) -> bool:
        """Whether the output delta is ``(a - t) f'`` and not ``a - t``."""
        return self.quadratic or super().has_derivative_at_output

    @property
    def derivative_width(self) -> int:
        """Bits of a stored derivative code."""
        return self.derivative_bound.bit_length()

    @property
    def partial_width(self) -> int:
        """Bits of a stored backward sum."""
        return self.backward_bound.bit_length() + 1


class CompatibleJunction(Junction):
    """A junction with the published arithmetic: every product is rounded to the one format.

    Members
    -------
    product_drop : int
        Fraction bits that a forward or update product loses.
    """

    compatible = True

    @property
    def q(self) -> QFormat:
        """The one format."""
        return self.formats.weight

    @property
    def product_drop(self) -> int:
        """Fraction bits that a product with an input of the junction loses."""
        return self.formats.x.frac

    @property
    def forward_frac(self) -> int:
        """Fraction bits of the forward accumulator, which sums rounded products."""
        return self.q.frac

    @property
    def forward_bound(self) -> int:
        """Largest magnitude of the forward accumulator: fan_in rounded products and a bias."""
        return (self.fan_in + 1) * -self.q.lo

    @property
    def backward_frac(self) -> int:
        """Fraction bits of the backward accumulator, which saturates at every sum."""
        return self.q.frac

    @property
    def backward_bound(self) -> int:
        """Largest magnitude of the backward accumulator."""
        return -self.q.lo

    @property
    def partial_width(self) -> int:
        """Bits of a stored backward sum."""
        return self.q.width

    @property
    def derivative_frac(self) -> int:
        """Fraction bits of a derivative code."""
        return self.q.frac

    @property
    def derivative_bound(self) -> int:
        """Largest derivative code."""
        return self.formats.derivative.hi

    @property
    def table_format(self) -> QFormat:
        """Format of a table index: the top bits of a sum below 8, at most 12 of them."""
        integer = min(self.q.width - self.q.frac, 4)  # with the sign
        bits = min(integer + self.q.frac, 12)
        return QFormat(bits, bits - integer)

    @cached_property
    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Sigmoid and derivative codes by table index, the lowest index first, int64."""
        z = self.table_format.to_real(np.arange(self.table_format.lo, self.table_format.hi + 1))
        a = 1 / (1 + np.exp(-z))
        slope, scale = a * (1 - a), 2.0**self.q.frac
        return (np.minimum(np.floor(a * scale + 0.5), scale - 1).astype(np.int64),
                np.minimum(np.floor(slope * scale + 0.5), self.formats.derivative.hi)
                .astype(np.int64))

    @property
    def rail(self) -> tuple[int, int, int]:
        """Sigmoid below and above the table's domain, and its derivative in both: codes."""
        return 1, (1 << self.q.frac) - 1, 1

    @property
    def is_sigmoid(self) -> bool:
        """Whether the activation is read from the table (else: clipped ReLU)."""
        return self.activation is Activation.SIGMOID
