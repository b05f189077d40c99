"""The array in a convolutional net: the same lanes, but a scalar and a row of deltas a lane group.

Stage names are those of :mod:`.lane`; c0 is stage d3 of :mod:`.conv_address`.  What differs from
:class:`.array.LaneArray`: lane ``l`` is multiplied by the scalar of its group and by the delta at
the position of its group; deltas that are not of the largest of their window count as zero; the
step of a row is a sum over positions, whose last slot reads the row, adds the word and writes it
back at c8.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...fixed import RANDOM_BITS
from ...plan.latency import ADDRESS_LATENCY, PRODUCT_STAGE, SUM_STAGE, conv_write_latency
from ...plan.layout import weight_group
from ...plan.program import Finish
from .array_parts import add_pipeline, add_random, add_rows
from .conv_control import add_conv_control
from .conv_slot import conv_slot
from .conv_vectors import GroupedMemory
from .gradient_rows import add_gradient_rows
from .lane import Lane
from .neuron_unit import sum_tag
from .numerics import Numerics
from .tree import AdderTree, sum_layout

__all__ = ["ConvArray"]


class ConvArray(wiring.Component):
    """Weights, lanes, deltas and who was chosen in each window.

    Members
    -------
    i : In({valid, slot}), c0
    scalars, rows, picks, live : In, one a group, c1
        See :class:`.conv_address.ConvAddress`.
    back : In({valid, row}), rate, advance, restart, move... : In, moved : Out
        As of :class:`.array.LaneArray`; the write-back is at c8, where weights decay at c9.
    d_write : In({valid, layer, row, lane, code})
        A delta, for all lane groups.
    c_write : In({valid, layer, row, lane, code})
        Which position of a window was chosen.
    sum : Out({valid, tag, total})
        From the adder tree.
    drain_load, drain_values, drain_slot : Out, c7
    state, lanes : Out
        Random state and bits for the neuron unit.
    """

    def __init__(self, *, numerics: Numerics, target: str) -> None:
        self.numerics, self.target = numerics, target
        n = numerics
        #: Stage of the write-back.
        self.last = conv_write_latency(n.network) - ADDRESS_LATENCY
        self.n_lanes, self.groups = n.network.lanes, n.program.groups
        self.slot, self.tag = conv_slot(n), sum_tag(n)
        members, tag = self.slot.members, self.tag.members
        self.total = n.sum_shape((Finish.TREE,))
        self.group = weight_group(self.n_lanes)
        self.drain_shape = n.sum_shape((Finish.DRAIN,))
        self.word_group = data.ArrayLayout(n.word.width, self.group)

        def store(code):
            return data.StructLayout({"valid": 1, "layer": tag["layer"], "row": members["vector"],
                                      "lane": tag["lane"], "code": code})

        super().__init__({
            "i": In(data.StructLayout({"valid": 1, "slot": self.slot})),
            "scalars": In(data.ArrayLayout(n.scalar, self.groups)),
            "rows": In(data.ArrayLayout(members["vector"], self.groups)),
            "picks": In(data.ArrayLayout(tag["window"], self.groups)), "live": In(self.groups),
            "back": In(data.StructLayout({"valid": 1, "row": members["row"]})),
            "rate": In(3), "advance": In(1), "restart": In(1),
            "d_write": In(store(n.vector_word)), "c_write": In(store(tag["window"])),
            "sum": Out(sum_layout(self.tag, self.total)),
            "drain_load": Out(1), "drain_slot": Out(self.slot),
            "drain_values": Out(data.ArrayLayout(self.drain_shape, self.n_lanes)),
            "move": In(1), "next_fetch": In(1), "next_shift": In(1), "move_store": In(1),
            "move_row": In(members["row"]), "move_data": In(self.word_group),
            "moved": Out(self.word_group),
            "state": Out(32), "lanes": Out(self.n_lanes + RANDOM_BITS - 1),
        })

    def elaborate(self, platform):
        m = Module()
        n = self.numerics
        slots, valids = self._pipeline(m)
        random = add_random(m, self, slots, valids, slots[0].row)
        m.d.comb += self.lanes.eq(random.lanes)
        read, write = (Mux(self.move, self.move_row, row)
                       for row in (slots[0].row, self.back.row))
        weights, words, late_words, stored = add_rows(
            m, self, slots, valids, self.last, read_row=[read], write_row=[write])
        m.d.comb += weights.write[0].eq(self._writes(slots[-1])
                                        | (stored[self.last] if n.training else self.move_store))
        late = self._late_lanes(m, random.lanes, slots, valids)
        controls = add_conv_control(m, self, slots, valids, random, stored)
        elements = [Const(0, 1)] * self.n_lanes
        if n.training:
            shown = Cat(self._vectors(m, slots))
            held = Signal.like(shown, name="c3_elements", reset_less=True)
            width = n.vector_word.width
            m.d.sync += held.eq(shown)
            elements = [held[k * width:(k + 1) * width] for k in range(self.n_lanes)]
        members = []
        for k in range(self.n_lanes):
            m.submodules[f"lane_{k}"] = lane = Lane(numerics=n)
            members.append(lane)
            m.d.comb += [
                lane.control.eq(controls[self._share(k)]),
                lane.word.eq(words[k]), lane.late_word.eq(late_words[k]),
                lane.element.eq(elements[k]), lane.random.eq(random.lanes[k:k + RANDOM_BITS]),
                lane.alive.eq(1),
            ]
            if n.decay is not None:
                m.d.comb += lane.late_random.eq(late[k:k + RANDOM_BITS])
        m.d.comb += self.drain_values.as_value().eq(Cat(
            lane.accumulator[:self.drain_shape.width] for lane in members))
        if n.training:
            m.d.comb += weights.new.as_value().eq(Cat(lane.updated for lane in members))
        if n.batch > 1:
            add_gradient_rows(m, n, members, slots, valids)
        if n.has_tree:
            self._sums(m, slots[PRODUCT_STAGE], valids[PRODUCT_STAGE],
                       Cat(lane.gathered for lane in members))
        slot = slots[SUM_STAGE]
        m.d.comb += [self.drain_load.eq(valids[SUM_STAGE] & slot.last & slot.spread),
                     self.drain_slot.eq(slot)]
        return m

    def _share(self, lane: int) -> int:
        """Return the smallest part of the lanes that always belongs to one group."""
        return lane * self.groups // self.n_lanes

    def of_group(self, layer, values) -> list:
        """Return for every share of the lanes the value of its group in ``layer``."""
        return [self.numerics.view.by_groups(
            layer, lambda groups, share=share: values[share * groups // self.groups])
            for share in range(self.groups)]

    def _pipeline(self, m):
        """The slot at every stage, and whether there is one; a row that the host stores is one."""
        n = self.numerics
        slots, valids = add_pipeline(m, self, self.last)
        with m.If(self.move):
            m.d.sync += [slots[3].tag.layer.eq(self.numerics.view.stored),
                         slots[3].bias.eq(0), slots[3].first.eq(1),
                         slots[3].update.eq(self.move_store)]
            if n.batch > 1:
                m.d.sync += slots[3].takes_step.eq(1)
            if n.decay is not None:
                m.d.sync += slots[3].decays.eq(0)
        return slots, valids

    def _writes(self, slot):
        """Whether the row of the slot that is through comes back changed."""
        n = self.numerics
        if n.batch == 1:
            return self.back.valid
        return self.back.valid & (slot.takes_step | (slot.decays if n.decay is not None else 0))

    def _late_lanes(self, m, lanes, slots, valids):
        """Return the bits of the lane sequence for decay: slots at c8 that end a sample still see
        its bits, though the next sample has been at c4."""
        if self.numerics.decay is None:
            return lanes
        late = Signal.like(lanes, name="late_lanes", reset_less=True)
        entered = [valids[k] & slots[k].new_sample for k in (4, 5, 6)]
        with m.If(~Cat(entered).any()):
            m.d.sync += late.eq(lanes)
        return late

    def _vectors(self, m, slots):
        """Return the delta of every lane at c2, zero where it does not count."""
        n, program = self.numerics, self.numerics.program
        layer = slots[1].tag.layer
        width = n.vector_word.width
        m.submodules.vectors = vectors = GroupedMemory(
            lanes=self.n_lanes, groups=self.groups, width=width, depth=program.vector_rows)
        self._connect(m, vectors, layer, self.d_write)
        live, picks = [], []
        for share, (is_live, pick) in enumerate(zip(
                self.of_group(layer, [self.live[g] for g in range(self.groups)]),
                self.of_group(layer, [self.picks[g] for g in range(self.groups)]), strict=True)):
            live.append(Signal(name=f"c2_live_{share}", reset_less=True))
            picks.append(Signal(self.picks[0].shape(), name=f"c2_pick_{share}", reset_less=True))
            m.d.sync += [live[-1].eq(is_live), picks[-1].eq(pick)]
        counts = [live[self._share(k)] for k in range(self.n_lanes)]
        choosing = [k for k in n.layers if program.walk(k).chooses]
        if choosing:
            m.submodules.chosen = chosen = GroupedMemory(
                lanes=self.n_lanes, groups=self.groups, width=len(self.picks[0]),
                depth=self._chosen_depth(choosing))
            self._connect(m, chosen, layer, self.c_write)
            every = n.view.value(slots[2].tag.layer, "every", 1)
            counts = [count & (every | (chosen.words[k] == picks[self._share(k)]))
                      for k, count in enumerate(counts)]
        return [vectors.words[k] & counts[k].replicate(width) for k in range(self.n_lanes)]

    def _chosen_depth(self, choosing) -> int:
        """Rows of deltas up to those of the last layer that chooses."""
        program, last = self.numerics.program, choosing[-1]
        if self.numerics.view.loadable:
            return program.vector_rows
        walk = program.walk(last)
        return program.d_base[last.index] + walk.n_blocks * walk.n_deltas

    def _connect(self, m, memory, layer, store) -> None:
        """Read a grouped memory at c1; write to the lanes of a channel in all groups."""
        rows = self.of_group(layer, [self.rows[g] for g in range(self.groups)])
        m.d.comb += [memory.rows[share].eq(row) for share, row in enumerate(rows)]
        mask = [self.numerics.view.by_groups(
            store.layer, lambda groups, k=k: store.lane == k % (self.n_lanes // groups))
            for k in range(self.n_lanes)]
        m.d.comb += [memory.write.eq(store.valid), memory.row.eq(store.row),
                     memory.lanes.eq(Cat(mask)), memory.code.eq(store.code)]
        view = self.numerics.view
        if view.loadable:
            with m.If(view.clear.valid):
                m.d.comb += [memory.write.eq(1), memory.row.eq(view.clear.row),
                             memory.lanes.eq((1 << self.n_lanes) - 1), memory.code.eq(0)]

    def _sums(self, m, slot, valid, products) -> None:
        n = self.numerics
        m.submodules.tree = tree = AdderTree(lanes=self.n_lanes, product=n.gathered,
                                             total=self.total, tag=self.tag, several=True)
        m.d.comb += [
            tree.products.as_value().eq(products), tree.i.valid.eq(valid & slot.gather),
            tree.i.first.eq(slot.first), tree.i.last.eq(slot.last), tree.i.tag.eq(slot.tag),
            tree.i.tag.finish.eq(valid & slot.gather & slot.tag.finish), self.sum.eq(tree.o),
        ]
