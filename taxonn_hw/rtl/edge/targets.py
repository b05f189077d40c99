"""Target queue: the targets of the samples in flight, from the load to the output's error."""

from math import gcd

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...fixed.gates import shape_of
from ...plan.edge.network import EdgeNetwork
from ...plan.streams import element_width
from .staged import Staged, pick

__all__ = ["TARGET_LATENCY", "TargetQueue", "TargetRows", "target_slots"]

#: Cycles from a question to its targets.
TARGET_LATENCY = 3
#: Bits of ``part`` that choose a cycle before the others do.
_STEP = 2


def target_slots(network: EdgeNetwork) -> int:
    """Return the samples whose targets are kept: from the load to the output, and one."""
    return len(network.layers) + 2


class TargetRows:
    """Rows of the target queue: as many targets as a beat and a group both divide, or a sample.

    Members
    -------
    pieces : int
        Beats of a row.
    rows : int
        Rows of a sample.
    parts : int
        Groups of a row.
    """

    def __init__(self, network: EdgeNetwork) -> None:
        output, group = network.output, network.samples_per_clock
        n = output.neurons_per_clock
        targets = group * n // gcd(group, n)
        if targets >= output.n_out:
            targets = -(-output.n_out // group) * group
        self.pieces = targets // group
        self.rows = -(-output.n_out // targets)
        self.parts = output.n_groups if self.rows == 1 else targets // n


class TargetQueue(wiring.Component):
    """A ring of samples; beats of ``G`` targets in, groups of ``R`` outputs out.

    Latency from ``slot``, ``row`` and ``part`` to ``targets`` :data:`TARGET_LATENCY`.

    Parameters
    ----------
    network : EdgeNetwork

    Members
    -------
    write, elements : In
        See :class:`taxonn_hw.rtl.edge.loader.Loader`.
    slot, row, part : In
        Sample and group to read: group ``row * parts + part``.
    targets : Out(code[R])
    """

    def __init__(self, *, network: EdgeNetwork) -> None:
        self.network = network
        output, self.group = network.output, network.samples_per_clock
        self.n = n = output.neurons_per_clock
        self.code = shape_of(output.formats.a)
        self.rows = TargetRows(network)
        self.slots = target_slots(network)
        slot = range(max(self.slots, 2))
        beats = -(-output.n_out // self.group)
        beat = range(max(network.n_inputs // self.group, beats, 2))
        super().__init__({
            "write": In(data.StructLayout({"valid": 1, "slot": slot, "beat": beat})),
            "elements": In(data.ArrayLayout(element_width(network), self.group)),
            "slot": In(slot), "row": In(range(max(self.rows.rows, 2))),
            "part": In(range(max(self.rows.parts, 2))),
            "targets": Out(data.ArrayLayout(self.code, n)),
        })

    def elaborate(self, platform):
        m = Module()
        width, group = self.code.width, self.group
        pieces, rows = self.rows.pieces, self.rows.rows
        memory = Memory(shape=data.ArrayLayout(width * group, pieces), depth=self.slots * rows,
                        init=[])
        m.submodules.memory = memory
        write, read = memory.write_port(granularity=1), memory.read_port()
        row = Array(beat // pieces for beat in range(pieces * rows))[self.write.beat]
        piece = Array(beat % pieces for beat in range(pieces * rows))[self.write.beat]
        codes = Cat(self.elements[k][:width] for k in range(group))
        m.d.comb += [
            write.addr.eq(self.write.slot * rows + row),
            write.data.as_value().eq(codes.replicate(pieces)),
            write.en.eq(Cat(self.write.valid & (piece == p) for p in range(pieces))),
            read.addr.eq(self.slot * rows + self.row),
        ]
        word, size = read.data.as_value(), width * self.n
        part = Staged(m, self.part, 0, "part")
        groups = [word[k * size:(k + 1) * size] for k in range(self.rows.parts)]
        fours = [pick(part.at(1)[:_STEP], groups[k:k + (1 << _STEP)])
                 for k in range(0, len(groups), 1 << _STEP)]
        chosen = Signal(size * len(fours), name="fours", reset_less=True)
        targets = Signal(data.ArrayLayout(self.code, self.n), name="register", reset_less=True)
        m.d.sync += [chosen.eq(Cat(fours)), targets.as_value().eq(
            pick(part.at(2)[_STEP:], [chosen[k * size:(k + 1) * size]
                                      for k in range(len(fours))]))]
        m.d.comb += self.targets.eq(targets)
        return m
