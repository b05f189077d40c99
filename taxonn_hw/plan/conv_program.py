"""A training sample of a convolutional net as a program: passes that walk rows and positions.

In a network with conv layers every layer runs as a kernel over an image: a dense layer is a kernel
of one pixel over an image of one pixel with ``n_in`` channels.  A *tap row* holds, group by group,
the taps of one input channel that lie side by side (:class:`taxonn_hw.plan.conv.ConvLayer`).

================  ========================================  =====================================
pass              loops, outer to inner                     each slot, a clock
================  ========================================  =====================================
forward           block, position, tap row and then bias    lanes += row * input under each tap
input gradient    input neuron, block, tap rows of its      tree += row * delta of the position
                  channel that meet a position              under each tap
kernel gradient   block, tap row and then bias, position    lanes += input under each tap * delta;
                                                            the last reads, steps, writes the row
================  ========================================  =====================================

Positions go window by window, so that pooling needs one window of one block.  No pass depends on
values: there is no zero-skipping in such a network, and a sample takes the same clocks always.
"""

from dataclasses import dataclass
from functools import cached_property

from ..config import Activation
from .conv import ConvLayer
from .network import Network
from .program import Element, Finish

__all__ = ["ConvPass", "ConvProgram", "Tap", "Walk", "conv_listing"]


@dataclass(frozen=True, kw_only=True)
class Tap:
    """A tap of a kernel as its address generator needs it.

    Members
    -------
    dy, dx : int
        Place in the kernel.
    offset : int
        Input neuron under it, less the one under tap (0, 0) of the same channel.
    y, x : tuple of int
        ``dy`` and ``dx`` as digits ``(window, in the window, in the stride)``, the window digit
        in rows of deltas.
    """

    dy: int
    dx: int
    offset: int
    y: tuple[int, int, int]
    x: tuple[int, int, int]


