"""Loader: takes samples from the stream into one of two banks while the other is worked on."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...plan.latency import image_release, row_release
from ...plan.streams import element_width
from ..memory import add_memory
from ..scalar_list import ScalarList
from ..select import common_shape
from .numerics import Numerics

__all__ = ["Loader", "code_shape"]


def code_shape(formats):
    """Return the shape that holds the codes of all ``formats``."""
    return common_shape(*((q.lo, q.hi) for q in formats))


class Loader(wiring.Component):
    """Double-buffered sample memory: list of non-zero inputs, input rows, targets.

    A sample is ``ceil(n_in / G)`` beats of inputs and, in training, ``ceil(n_out / G)`` beats of
    targets, G elements a beat.  Latency 1 cycle from the last beat to ``full``.

    Members
    -------
    i : In(stream of unsigned[G])
    train : In(1)
        Samples carry targets.
    restart : In(1)
        Drop what is loaded; no sample may be under way.  Two cycles, in which none is taken.
    full : Out(1)
        The present bank holds a sample.
    free : In(1)
        The last slot of the present sample leaves the sequencer; the other bank becomes the
        present one.  Where lanes read input rows the bank is refilled only when that slot,
        however long it waits for a row, has read its own.
    bank : Out(1)
        The present bank, for slots to take along.
    entries : Out(stream of {index, value})
        Non-zero inputs of the present bank (all, without zero-skipping).
    rewind, entries_done : In, Out
        See :class:`ScalarList`.
    row, row_bank, vector : In, Out
        Input row in lanes, one cycle later (only where layer 1 has lanes = inputs).
    image_address, image_bank, image : In, Out
        Inputs of any neurons, one a lane group, one cycle later (conv nets).
    target_item, target : In, Out
        Target code of an output, one cycle later.
    """

    def __init__(self, *, numerics: Numerics) -> None:
        self.numerics = n = numerics
        network = n.network
        self.group = network.samples_per_clock
        self.element = element_width(network)
        self.input_shape = code_shape(network.inputs)
        self.target_shape = code_shape(layer.formats.a for layer in network.outputs)
        self.n_in = network.n_inputs
        self.n_out = max(layer.n_out for layer in network.outputs)
        self.input_beats = -(-self.n_in // self.group)
        self.target_beats = -(-self.n_out // self.group)
        self.has_list = "x" in n.program.lists
        self.entry = data.StructLayout({
            "index": range(max(self.input_beats * self.group, 2)), "value": n.activation})
        image = {}
        if n.conv:
            groups = n.program.groups
            image = {
                "image_address": In(data.ArrayLayout(range(max(self.n_in, 2)), groups)),
                "image_bank": In(1), "image": Out(data.ArrayLayout(n.vector_activation, groups)),
            }
        super().__init__({
            **image,
            "i": In(stream.Signature(data.ArrayLayout(self.element, self.group))),
            "train": In(1), "restart": In(1), "full": Out(1), "free": In(1),
            "bank": Out(1), "row_bank": In(1),
            "entries": Out(stream.Signature(self.entry)),
            "rewind": In(1), "entries_done": Out(1),
            "row": In(range(max(n.program.x_rows, 2))),
            "vector": Out(data.ArrayLayout(n.vector_activation, network.lanes)),
            "target_item": In(range(max(self.n_out, 2))),
            "target": Out(self.target_shape),
        })

    def elaborate(self, platform):
        m = Module()
        loaded = Signal(range(3))  # samples to run
        occupied = loaded if self.has_list else Signal(range(3))  # banks in use
        loading = Signal()
        present = Signal()
        beat = Signal(range(max(self.input_beats, self.target_beats, 2)))
        in_targets = Signal()
        take = Signal()
        last_input = Signal()
        complete = Signal()
        # A cycle after `free` and `restart`: many registers hang on them.
        freed, restarted = Signal(), Signal()
        n_train, view = self.train if self.numerics.training else 0, self.numerics.view
        m.d.comb += [
            self.full.eq(((loaded == 2) | (loaded == 1) & ~freed) & ~restarted),
            self.bank.eq(present),
            self.i.ready.eq((occupied < 2) & ~self.restart & ~restarted),
            take.eq(self.i.valid & self.i.ready),
            last_input.eq(~in_targets & (beat == view.total("last_input_beat"))),
            complete.eq(take & Mux(in_targets, beat == view.total("last_target_beat"),
                                   last_input & ~n_train)),
        ]
        with m.If(self.free):
            m.d.sync += present.eq(~present)
        m.d.sync += [freed.eq(self.free), restarted.eq(self.restart),
                     loaded.eq(loaded + complete - freed)]
        if not self.has_list:
            m.d.sync += occupied.eq(occupied + complete - self._release(m))
        with m.If(take):
            m.d.sync += beat.eq(beat + 1)
            with m.If(last_input & n_train):
                m.d.sync += [beat.eq(0), in_targets.eq(1)]
        with m.If(complete):
            m.d.sync += [loading.eq(~loading), beat.eq(0), in_targets.eq(0)]
        with m.If(restarted):
            m.d.sync += [freed.eq(0), loaded.eq(0), loading.eq(0), present.eq(0), beat.eq(0),
                         in_targets.eq(0)]
            if not self.has_list:
                m.d.sync += occupied.eq(0)
        take_input = Signal()
        m.d.comb += take_input.eq(take & ~in_targets)
        tail = self.n_in - (self.input_beats - 1) * self.group  # elements of the last beat
        values = [self._code(self.i.payload[g], self.input_shape) for g in range(self.group)]
        if not view.loadable:  # where nobody asks for what fills the last beat
            values = [Mux(last_input, 0, value) if g >= tail else value
                      for g, value in enumerate(values)]
        if self.numerics.conv:
            self._image(m, values, beat, take_input, loading)
        elif self.has_list:
            self._lists(m, values, beat, tail, take_input, last_input, loading, present)
        else:
            self._rows(m, values, beat, take_input, loading)
        if self.numerics.training:
            self._targets(m, beat, take & in_targets, loading, present)
        return m

    def _release(self, m):
        """When the rows of a sample that ended may be refilled."""
        network = self.numerics.network
        travel = Signal(image_release(network) if self.numerics.conv else row_release(network))
        with m.If(self.restart):
            m.d.sync += travel.eq(0)
        with m.Else():
            m.d.sync += travel.eq(travel << 1 | self.free)
        return travel[-1]

    @staticmethod
    def _code(element, q):
        code = element[:q.width]
        return code.as_signed() if q.signed else code

    def _lists(self, m, values, beat, tail, take_input, last_input, loading, present) -> None:
        skip = self.numerics.network.config.zero_skip
        readers = []
        for bank in range(2):
            m.submodules[f"list_{bank}"] = entries = ScalarList(
                shape=self.entry, depth=self.input_beats, banks=self.group)
            readers.append(entries)
            here, clear = Signal(name=f"into_{bank}"), Signal(name=f"clear_{bank}")
            m.d.sync += clear.eq(self.restart | self.free & (present == bank))
            m.d.comb += here.eq(take_input & (loading == bank))
            for g in range(self.group):
                exists = ~last_input if g >= tail else 1
                append = entries.append[g]
                m.d.comb += [
                    append.entry.index.eq(beat * self.group + g),
                    append.entry.value.eq(values[g]),
                    append.valid.eq(here & exists & ((values[g] != 0) if skip else 1)),
                ]
            m.d.comb += [
                entries.finish.eq(here & last_input),
                entries.clear.eq(clear),
                entries.rewind.eq(self.rewind & (present == bank)),
                entries.o.ready.eq(self.entries.ready & (present == bank)),
            ]
        m.d.comb += [
            self.entries.valid.eq(Array(r.o.valid for r in readers)[present]),
            self.entries.payload.eq(Mux(present, readers[1].o.payload, readers[0].o.payload)),
            self.entries_done.eq(Array(r.done for r in readers)[present]),
        ]

    def _rows(self, m, values, beat, take_input, loading) -> None:
        """Write groups of lanes; a group never crosses a row because it divides the lanes."""
        n = self.numerics
        lanes, rows = n.network.lanes, n.program.x_rows
        groups = lanes // self.group
        layout = data.ArrayLayout(n.vector_activation, self.group)
        write, read = add_memory(m, "rows", shape=data.ArrayLayout(layout, groups),
                                 depth=2 * rows, granularity=1)
        row = Signal(range(rows + 1))
        group = Signal(range(groups))
        m.d.comb += [
            write.addr.eq(Mux(loading, rows, 0) + row),
            read.addr.eq(Mux(self.row_bank, rows, 0) + self.row),
            self.vector.eq(read.data),
        ]
        for k in range(groups):
            m.d.comb += [write.data[k][g].eq(values[g]) for g in range(self.group)]
            m.d.comb += write.en[k].eq(take_input & (group == k))
        with m.If(take_input):
            m.d.sync += group.eq(group + 1)
            with m.If(group == groups - 1):
                m.d.sync += [group.eq(0), row.eq(row + 1)]
            with m.If(beat == self.input_beats - 1):
                m.d.sync += [group.eq(0), row.eq(0)]
        with m.If(self.restart):
            m.d.sync += [group.eq(0), row.eq(0)]

    def _image(self, m, values, beat, take_input, loading) -> None:
        """A copy of the two banks for every lane group."""
        n, beats = self.numerics, self.input_beats
        bits = (self.group - 1).bit_length()
        for g, address in enumerate(self.image_address):
            write, read = add_memory(m, f"image_{g}", depth=2 * beats, shape=data.ArrayLayout(
                n.vector_activation, self.group))
            place = Signal(max(bits, 1), name=f"place_{g}")
            m.d.sync += place.eq(address[:bits] if bits else 0)
            m.d.comb += [
                write.addr.eq(Mux(loading, beats, 0) + beat), write.en.eq(take_input),
                read.addr.eq(Mux(self.image_bank, beats, 0) + address[bits:]),
                *(write.data[k].eq(value) for k, value in enumerate(values)),
                self.image[g].eq(read.data[place] if bits else read.data[0]),
            ]

    def _targets(self, m, beat, take, loading, present) -> None:
        width = self.target_shape.width
        write, read = add_memory(m, "targets", shape=data.ArrayLayout(width, self.group),
                                 depth=2 * self.target_beats)
        bits = (self.group - 1).bit_length()
        lane = Signal(max(bits, 1))
        m.d.sync += lane.eq(self.target_item[:bits] if bits else 0)
        m.d.comb += [
            write.addr.eq(Mux(loading, self.target_beats, 0) + beat), write.en.eq(take),
            read.addr.eq(Mux(present, self.target_beats, 0) + (self.target_item >> bits)),
        ]
        m.d.comb += [write.data[g].eq(self.i.payload[g]) for g in range(self.group)]
        code = read.data[lane] if self.group > 1 else read.data[0]
        m.d.comb += self.target.eq(code)

