"""Sequencer: walks the passes of a sample and issues a slot a clock."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...fixed.random import activation_index, delta_index
from ...plan.program import Element, Finish
from .entry_stage import EntryStage
from .numerics import Numerics
from .shell import sequencer_ports
from .slot import list_entry, slot_layout

__all__ = ["Sequencer"]


class Sequencer(wiring.Component):
    """Issues the slots of :class:`taxonn_hw.plan.program.Program`.

    Between two passes lies a clock, between two samples two, unless a pass waits for stored results
    or a list runs empty; the descriptor of the next pass is read ahead.

    Members
    -------
    o, run, train ...
        See :func:`.shell.sequencer_ports`.
    flush : In(1)
        The loader drops what it has loaded.
    rewind, done : Out, In, one bit a list
    clear : Out, one bit a list
    x, a1, d2, ... : In(stream), one a list
        Entries.
    """

    def __init__(self, *, numerics: Numerics, x_entry=None) -> None:
        self.numerics = n = numerics
        self.slot = slot_layout(n)
        self.lists = list(n.program.lists)
        self.entries = {name: x_entry if name == "x" else list_entry(n, name[0], size)
                        for name, size in n.program.lists.items()}
        streams = {f"list_{name}": In(stream.Signature(entry))
                   for name, entry in self.entries.items()}
        n_lists = max(len(self.lists), 1)
        super().__init__({
            **sequencer_ports(self.slot), "flush": In(1),
            "done": In(n_lists), "rewind": Out(n_lists), "clear": Out(n_lists),
            **streams,
        })

    def _descriptor(self) -> data.StructLayout:
        n = self.numerics
        slot = self.slot.members
        return data.StructLayout({
            "layer": slot["layer"],
            "is_update_pass": 1, "is_backward": 1, "by_outputs": 1, "items_outer": 1,
            "source": range(len(self.lists) + 1),  # 0 counts, else list number + 1
            "last_item": slot["item"],
            "last_block": slot["block"],
            "row_base": slot["row"], "row_stride": range(max(2, n.network.n_rows + 1)),
            "vector_base": slot["vector_row"],
            "has_end": 1, "end_item": slot["item"], "end_scalar": n.activation,
            "waits": 1, "tree": 1, "spread": 1, "results": 1,
            "clears": max(len(self.lists), 1),
            "n_clear": range(max(2, 1 + max(p.n_clear for p in n.program.passes))),
            "clear_base": slot["vector_row"],
            "store_hash": 16,
            "first_of_sample": 1, "last_of_sample": 1, "last_of_inference": 1,
        })

    def _constants(self) -> list[dict]:
        """Return the descriptor of every pass, as integers."""
        n = self.numerics
        program, rows = n.program, []
        for number, p in enumerate(program.passes):
            layer = p.layer
            forward = p.element is Element.FORWARD
            below = n.layers[layer.index - 2] if layer.index > 1 else None
            store_hash = (activation_index(layer.neuron_base) if forward
                          else delta_index(below.neuron_base) if below else 0)
            rows.append({
                "layer": layer.index,
                "is_update_pass": int(not forward),
                "is_backward": int(p.element is Element.BACKWARD),
                "by_outputs": int(layer.by_outputs),
                "items_outer": int(p.items_outer),
                "source": 0 if p.source is None else self.lists.index(p.source) + 1,
                "last_item": p.n_items - 1,
                "last_block": layer.n_blocks - 1,
                "row_base": layer.row_base, "row_stride": layer.row_stride,
                "vector_base": p.vector_base,
                "has_end": int(p.n_end_slots > 0),
                "end_item": layer.n_in if layer.by_outputs else 0,
                "end_scalar": layer.bias_operand if layer.by_outputs and not forward else 0,
                "waits": int(p.waits),
                "tree": int(p.finish is Finish.TREE),
                "spread": int(p.is_spread),
                "results": int(p.finish is not Finish.NONE),
                "clears": sum(1 << self.lists.index(name) for name in p.clears),
                "n_clear": p.n_clear, "clear_base": p.clear_base,
                "store_hash": int(store_hash),
                "first_of_sample": int(number == 0),
                "last_of_sample": int(number == len(program.passes) - 1),
                "last_of_inference": int(number == len(program.forward) - 1),
            })
        return rows

    def elaborate(self, platform):
        m = Module()
        layout, constants = self._descriptor(), self._constants()
        rom = Array([layout.const(row) for row in constants])
        # Of the pass read ahead: reset starts the first one.
        pass_index = Signal(range(max(len(constants), 2)), init=min(1, len(constants) - 1))
        d = Signal(layout, init=constants[0])
        started = Signal()         # the first slot of the pass has left
        block = Signal(self.slot.members["block"])
        block_row = Signal(self.slot.members["row"], init=constants[0]["row_base"])
        second = Signal()          # the update slot that follows a backward slot
        n_cleared = Signal.like(d.n_clear)

        selective = d.is_backward & d.by_outputs & int(self.numerics.network.config.zero_skip)
        stage = self._entries(m, d, selective)
        entry, over = stage.o.payload, stage.over
        slot, fire = self.o.payload, Signal()
        ending = Signal()          # this cycle's slot is an end slot
        clearing = Signal()
        clears = int(any(p.n_clear for p in self.numerics.program.passes))
        may_start = Signal()
        emit = Signal()
        end_of_sample = Signal()
        m.d.comb += [
            clearing.eq((n_cleared != d.n_clear) & clears),
            ending.eq(~clearing & over & d.has_end),
            emit.eq(clearing | stage.o.valid | ending),
            self.o.valid.eq(may_start & emit),
            fire.eq(self.o.valid & self.o.ready),
            end_of_sample.eq(d.last_of_sample | (d.last_of_inference & ~self.train)),
        ]
        # Which of its slots an item has: a forward or update slot, or backward and then update.
        is_update = Signal()
        m.d.comb += is_update.eq(d.is_update_pass & (second | ~entry.backward))
        item_ends = Signal()
        last_block = Signal()
        m.d.comb += [
            last_block.eq(block == d.last_block),
            item_ends.eq(second | ~entry.both),
        ]
        item_leaves = Signal()
        block_ends = Signal()
        pass_ends = Signal()
        skip_block = Signal()
        take_item = fire & ~clearing & ~ending
        m.d.comb += [
            # Without end slots the end of a list in the outer loop of blocks costs one clock.
            skip_block.eq(may_start & ~clearing & over & ~d.has_end
                          & (d.source != 0)),
            item_leaves.eq(take_item & item_ends & (~d.items_outer | last_block)),
            block_ends.eq(Mux(d.items_outer, (fire & ending) | (take_item & item_ends),
                              (fire & ending) | skip_block)),
            pass_ends.eq(last_block & Mux(
                d.items_outer, (fire & ending) | (item_leaves & entry.last),
                (fire & ending) | skip_block)),
        ]
        allowed = Mux(d.first_of_sample, self.run & ~self.sample_ends, 1) & (
            ~d.waits | self.idle_results)
        m.d.sync += may_start.eq((may_start | allowed) & ~pass_ends)
        with m.If(fire):
            m.d.sync += started.eq(1)
        with m.If(fire & clearing):
            m.d.sync += n_cleared.eq(n_cleared + 1)
        with m.If(take_item):
            m.d.sync += second.eq(~item_ends)
        with m.If(block_ends):
            m.d.sync += [block.eq(Mux(last_block, 0, block + 1)),
                         block_row.eq(Mux(last_block, d.row_base, block_row + d.row_stride))]
        ends = pass_ends | (block_ends & ~d.items_outer)
        m.d.comb += [stage.o.ready.eq(item_leaves), stage.ends.eq(ends)]
        m.d.sync += [self.rewind.eq(Mux(ends, self._source_mask(d), 0)),
                     self.sample_ends.eq(pass_ends & end_of_sample)]
        self._next_pass(m, d, rom, pass_index, pass_ends, end_of_sample, started, block_row,
                        n_cleared)
        m.d.comb += [
            self.pass_starts.eq(fire & ~started & d.results),
            self.sample_starts.eq(fire & ~started & d.first_of_sample),
            # What may start will: its sample counts as begun.
            self.stopped.eq(d.first_of_sample & ~started & ~may_start),
        ]
        first = Signal(init=1)  # first slot of a sum
        with m.If(fire & ~clearing & ~is_update):
            m.d.sync += first.eq(0)
        with m.If(block_ends | item_leaves & d.items_outer):
            m.d.sync += first.eq(~d.items_outer | item_leaves)
        with m.If(pass_ends):
            m.d.sync += first.eq(1)
        self._fill(m, d, slot, entry, clearing, ending, is_update, block, block_row, last_block,
                   n_cleared, started, first)
        return m

    def _entries(self, m, d, selective) -> EntryStage:
        """Add the entry stage; what it shows from lists that are rewound, or change, is masked."""
        m.submodules.entries = stage = EntryStage(numerics=self.numerics, lists=self.entries)
        for name in self.lists:
            wiring.connect(m, wiring.flipped(getattr(self, f"list_{name}")),
                           getattr(stage, f"list_{name}"))
        changes = [self.sample_ends & (name == "x") for name in self.lists]
        m.d.comb += [
            stage.source.eq(d.source), stage.last_item.eq(d.last_item),
            stage.is_backward.eq(d.is_backward), stage.is_update.eq(d.is_update_pass),
            stage.selective.eq(selective), stage.clear.eq(self.flush), stage.done.eq(self.done),
            stage.masked.eq(self.rewind | Cat(changes)),
        ]
        return stage

    def _source_mask(self, d):
        return Array(Const(0 if k == 0 else 1 << k - 1, len(self.rewind))
                     for k in range(len(self.lists) + 1))[d.source]

    def _next_pass(self, m, d, rom, pass_index, pass_ends, end_of_sample, started, block_row,
                   n_cleared) -> None:
        """Load the descriptor read ahead; an inference goes back to the first pass early."""
        fresh = Signal()
        last = len(rom) - 1
        # Two clocks at least lie between the ends of two passes: it is read in the first of them.
        following, ahead = Signal.like(pass_index), Signal.like(d, name="next_d")
        m.d.comb += following.eq(Mux(end_of_sample, 0, pass_index))
        m.d.sync += [fresh.eq(0), ahead.eq(rom[following]),
                     self.clear.eq(Mux(fresh, d.clears, 0))]
        with m.If(pass_ends):
            m.d.sync += [
                d.eq(ahead), block_row.eq(ahead.row_base), fresh.eq(1), started.eq(0),
                n_cleared.eq(0),
                pass_index.eq(Mux(following == last, 0, following + 1)),
            ]

    def _fill(self, m, d, slot, entry, clearing, ending, is_update, block, block_row, last_block,
              n_cleared, started, first) -> None:
        """Describe the slot of this cycle."""
        fresh = Signal(init=1)  # the next training sample is sample 0
        with m.If(self.restart):
            m.d.sync += fresh.eq(1)
        with m.Elif(self.sample_starts & self.train):
            m.d.sync += fresh.eq(0)
        null = ending & d.is_backward & ~d.by_outputs       # closes the sums of a block
        bias = ending & d.by_outputs
        plain = ~clearing & ~ending
        update = plain & is_update | bias & d.is_update_pass
        backward = plain & d.is_backward & ~is_update
        item = Mux(ending, d.end_item, entry.index)
        closes = Mux(d.items_outer, ~is_update & plain & last_block, ending)
        m.d.comb += [
            slot.row.eq(block_row + item),
            # An update that follows the backward slot of its row shares its read.
            slot.read.eq(~clearing & ~null & ~(plain & is_update & d.is_backward
                                               & entry.backward)),
            slot.hash.eq(d.store_hash - block),
            slot.layer.eq(d.layer), slot.item.eq(item), slot.block.eq(block),
            slot.multiply.eq(~clearing & ~null),
            slot.spread.eq(d.spread & ~clearing & ~update),
            slot.gather.eq(d.tree & ~clearing & ~update),
            slot.backward.eq(backward), slot.update.eq(update),
            slot.pass_backward.eq(d.is_update_pass),
            slot.bias.eq(bias),
            slot.first.eq(first),
            slot.last.eq(closes & (d.spread | d.tree)),
            slot.finish.eq(d.results & ~clearing & Mux(
                d.items_outer,
                Mux(d.source == 0, plain & last_block & entry.last,
                    ending & (block == 0)),
                ending & last_block)),
            slot.new_sample.eq(d.first_of_sample & ~started & self.train & ~fresh),
            slot.clear.eq(clearing),
            slot.vector_row.eq(Mux(clearing, d.clear_base + n_cleared, d.vector_base + block)),
            slot.scalar.eq(Mux(ending, d.end_scalar, entry.scalar)),
            slot.power.eq(entry.power), slot.x_bank.eq(self.x_bank),
        ]
