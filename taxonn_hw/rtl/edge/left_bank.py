"""Left bank: what a junction reads of its left neurons, for several samples at once.

Neuron ``l`` lies in memory ``l mod z``, row ``l div z``.  A word of a memory holds the copies of
all samples in flight side by side, so that forward and update read different samples with one port,
and a write touches one copy.
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..copies import spread
from .staged import pick

__all__ = ["LeftBank", "LeftMemory"]


class LeftMemory(wiring.Component):
    """One memory with all its copies.

    Latency 2 from ``row``, 1 from the copy numbers.

    Parameters
    ----------
    depth, copies : int
    activation, slope : Shape
        Of the codes; ``slope`` None without derivatives.
    training : bool
        Whether an update reads too.

    Members
    -------
    row, forward_copy, update_copy : In
    forward, update, slope : Out
        Activation of the sample that goes forward; activation and derivative of the one that
        learns.
    write_row, write_copies, write_activation, write_slope : In
        ``write_copies`` has a bit for each copy.
    """

    def __init__(self, *, depth: int, copies: int, activation, slope, training: bool) -> None:
        self.depth, self.copies, self.training = depth, copies, training
        self.activation, self.has_slope = activation, slope is not None and training
        slope = slope if slope is not None else 1
        row, copy = range(max(depth, 2)), range(max(copies, 2))
        super().__init__({
            "row": In(row), "forward_copy": In(copy), "update_copy": In(copy),
            "forward": Out(activation), "update": Out(activation), "slope": Out(slope),
            "write_row": In(row), "write_copies": In(copies),
            "write_activation": In(activation), "write_slope": In(slope),
        })

    def elaborate(self, platform):
        m = Module()
        words = self._memory(m, "activations", self.activation, self.write_activation)
        forward = Signal.like(self.forward, reset_less=True)
        m.d.sync += forward.eq(pick(self.forward_copy, words))
        m.d.comb += self.forward.eq(forward)
        if self.training:
            update = Signal.like(self.update, reset_less=True)
            m.d.sync += update.eq(pick(self.update_copy, words))
            m.d.comb += self.update.eq(update)
        if self.has_slope:
            words = self._memory(m, "derivatives", self.slope.shape(), self.write_slope)
            slope = Signal.like(self.slope, reset_less=True)
            m.d.sync += slope.eq(pick(self.update_copy, words))
            m.d.comb += self.slope.eq(slope)
        return m

    def _memory(self, m, name: str, shape, value) -> list:
        """Return the copies of a word, one cycle after ``row``."""
        memory = Memory(shape=data.ArrayLayout(shape, self.copies), depth=self.depth, init=[])
        m.submodules[name] = memory
        write, read = memory.write_port(granularity=1), memory.read_port()
        m.d.comb += [
            read.addr.eq(self.row), write.addr.eq(self.write_row), write.en.eq(self.write_copies),
            write.data.as_value().eq(value.replicate(self.copies)),
        ]
        return [read.data[c] for c in range(self.copies)]


class LeftBank(wiring.Component):
    """The ``z`` memories of a junction's left neurons.

    Parameters
    ----------
    z, depth, copies : int
        Memories, their rows, samples in flight.
    group : int
        Neurons that are written in a clock; divides ``z``.
    activation, slope : Shape
        As in :class:`LeftMemory`.
    training : bool

    Members
    -------
    rows : In(row[z])
    forward_copy, update_copy : In
        Three cycles before ``rows``: on their way to all memories they branch four times.
    forward, update, slope : Out([z])
        Two cycles after ``rows``, by memory.
    write : In({valid, row, part, copy})
        Write ``activations`` and ``slopes`` [group], which come one cycle later, to memories
        ``part * group`` on.
    """

    def __init__(self, *, z: int, depth: int, copies: int, group: int, activation, slope,
                 training: bool) -> None:
        self.z, self.depth, self.copies, self.group = z, depth, copies, group
        self.activation, self.slope_shape, self.training = activation, slope, training
        self.parts = z // group
        row, copy = range(max(depth, 2)), range(max(copies, 2))
        slope = slope if slope is not None else 1
        super().__init__({
            "rows": In(data.ArrayLayout(row, z)), "forward_copy": In(copy), "update_copy": In(copy),
            "forward": Out(data.ArrayLayout(activation, z)),
            "update": Out(data.ArrayLayout(activation, z)),
            "slope": Out(data.ArrayLayout(slope, z)),
            "write": In(data.StructLayout({"valid": 1, "row": row, "copy": copy,
                                           "part": range(max(self.parts, 2))})),
            "activations": In(data.ArrayLayout(activation, group)),
            "slopes": In(data.ArrayLayout(slope, group)),
        })

    def elaborate(self, platform):
        m = Module()
        forward = spread(m, self.forward_copy, "forward_copy", levels=4)
        update = spread(m, self.update_copy, "update_copy", levels=4)
        enables, rows = [], []
        for part in range(self.parts):
            enable = Signal(self.copies, name=f"enable_{part}")
            row = Signal.like(self.write.row, name=f"write_row_{part}", reset_less=True)
            mine = Signal(name=f"mine_{part}")
            m.d.comb += mine.eq(self.write.valid & (self.write.part == part))
            m.d.sync += enable.eq(Cat(mine & (self.write.copy == copy)
                                      for copy in range(self.copies)))
            with m.If(mine):  # an enable of its own, so that each part keeps its register
                m.d.sync += row.eq(self.write.row)
            enables.append(enable)
            rows.append(row)
        memories = []
        for mu in range(self.z):
            memory = LeftMemory(depth=self.depth, copies=self.copies, activation=self.activation,
                                slope=self.slope_shape, training=self.training)
            m.submodules[f"memory_{mu}"] = memory
            memories.append(memory)
            m.d.comb += [
                memory.row.eq(self.rows[mu]),
                memory.forward_copy.eq(forward[16 * mu // self.z]),
                memory.update_copy.eq(update[16 * mu // self.z]),
                memory.write_row.eq(rows[mu // self.group]),
                memory.write_copies.eq(enables[mu // self.group]),
                memory.write_activation.eq(self.activations[mu % self.group]),
                memory.write_slope.eq(self.slopes[mu % self.group]),
            ]
        # Wide vectors are driven whole: piece by piece costs Icarus their width for each piece.
        for name in ("forward", "update", "slope"):
            m.d.comb += getattr(self, name).as_value().eq(
                Cat(getattr(memory, name) for memory in memories))
        return m
