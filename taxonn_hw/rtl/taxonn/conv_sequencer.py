"""The sequencer of convolutional nets: walks rows and positions, a slot a clock."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from ...plan.conv_tables import descriptors
from ...plan.program import Element
from .conv_descriptor import descriptor_layout
from .conv_slot import conv_slot
from .conv_walkers import walk_blocks, walk_inputs, walk_positions, walk_rows
from .numerics import Numerics
from .sample_steps import step_marks
from .shell import sequencer_ports

__all__ = ["ConvSequencer"]


class ConvSequencer(wiring.Component):
    """Issues the slots of :class:`taxonn_hw.plan.conv_program.ConvProgram`.

    Three walkers take turns to be the inner loop: tap rows of a block and its bias row, positions
    window by window, and the neurons of the input image.  Every step is an addition to a register;
    the descriptor of a pass holds the increments.  Passes follow each other without a bubble
    unless one waits for stored results.

    Members
    -------
    o, run, train ...
        See :func:`.shell.sequencer_ports`.
    marks : In
        :func:`.sample_steps.step_marks` of the sample under way, where there are any.
    """

    def __init__(self, *, numerics: Numerics) -> None:
        self.numerics = numerics
        self.slot = conv_slot(numerics)
        marks = step_marks(numerics)
        super().__init__({**sequencer_ports(self.slot),
                          **({"marks": In(data.StructLayout(marks))} if marks else {})})

    def elaborate(self, platform):
        m = Module()
        view, layout = self.numerics.view, descriptor_layout(self.numerics)
        constants = [] if view.loadable else descriptors(self.numerics.program)
        self.d = d = Signal(layout, init=constants[0] if constants else None)
        active, started, fire = Signal(), Signal(), Signal()
        may_start, end_of_sample, pass_ends = Signal(), Signal(), Signal()
        m.d.comb += [
            may_start.eq(started | (Mux(d.first_of_sample, self.run, 1)
                                    & ~(d.waits & ~self.idle_results))),
            self.o.valid.eq(active & may_start), fire.eq(self.o.valid & self.o.ready),
            end_of_sample.eq(d.last_of_sample | (d.last_of_inference & ~self.train)),
        ]
        load, fresh = Signal(), Signal(layout)  # a descriptor is loaded at the end of this cycle
        m.d.comb += load.eq(pass_ends | ~active)
        restarts = end_of_sample | ~active
        advance = (view.read_passes(m, load, restarts, fresh) if view.loadable
                   else self._constant_passes(m, constants, restarts, fresh))
        with m.If(load):
            m.d.sync += [active.eq(1), d.eq(fresh), started.eq(0), advance]
        with m.Elif(fire):
            m.d.sync += started.eq(1)
        if view.loadable:
            with m.If(~view.loaded):
                m.d.sync += active.eq(0)
        steps = {name: Signal(name=f"step_{name}") for name in ("row", "position", "block", "item")}
        place = {name: Signal.like(d[f"last_{name}"], name=f"input_{name}") for name in "xy"}
        rows = walk_rows(self.numerics, m, d, steps, load, fresh, place)
        positions = walk_positions(self.numerics, m, d, steps, load, fresh)
        block, last_block = walk_blocks(m, d, steps, load)
        items = None
        if any(p.element is Element.BACKWARD for p in self._passes()):
            items = walk_inputs(self.numerics, m, d, steps, load, fresh,
                                rows["channel_last"], place)
        m.d.comb += [
            steps["row"].eq(fire & (~d.is_gradient | positions["last"])),
            steps["position"].eq(fire & (d.is_gradient | rows["last"])),
        ]
        ends = positions["last"] & rows["last"]
        if items is not None:
            null, spent, done = items["null"], Signal.like(d.n_least), Signal()
            m.d.comb += done.eq((null | rows["last"] & last_block) & (spent == d.n_least))
            with m.If(fire & d.is_backward):
                m.d.sync += null.eq((null | rows["last"] & last_block) & ~done)
                with m.If(done):
                    m.d.sync += spent.eq(0)
                with m.Elif(spent != d.n_least):
                    m.d.sync += spent.eq(spent + 1)
            ends = Mux(d.is_backward, rows["last"] & ~null, ends)
            m.d.comb += steps["item"].eq(fire & d.is_backward & done)
        m.d.comb += [
            steps["block"].eq(fire & ends),
            pass_ends.eq(steps["block"] & last_block if items is None else Mux(
                d.is_backward, steps["item"] & items["last"], steps["block"] & last_block)),
            self.pass_starts.eq(fire & ~started & ~d.is_gradient),
            self.sample_starts.eq(fire & ~started & d.first_of_sample),
            self.sample_ends.eq(pass_ends & end_of_sample),
            self.stopped.eq(~active | (d.first_of_sample & ~started)),
        ]
        self._fill(m, d, rows, positions, items, block, last_block, started)
        return m

    def _constant_passes(self, m, constants, restarts, fresh):
        """Read into ``fresh`` the pass that follows, from the first on again where the sample
        restarts; return what goes on to the next."""
        layout = fresh.shape()
        rom = Array(layout.const(row) for row in constants)
        pass_index = Signal(range(max(len(constants), 2)))  # of the pass read ahead
        following = Mux(restarts, 0, pass_index)
        m.d.comb += fresh.eq(rom[following])
        return pass_index.eq(Mux(following == len(constants) - 1, 0, following + 1))

    def _passes(self):
        return self.numerics.program.passes

    def _fill(self, m, d, rows, positions, items, block, last_block, started) -> None:
        """Describe the slot of this cycle."""
        slot, tag = self.o.payload, self.o.payload.tag
        fresh = Signal(init=1)  # the next training sample is sample 0
        with m.If(self.restart):
            m.d.sync += fresh.eq(1)
        with m.Elif(self.sample_starts & self.train):
            m.d.sync += fresh.eq(0)
        forward, update = ~d.is_gradient & ~d.is_backward, d.is_gradient & positions["last"]
        m.d.comb += [
            slot.row.eq(rows["row"]), slot.read.eq(forward | update),
            slot.multiply.eq(1), slot.spread.eq(forward), slot.gradient.eq(d.is_gradient),
            slot.update.eq(update), slot.bias.eq(rows["bias"]),
            slot.first.eq(Mux(d.is_gradient, positions["first"], rows["first"])),
            slot.last.eq(forward & rows["last"]),
            slot.new_sample.eq(d.first_of_sample & ~started & self.train & ~fresh),
            slot.x_bank.eq(self.x_bank),
            slot.count.eq(Mux(last_block, d.count, self.numerics.network.lanes)),
            slot.tap.eq(d.tap_base + rows["tap"]),
            slot.origin.eq(positions["origin"] + rows["channel"]),
            slot.y.eq(positions["y"]), slot.x.eq(positions["x"]),
            slot.vector.eq(d.vector + Mux(d.every_position, positions["place"],
                                          positions["row"])),
            tag.layer.eq(d.layer), tag.backward.eq(d.is_backward),
            tag.finish.eq(slot.last & last_block & positions["last"]),
            tag.item.eq(positions["item"]), tag.place.eq(positions["place"]), tag.lane.eq(0),
            tag.row.eq(positions["row"]), tag.window.eq(positions["window"]),
            tag.slope.eq(d.slope_base + positions["item"] + positions["slope"]),
            tag.begins.eq(positions["begins"]), tag.ends.eq(positions["ends"]),
        ]
        m.d.comb += [slot[mark].eq(self.marks[mark]) for mark in step_marks(self.numerics)]
        if items is None:
            return
        with m.If(d.is_backward):
            m.d.comb += [
                slot.read.eq(~items["null"]), slot.multiply.eq(~items["null"]),
                slot.gather.eq(~items["null"]), slot.bias.eq(0),
                slot.first.eq((block == 0) & rows["begins"]),
                slot.last.eq(last_block & rows["last"] & ~items["null"]),
                slot.vector.eq(items["vector"]),
                slot.y_digits.eq(items["y"]), slot.x_digits.eq(items["x"]),
                tag.finish.eq(slot.last & items["last"]),
                tag.item.eq(items["item"]), tag.place.eq(items["place"]),
                tag.lane.eq(items["lane"]), tag.slope.eq(d.slope_base + items["item"]),
            ]
