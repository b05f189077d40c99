"""A training sample as a program: the list of passes that the sequencer runs.

A *pass* walks items (a counter, or the entries of a list of non-zero scalars) and blocks, and
issues one or two multiply slots for each; row ``row_base + block * row_stride + item``.

====================  =======================  =====================  =========================
pass                  mapping ``outputs``      mapping ``inputs``     ends with
====================  =======================  =====================  =========================
forward               spread, list of x        gather, every output   bias row / nothing
backward and update   gather + update, list    spread + update, list  bias rows / null slot
update (layer 1)      update, list of x        update, list of delta  bias rows / nothing
====================  =======================  =====================  =========================

Backward and update of a row share one read: two slots, one read, one write.
"""

from dataclasses import dataclass, replace
from enum import Enum

from ..config import Activation
from .network import Layer, Network

__all__ = ["Element", "Finish", "Pass", "Program", "program_listing"]


class Element(Enum):
    """What a pass does to a row."""

    FORWARD = "forward"
    BACKWARD = "backward+update"
    UPDATE = "update"


class Finish(Enum):
    """Where the results of a pass go."""

    NONE = "weights only"
    LANES = "all lanes at once"
    TREE = "adder tree, neuron unit"
    DRAIN = "lanes one by one, neuron unit"


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One pass of the program.

    Members
    -------
    source : str or None
        List that yields the items: ``x``, ``a<layer>``, ``d<layer>``; None counts ``n_items``.
    items_outer : bool
        Items in the outer loop, blocks in the inner (gather); else the reverse (spread).
    vector : str or None
        Memory that feeds the lanes, ``x``, ``a`` or ``d``; rows ``vector_base`` + block.
    clears : tuple of str
        Lists that the pass refills, emptied when it starts.
    n_clear, clear_base : int
        Delta rows to zero first (only non-zero deltas will be written to them).
    waits : bool
        The pass starts when the results of the passes before it are stored: it reads them, or
        its own would meet them in the neuron unit.
    """

    layer: Layer
    element: Element
    source: str | None
    n_items: int
    items_outer: bool
    vector: str | None
    vector_base: int
    finish: Finish
    waits: bool
    clears: tuple[str, ...] = ()
    n_clear: int = 0
    clear_base: int = 0

    @property
    def is_spread(self) -> bool:
        """Whether sums are formed in the lanes."""
        return self.finish in (Finish.LANES, Finish.DRAIN)

    @property
    def n_end_slots(self) -> int:
        """Slots after the items: bias rows or null slots, one a block."""
        if self.layer.by_outputs or (self.element is Element.BACKWARD):
            return self.layer.n_blocks
        return 0


class Program:
    """The passes of a network and the memories they use.

    Members
    -------
    forward, backward : tuple of Pass
        Passes of inference; and what training adds after them.
    lists : dict
        Scalar list name -> number of entries it must hold.
    a_base, d_base : dict
        Layer index -> first row of its activations / deltas in the vector memory.
    vector_rows, x_rows : int
        Depths of the vector memory and of the input rows of one sample.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.lists: dict[str, int] = {}
        self.a_base: dict[int, int] = {}
        self.d_base: dict[int, int] = {}
        a_rows = d_rows = 0
        first = network.layers[0]
        self.x_rows = 0 if first.by_outputs else first.n_blocks
        if first.by_outputs:
            self.lists["x"] = first.n_in
        for layer in network.layers:
            if not layer.is_output:
                if network.above(layer).by_outputs:
                    self.lists[f"a{layer.index}"] = layer.n_out
                else:
                    self.a_base[layer.index] = a_rows
                    a_rows += layer.n_out_blocks
            if network.config.training:
                if layer.by_outputs:
                    self.d_base[layer.index] = d_rows
                    d_rows += layer.n_out_blocks
                else:
                    self.lists[f"d{layer.index}"] = layer.n_out
        self.d_base = {index: a_rows + row for index, row in self.d_base.items()}
        self.vector_rows = a_rows + d_rows
        self.forward = self._without_collision(
            tuple(self._forward(layer) for layer in network.layers),
            network.output.activation is Activation.SOFTMAX)
        self.backward = tuple(self._backward(layer) for layer in reversed(network.layers)
                              ) if network.config.training else ()

    @property
    def passes(self) -> tuple[Pass, ...]:
        """All passes of a training sample, in order."""
        return self.forward + self.backward

    def input_name(self, layer: Layer) -> str:
        """Return the list that carries the input of ``layer``: ``x`` or ``a<index>``."""
        return "x" if layer.index == 1 else f"a{layer.index - 1}"

    def input_rows(self, layer: Layer) -> tuple[str, int]:
        """Return vector memory and first row of the input of ``layer``."""
        return ("x", 0) if layer.index == 1 else ("a", self.a_base[layer.index - 1])

    def _fills(self, layer: Layer, kind: str) -> tuple[str, ...]:
        """Return the list that results of kind ``a`` or ``d`` for ``layer`` refill, if any."""
        name = f"{kind}{layer.index}"
        return (name,) if name in self.lists else ()

    @staticmethod
    def _without_collision(forward: tuple[Pass, ...], softmax: bool) -> tuple[Pass, ...]:
        """Make the first pass wait for the sample before where both feed the neuron unit.

        Tree and drain each keep their own order; only one of them may have sums on the way, and
        softmax keeps its own back.  In training nothing is ever on the way when a sample starts.
        """
        if softmax or {forward[0].finish, forward[-1].finish} == {Finish.TREE, Finish.DRAIN}:
            return (replace(forward[0], waits=True), *forward[1:])
        return forward

    def _forward(self, layer: Layer) -> Pass:
        clears = self._fills(layer, "a")
        if layer.is_output:
            clears += self._fills(layer, "d")
        if layer.by_outputs:
            in_lanes = self.network.stores_in_lanes(layer)
            return Pass(layer=layer, element=Element.FORWARD, source=self.input_name(layer),
                        n_items=layer.n_in, items_outer=False, vector=None, vector_base=0,
                        finish=Finish.LANES if in_lanes else Finish.DRAIN, waits=False,
                        clears=clears)
        vector, base = self.input_rows(layer)
        return Pass(layer=layer, element=Element.FORWARD, source=None, n_items=layer.n_out,
                    items_outer=True, vector=vector, vector_base=base, finish=Finish.TREE,
                    waits=layer.index > 1, clears=clears)

    def _backward(self, layer: Layer) -> Pass:
        element = Element.UPDATE if layer.index == 1 else Element.BACKWARD
        below = None if layer.index == 1 else self.network.layers[layer.index - 2]
        clears = self._fills(below, "d") if below else ()
        if layer.by_outputs:
            clear_rows = (below.n_out_blocks if below and below.by_outputs
                          and self.network.config.zero_skip else 0)
            return Pass(layer=layer, element=element, source=self.input_name(layer),
                        n_items=layer.n_in, items_outer=below is not None, vector="d",
                        vector_base=self.d_base[layer.index], waits=True, clears=clears,
                        finish=Finish.TREE if below else Finish.NONE, n_clear=clear_rows,
                        clear_base=self.d_base[below.index] if clear_rows else 0)
        vector, base = self.input_rows(layer)
        finish = Finish.NONE
        if below:
            in_lanes = self.network.stores_in_lanes(below)
            finish = Finish.LANES if in_lanes else Finish.DRAIN
        return Pass(layer=layer, element=element, source=f"d{layer.index}", n_items=layer.n_out,
                    items_outer=False, vector=vector, vector_base=base, finish=finish,
                    waits=False, clears=clears)


def program_listing(network: Network) -> str:
    """Return the program as text, a line a pass."""
    program = Program(network)
    head = (f"{'pass':4} {'layer':5} {'element':15} {'mapping':8} {'items':12} {'blocks':>6} "
            f"{'rows':>13}  results")
    lines = [head]
    for number, p in enumerate(program.passes):
        layer = p.layer
        items = f"{p.n_items} {p.source or 'counted'}"
        rows = f"{layer.row_base}..{layer.row_base + layer.n_rows - 1}"
        lines.append(f"{number:4} {layer.index:5} {p.element.value:15} {layer.mapping:8} "
                     f"{items:12} {layer.n_blocks:6} {rows:>13}  {p.finish.value}"
                     f"{', waits' if p.waits else ''}")
    return "\n".join(lines)
