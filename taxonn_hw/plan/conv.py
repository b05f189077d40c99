"""Convolution: geometry of images, kernels and pooling windows, and the layer made of them.

    z[o, y, x] = b[o] + sum over c, dy, dx of W[o, (c, dy, dx)] image[c, s y + dy - d, s x + dx - d]

at each output position (y, x), with stride s and padding d.  ``a = f(z)`` is rounded to a code at
each position, and a pooling window of codes becomes one neuron (design 2.2; algorithms 1.2).

Neurons of an image are numbered position by position in raster order, the channels of a position
together: ``neuron = position * channels + channel``; a dense layer above reads them in that order.
Rows of a kernel are numbered ``(c * kernel_height + dy) * kernel_width + dx``, the bias row last;
lanes are output channels.  Positions are those that some pooling window covers; others are not
computed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import UserError
from .arithmetic import LayerArithmetic

__all__ = ["RECIPROCAL_BITS", "ConvLayer", "Geometry", "make_geometry"]

#: Fraction bits of the reciprocal of a window that is no power of two.
RECIPROCAL_BITS = 16


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Sizes of a convolution and its pooling.

    Members
    -------
    channels_in, height, width : int
        Of the image.
    channels_out, kernel_height, kernel_width, stride, padding : int
    pool : str
        ``max``, ``average`` or ``none``.
    pool_size : int
        Side of a window; 1 without pooling.
    """

    channels_in: int
    height: int
    width: int
    channels_out: int
    kernel_height: int
    kernel_width: int
    stride: int
    padding: int
    pool: str
    pool_size: int

    @property
    def full_height(self) -> int:
        """Output rows before positions that fill no window are left out."""
        return (self.height + 2 * self.padding - self.kernel_height) // self.stride + 1

    @property
    def full_width(self) -> int:
        """Output columns likewise."""
        return (self.width + 2 * self.padding - self.kernel_width) // self.stride + 1

    @property
    def pooled_height(self) -> int:
        """Rows of the image that the next layer reads."""
        return self.full_height // self.pool_size

    @property
    def pooled_width(self) -> int:
        """Columns of the image that the next layer reads."""
        return self.full_width // self.pool_size

    @property
    def n_pooled(self) -> int:
        """Positions of the image that the next layer reads."""
        return self.pooled_height * self.pooled_width

    @property
    def window(self) -> int:
        """Positions of a pooling window."""
        return self.pool_size * self.pool_size

    @property
    def n_positions(self) -> int:
        """Positions at which the kernels are applied."""
        return self.n_pooled * self.window

    @property
    def n_taps(self) -> int:
        """Weights of a kernel: input channels times its area."""
        return self.channels_in * self.kernel_height * self.kernel_width

    @property
    def n_in(self) -> int:
        """Neurons of the image."""
        return self.channels_in * self.height * self.width

    @property
    def n_out(self) -> int:
        """Neurons of the image that the next layer reads."""
        return self.n_pooled * self.channels_out

    @cached_property
    def positions(self) -> np.ndarray:
        """Raster number of each position, int64 [n_pooled, window].

        Windows in raster order, and the positions of a window in raster order; positions are
        numbered over the columns that windows cover.
        """
        side, columns = self.pool_size, self.pooled_width * self.pool_size
        y, x = np.divmod(np.arange(self.n_pooled), self.pooled_width)
        dy, dx = np.divmod(np.arange(self.window), side)
        return (y[:, None] * side + dy) * columns + x[:, None] * side + dx

    @cached_property
    def taps(self) -> np.ndarray:
        """Input neuron under each weight of a kernel, int64 [n_positions, n_taps].

        Positions in the order of :attr:`positions`; ``n_in`` stands for a zero of the padding.
        """
        y, x = np.divmod(self.positions.ravel(), self.pooled_width * self.pool_size)
        channel, rest = np.divmod(np.arange(self.n_taps), self.kernel_height * self.kernel_width)
        dy, dx = np.divmod(rest, self.kernel_width)
        row = y[:, None] * self.stride + dy - self.padding
        column = x[:, None] * self.stride + dx - self.padding
        inside = (row >= 0) & (row < self.height) & (column >= 0) & (column < self.width)
        return np.where(inside, (row * self.width + column) * self.channels_in + channel, self.n_in)

    @cached_property
    def most_uses(self) -> int:
        """Weights of one kernel that the most used input neuron meets."""
        return int(np.bincount(self.taps.ravel(), minlength=self.n_in + 1)[:-1].max())


def make_geometry(spec, image: tuple[int, int, int], where: str) -> Geometry:
    """Return the geometry of the conv layer ``spec`` on ``image`` (channels, height, width).

    Raises
    ------
    UserError
        When the kernel or the pooling window does not fit; ``where`` names the layer.
    """
    channels, height, width = image
    pool_size = 1 if spec.pool == "none" else spec.pool_size
    geometry = Geometry(
        channels_in=channels, height=height, width=width, channels_out=spec.channels,
        kernel_height=spec.kernel[0], kernel_width=spec.kernel[1], stride=spec.stride,
        padding=spec.padding, pool=spec.pool, pool_size=pool_size)
    rows, columns = height + 2 * spec.padding, width + 2 * spec.padding
    if rows < spec.kernel[0] or columns < spec.kernel[1]:
        raise UserError(f"{where}: the kernel {spec.kernel[0]} x {spec.kernel[1]} does not fit the "
                        f"image {rows} x {columns} (padding included)")
    if geometry.n_pooled == 0:
        raise UserError(f"{where}: the pooling window {pool_size} x {pool_size} does not fit the "
                        f"{geometry.full_height} x {geometry.full_width} positions")
    return geometry


