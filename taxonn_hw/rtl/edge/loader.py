"""Loader: takes samples from the stream into the left bank of junction 1 and the target queue."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...fixed.gates import shape_of
from ...plan.edge.network import EdgeNetwork
from ...plan.streams import element_width
from .targets import target_slots

__all__ = ["Loader"]


class Loader(wiring.Component):
    """Writes beat after beat; a sample is loaded while those before it are worked on.

    A sample is ``n_inputs / G`` beats of inputs and, in training, ``ceil(n_out / G)`` of targets.
    Where a beat goes is known one cycle after it was taken, with its targets; its inputs follow a
    cycle later.  One loaded sample may wait; a second may be
    loaded when nothing reads the memories any more.

    Parameters
    ----------
    network : EdgeNetwork
    copies : int
        Samples that the left bank holds.

    Members
    -------
    i : In(stream of unsigned[G])
    train : In(1)
        Samples carry targets.
    restart : In(1)
        Drop what is loaded and not taken; between runs.
    quiet : In(1)
        No junction cycle reads.
    waiting : Out(1)
        A whole sample has been taken: its last beat is on its way, and there before the first
        address of a junction cycle that begins now.
    take : In(1)
        It is taken; only with ``waiting``.
    copy, slot : Out
        Where its inputs and its targets lie.
    write, values : Out
        To the left bank, ``values`` one cycle later; ``write_target``, ``elements`` to the target
        queue.
    """

    def __init__(self, *, network: EdgeNetwork, copies: int) -> None:
        self.network, self.copies = network, copies
        self.group = group = network.samples_per_clock
        first, output = network.layers[0], network.output
        self.parts = first.z // group
        self.input_beats = network.n_inputs // group
        self.training = network.config.training
        self.target_beats = -(-output.n_out // group) if self.training else 0
        self.slots = target_slots(network)
        element = data.ArrayLayout(element_width(network), group)
        copy, slot = range(max(copies, 2)), range(max(self.slots, 2))
        self.beat = range(max(self.input_beats, self.target_beats, 2))
        super().__init__({
            "i": In(stream.Signature(element)), "train": In(1), "restart": In(1), "quiet": In(1),
            "waiting": Out(1), "take": In(1), "copy": Out(copy), "slot": Out(slot),
            "write": Out(data.StructLayout({
                "valid": 1, "row": range(max(first.depth, 2)), "copy": copy,
                "part": range(max(self.parts, 2))})),
            "values": Out(data.ArrayLayout(shape_of(network.input), group)),
            "write_target": Out(data.StructLayout({"valid": 1, "slot": slot, "beat": self.beat})),
            "elements": Out(element),
        })

    def elaborate(self, platform):
        m = Module()
        loaded = Signal(range(3))
        beat = Signal(self.beat)
        part = Signal.like(self.write.part, name="present_part")
        row = Signal.like(self.write.row, name="present_row")
        in_targets = Signal()
        take = Signal()
        last = Signal()
        complete = Signal()
        into_copy = Signal.like(self.copy, name="into_copy")
        into_slot = Signal.like(self.slot, name="into_slot")
        train = self.train if self.training else 0
        m.d.comb += [
            self.waiting.eq(loaded != 0),
            self.i.ready.eq(((loaded == 0) | ((loaded == 1) & self.quiet)) & ~self.restart),
            take.eq(self.i.valid & self.i.ready),
            last.eq(beat == Mux(in_targets, max(self.target_beats - 1, 0), self.input_beats - 1)),
            complete.eq(take & last & (in_targets | ~train)),
        ]
        m.d.sync += loaded.eq(loaded + complete - self.take)
        with m.If(take):
            m.d.sync += beat.eq(beat + 1)
            with m.If(last):
                m.d.sync += [beat.eq(0), in_targets.eq(~in_targets & train)]
            with m.If(~in_targets):
                m.d.sync += part.eq(part + 1)
                with m.If(part == self.parts - 1):
                    m.d.sync += [part.eq(0), row.eq(Mux(last, 0, row + 1))]
        self._rotate(m, into_copy, self.copies, complete)
        self._rotate(m, into_slot, self.slots, complete)
        self._rotate(m, self.copy, self.copies, self.take)
        self._rotate(m, self.slot, self.slots, self.take)
        with m.If(self.restart):
            m.d.sync += [loaded.eq(0), beat.eq(0), part.eq(0), row.eq(0), in_targets.eq(0),
                         into_copy.eq(self.copy), into_slot.eq(self.slot)]
        elements = Signal(self.elements.shape(), name="taken_elements", reset_less=True)
        m.d.sync += [
            elements.eq(self.i.payload),
            self.write.valid.eq(take & ~in_targets), self.write.row.eq(row),
            self.write.part.eq(part), self.write.copy.eq(into_copy),
            self.write_target.valid.eq(take & in_targets), self.write_target.beat.eq(beat),
            self.write_target.slot.eq(into_slot),
        ]
        width = self.network.input.width
        values = Signal(self.values.shape(), name="taken_values", reset_less=True)
        m.d.sync += values.as_value().eq(Cat(elements[k][:width] for k in range(self.group)))
        m.d.comb += [self.elements.eq(elements), self.values.eq(values)]
        return m

    @staticmethod
    def _rotate(m, count, size: int, step) -> None:
        with m.If(step):
            m.d.sync += count.eq(Mux(count == size - 1, 0, count + 1))