class Walk:
    """Sizes of one layer as a kernel over an image.

    Members
    -------
    channels_in, height, width, channels_out, stride, padding, side, pooled_height, pooled_width
        As in ``Geometry``; ``side`` is that of the pooling windows.
    area, groups, group_lanes, tap_rows : int
        Taps of an input channel, and how they lie in rows.
    average, chooses : bool
        Every position has a delta; or one of each window, the largest, has.
    """

    def __init__(self, layer) -> None:
        self.layer, self.n_blocks = layer, layer.n_blocks
        self.is_conv = isinstance(layer, ConvLayer)
        self.kernel = (1, 1)
        self.groups, self.group_lanes, self.tap_rows = 1, layer.lanes, 1
        self.channels_in, self.channels_out = layer.n_in, layer.n_out
        self.height = self.width = self.stride = self.side = 1
        self.pooled_height = self.pooled_width = 1
        self.padding, pool = 0, "none"
        if self.is_conv:
            g = layer.geometry
            self.kernel = (g.kernel_height, g.kernel_width)
            self.groups, self.group_lanes = layer.groups, layer.group_lanes
            self.tap_rows = layer.tap_rows
            self.channels_in, self.channels_out = g.channels_in, g.channels_out
            self.height, self.width = g.height, g.width
            self.stride, self.side = g.stride, g.pool_size
            self.pooled_height, self.pooled_width = g.pooled_height, g.pooled_width
            self.padding, pool = g.padding, g.pool
        self.window = self.side * self.side
        self.n_pooled = self.pooled_height * self.pooled_width
        self.n_positions = self.n_pooled * self.window
        self.average = pool == "average" and self.window > 1
        self.chooses = pool == "max" and self.window > 1
        #: Rows of deltas of a pooled position, and of a block.
        self.deltas = self.window if self.average else 1
        self.n_deltas = self.n_pooled * self.deltas

    def lines(self) -> list[tuple[int, int]]:
        """Return for every line of the input image the first tap row and how many steps of
        :attr:`line_step` meet a position, at least one."""
        kernel, used = self.kernel[0], self.pooled_height * self.side
        spans = [self._meeting(y, kernel, used) for y in range(self.height)]
        if self.groups == 1:
            return [(first * self.kernel[1], n) for first, n in spans]
        rows = []
        for first, n in spans:
            last = (first + (n - 1) * self.stride + 1) * self.kernel[1] - 1
            rows.append((first * self.kernel[1] // self.groups,
                         last // self.groups - first * self.kernel[1] // self.groups + 1))
        return rows

    def columns(self) -> list[tuple[int, int]]:
        """Return likewise for every column, in steps of the stride.

        Groups hold taps side by side, so that with several a line is taken as a whole.
        """
        if self.groups > 1:
            return [(0, 1)] * self.width
        used = self.pooled_width * self.side
        return [self._meeting(x, self.kernel[1], used) for x in range(self.width)]

    @property
    def line_step(self) -> int:
        """Tap rows from a line of taps to the next that meets positions."""
        return self.stride * self.kernel[1] if self.groups == 1 else 1

    def _meeting(self, n: int, kernel: int, used: int) -> tuple[int, int]:
        """First tap of a coordinate and their number, at least one."""
        taps = [k for k in range(kernel) if (n + self.padding - k) % self.stride == 0
                and 0 <= (n + self.padding - k) // self.stride < used]
        return (taps[0], len(taps)) if taps else (0, 1)

    @cached_property
    def useful(self) -> int:
        """Products of a weight and an input, over all positions."""
        if not self.is_conv:
            return self.channels_in * self.channels_out
        g = self.layer.geometry
        return int((g.taps < g.n_in).sum()) * self.channels_out

    @property
    def x_step(self) -> int:
        """Rows of deltas from a window to the next of its line."""
        return self.deltas

    @property
    def y_step(self) -> int:
        """Rows of deltas from a window to the one below it."""
        return self.pooled_width * self.deltas

    def lanes_in(self, block: int) -> int:
        """Channels of a block."""
        return min(self.layer.lanes, self.channels_out - block * self.layer.lanes)

    def digits(self, n: int, step: int) -> tuple[int, int, int]:
        """Return a coordinate as digits, the window digit in ``step`` rows of deltas."""
        rest, in_stride = divmod(n, self.stride)
        window, in_window = divmod(rest, self.side)
        return window * step, in_window, in_stride

    def tap(self, row: int, group: int) -> Tap | None:
        """Return the tap of a tap row and group, None where there is none."""
        number = row * self.groups + group
        if group >= self.groups or number >= self.kernel[0] * self.kernel[1]:
            return None
        dy, dx = divmod(number, self.kernel[1])
        return Tap(dy=dy, dx=dx, offset=(dy * self.width + dx) * self.channels_in,
                   y=self.digits(dy, self.y_step), x=self.digits(dx, self.x_step))


@dataclass(frozen=True, kw_only=True)
class ConvPass:
    """One pass; members as of :class:`taxonn_hw.plan.program.Pass`.

    An input neuron of an input gradient takes ``n_least`` slots at least, with some that do
    nothing if need be: the deltas of an averaged window, one a position, take that many clocks.
    """

    layer: object
    walk: Walk
    element: Element
    finish: Finish
    waits: bool
    n_least: int = 1

    @property
    def is_spread(self) -> bool:
        """Whether sums are formed in the lanes."""
        return self.finish is Finish.DRAIN

    @property
    def slots(self) -> int:
        """Slots of the pass, null slots included."""
        w = self.walk
        if self.element is Element.BACKWARD:
            return w.channels_in * sum(max(w.n_blocks * lines * columns, self.n_least)
                                       for _, lines in w.lines() for _, columns in w.columns())
        return w.n_blocks * w.n_positions * (w.channels_in * w.tap_rows + 1)


class ConvProgram:
    """The passes of a convolutional net and the memories they use.

    Members
    -------
    walks : tuple of Walk
        One a layer.
    forward, backward : tuple of ConvPass
    a_base, d_base, slope_base, tap_base : dict
        Layer index -> first neuron in the image memory, first row of its deltas, first of its
        derivatives, first of its tap rows.
    image_depth, vector_rows, slope_depth, tap_depth : int
    n_lines, n_columns : int
        Of all input images.
    groups : int
        Most lane groups of a layer.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        training = network.config.training
        self.walks = tuple(Walk(layer) for layer in network.layers)
        self.groups = max(walk.groups for walk in self.walks)
        self.lists: dict[str, int] = {}
        self.a_base: dict[int, int] = {}
        self.d_base: dict[int, int] = {}
        self.slope_base: dict[int, int] = {}
        self.tap_base: dict[int, int] = {}
        self.x_rows = 0
        image = rows = slopes = taps = 0
        for layer, walk in zip(network.layers, self.walks, strict=True):
            self.tap_base[layer.index] = taps
            taps += walk.tap_rows
            if not layer.is_output:
                self.a_base[layer.index] = image
                image += layer.n_out
                self.slope_base[layer.index] = slopes
                slopes += layer.n_out * walk.deltas
            if training:
                self.d_base[layer.index] = rows
                rows += walk.n_blocks * walk.n_deltas
        self.n_lines = sum(walk.height for walk in self.walks)
        self.n_columns = sum(walk.width for walk in self.walks)
        self.image_depth, self.vector_rows = image, rows
        self.slope_depth, self.tap_depth = slopes, taps
        softmax = network.output.activation is Activation.SOFTMAX  # keeps its sums back
        self.forward = tuple(self._pass(layer, Element.FORWARD, Finish.DRAIN,
                                        layer.index > 1 or softmax) for layer in network.layers)
        backward = []
        for layer in reversed(network.layers) if training else ():
            if layer.index > 1:
                backward.append(self._pass(layer, Element.BACKWARD, Finish.TREE, True))
            backward.append(self._pass(layer, Element.UPDATE, Finish.NONE, layer.index == 1))
        self.backward = tuple(backward)

    @cached_property
    def passes(self) -> tuple[ConvPass, ...]:
        """All passes of a training sample, in order."""
        return self.forward + self.backward

    def walk(self, layer) -> Walk:
        """Return the walk of a layer."""
        return self.walks[layer.index - 1]

    def _pass(self, layer, element: Element, finish: Finish, waits: bool) -> ConvPass:
        walk = self.walks[layer.index - 1]
        n_least = self.walks[layer.index - 2].deltas if element is Element.BACKWARD else 1
        return ConvPass(layer=layer, walk=walk, element=element, finish=finish, waits=waits,
                        n_least=n_least)


_NAMES = {Element.FORWARD: "forward", Element.BACKWARD: "input gradient",
          Element.UPDATE: "kernel gradient"}


def conv_listing(network: Network) -> str:
    """Return the program as text, a line a pass."""
    program = ConvProgram(network)
    head = (f"{'pass':4} {'layer':5} {'element':15} {'kernel':>9} {'groups':>6} {'positions':>9} "
            f"{'blocks':>6} {'rows':>13} {'slots':>7}  results")
    lines = [head]
    for number, p in enumerate(program.passes):
        w, layer = p.walk, p.layer
        kernel = f"{w.kernel[0]}x{w.kernel[1]}x{w.channels_in}"
        rows = f"{layer.row_base}..{layer.row_base + layer.n_rows - 1}"
        lines.append(f"{number:4} {layer.index:5} {_NAMES[p.element]:15} {kernel:>9} {w.groups:6} "
                     f"{w.n_positions:9} {w.n_blocks:6} {rows:>13} {p.slots:7}  {p.finish.value}"
                     f"{', waits' if p.waits else ''}")
    return "\n".join(lines)