@dataclass(frozen=True, kw_only=True)
class ConvLayer(LayerArithmetic):
    """One convolution with its activation and pooling.

    ``n_in`` and ``n_out`` are the neurons of the two images.  Lanes are output channels.  Where
    channels are few, ``groups`` groups of ``group_lanes`` lanes hold as many taps of one input
    channel side by side: tap ``j = dy * kernel_width + dx`` of input channel ``c`` lies in row
    ``row_base + block * row_stride + c * tap_rows + j // groups``, group ``j % groups``; the bias
    row is the last of a block, and uses group 0.

    Members
    -------
    neuron_base : int
        First of its rows of stored values: the ``k``-th position and channel ``c`` use row
        ``neuron_base + c // lanes * n + k``, lane ``c % lanes``, which address the random words.
        Activations are rounded at every position, in window order; deltas at every pooled
        position, or with average pooling at every position (``n`` of either).
    """

    geometry: Geometry
    lanes: int
    row_base: int
    neuron_base: int

    mapping = "outputs"
    by_outputs = True

    @property
    def fan_in(self) -> int:
        """Products of a forward sum."""
        return self.geometry.n_taps

    @property
    def fan_out(self) -> int:
        """Products of a backward sum, at most."""
        return self.geometry.channels_out * self.geometry.most_uses

    @property
    def n_blocks(self) -> int:
        """Blocks of ``lanes`` output channels."""
        return -(-self.geometry.channels_out // self.lanes)

    @cached_property
    def groups(self) -> int:
        """Lane groups, each with its own tap of the kernel: a power of two that divides lanes."""
        g, groups = self.geometry, 1
        while (2 * groups * g.channels_out <= self.lanes and self.lanes % (2 * groups) == 0
               and 2 * groups <= g.kernel_height * g.kernel_width):
            groups *= 2
        return groups

    @property
    def group_lanes(self) -> int:
        """Lanes of a group."""
        return self.lanes // self.groups

    @property
    def tap_rows(self) -> int:
        """Rows that hold the taps of one input channel."""
        return -(-self.geometry.kernel_height * self.geometry.kernel_width // self.groups)

    @property
    def row_stride(self) -> int:
        """Rows of one block: the kernel and the bias."""
        return self.geometry.channels_in * self.tap_rows + 1

    @cached_property
    def item_places(self) -> tuple[np.ndarray, np.ndarray]:
        """Row within a block, and first lane, of every tap and of the bias: int64 [n_taps + 1]."""
        channel, tap = np.divmod(np.arange(self.geometry.n_taps),
                                 self.geometry.kernel_height * self.geometry.kernel_width)
        rows = channel * self.tap_rows + tap // self.groups
        lanes = tap % self.groups * self.group_lanes
        return np.append(rows, self.row_stride - 1), np.append(lanes, 0)

    @property
    def n_rows(self) -> int:
        """Rows of the layer in the weight memory."""
        return self.n_blocks * self.row_stride

    @property
    def n_store_rows(self) -> int:
        """Rows of stored values."""
        return self.geometry.n_positions * self.n_blocks

    @property
    def weight_shape(self) -> tuple[int, int]:
        """Shape of its weights."""
        return self.geometry.channels_out, self.geometry.n_taps

    @property
    def bias_operand(self) -> int:
        """The scalar that stands for 1.0 when a bias row is updated like a weight row."""
        f = self.formats
        return 1 << f.x.frac - f.weight.frac + f.bias.frac

    @property
    def has_average(self) -> bool:
        """Whether windows are averaged, so that every position has a delta of its own."""
        return self.geometry.pool == "average"

    @property
    def update_terms(self) -> int:
        """Products of a kernel gradient: a delta at every position, or one in each window."""
        return self.geometry.n_positions if self.has_average else self.geometry.n_pooled

    @property
    def mean_shift(self) -> int:
        """Fraction bits of the factor 1 / window of average pooling."""
        window = self.geometry.window
        if not self.has_average or window == 1:
            return 0
        return RECIPROCAL_BITS if window & window - 1 else window.bit_length() - 1

    @property
    def mean_factor(self) -> int:
        """The factor 1 / window as a code with ``mean_shift`` fraction bits."""
        if self.mean_shift == 0:
            return 1
        return ((2 << self.mean_shift) // self.geometry.window + 1) // 2

    @cached_property
    def activation_places(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and lanes of the activations, int64 [n_positions, channels]."""
        return self._places(self.geometry.n_positions)

    @cached_property
    def delta_places(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and lanes of the deltas, int64 [update_terms, channels]."""
        if self.has_average:
            return self.activation_places
        return self._places(self.geometry.n_pooled)

    def _places(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        block, lane = np.divmod(np.arange(self.geometry.channels_out), self.lanes)
        rows = self.neuron_base + block * n + np.arange(n)[:, None]
        return rows, np.broadcast_to(lane, rows.shape)

    def facts(self) -> dict:
        """Return what a convolution has beside a dense layer, as JSON values."""
        g = self.geometry
        return {"image": [g.channels_in, g.height, g.width],
                "kernel": [g.kernel_height, g.kernel_width], "channels": g.channels_out,
                "stride": g.stride, "padding": g.padding, "pool": g.pool,
                "pool_size": g.pool_size, "positions": g.n_positions,
                "output_image": [g.channels_out, g.pooled_height, g.pooled_width]}
