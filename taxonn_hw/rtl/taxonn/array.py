"""The array: P lanes, their memories, and the flags that travel along with a slot.

Stage names are those of :mod:`.lane`; a slot is at c0 a clock after it leaves the hazard stage, one
stage further each clock, and never stalls.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...fixed import RANDOM_BITS
from ...plan.latency import (
    ARRAY_LATENCY,
    PRODUCT_STAGE,
    SUM_STAGE,
    WRITE_STAGE,
    lane_activation_stage,
    lane_delta_stage,
    sums_over_slots,
)
from ...plan.layout import weight_group
from ...plan.program import Finish
from ..copies import LANES_PER_COPY, add_copies
from ..select import by_index
from .array_control import add_control, alive_lanes, element_is, in_lanes
from .array_parts import add_pipeline, add_random, add_rows
from .lane import Lane
from .neuron_unit import sum_tag
from .numerics import Numerics
from .scalar_bias import ScalarBias
from .slot import slot_layout
from .tree import AdderTree, sum_layout
from .vectors import VectorMemory

__all__ = ["LaneArray"]

_LAST = 10  # stage


class LaneArray(wiring.Component):
    """Weights, lanes and vectors.

    Parameters
    ----------
    numerics : Numerics
    target : str
        See :class:`WeightMemory`.

    Members
    -------
    i : In({valid, slot})
        From the hazard stage.
    next_back : In({valid, row})
        The update that is written back in the next cycle (c7).
    rate : In(3)
        Highest learning-rate exponent less the present one.
    advance, restart : In(1)
        See :class:`ArrayRandom`.
    x_row, x_bank : Out, c2
        Input row of the slot.
    x_vector : In, c3
    a_write, d_write : In({valid, row, lane, code})
        Serial stores of the neuron unit.
    sum : Out({valid, tag, total})
        From the adder tree.
    drain_load, drain_values, drain_slot : Out
        Accumulators for the drain, with the slot that completed them (c7).
    stored : Out(1)
        A pass that stores in all lanes will be readable by a slot that leaves the sequencer now.
    move, move_bias, move_row, next_fetch, next_shift, move_data, move_store, moved : In, Out
        Host access to weights and scalar biases while no slot is under way; see :class:`Mover`.
        The row of weights comes with ``i`` and ``next_back``, see :class:`HazardStage`.
    state, lane_word : Out
        Random words for the neuron unit.
    """

    def __init__(self, *, numerics: Numerics, target: str) -> None:
        self.numerics = n = numerics
        self.target = target
        self.n_lanes = n.network.lanes
        self.group = weight_group(self.n_lanes)
        self.slot, self.tag = slot_layout(n), sum_tag(n)
        self.total = n.sum_shape((Finish.TREE,))
        self.drain_shape = n.sum_shape((Finish.DRAIN,))
        self.word_group = data.ArrayLayout(n.word.width, self.group)
        row = self.slot.members["row"]
        store = {"valid": 1, "row": self.slot.members["vector_row"],
                 "lane": range(max(self.n_lanes, 2)), "code": n.vector_word}
        super().__init__({
            "i": In(data.StructLayout({"valid": 1, "slot": self.slot})),
            "next_back": In(data.StructLayout({"valid": 1, "row": row})),
            "rate": In(3), "advance": In(1), "restart": In(1),
            "x_row": Out(self.slot.members["vector_row"]), "x_bank": Out(1),
            "x_vector": In(data.ArrayLayout(n.vector_activation, self.n_lanes)),
            "a_write": In(data.StructLayout(store)), "d_write": In(data.StructLayout(store)),
            "sum": Out(sum_layout(self.tag, self.total)),
            "drain_load": Out(1), "drain_slot": Out(self.slot),
            "drain_values": Out(data.ArrayLayout(self.drain_shape, self.n_lanes)),
            "stored": Out(1),
            "move": In(1), "move_bias": In(1), "next_fetch": In(1), "next_shift": In(1),
            "move_store": In(1), "move_data": In(self.word_group), "moved": Out(self.word_group),
            "move_row": In(range(max(n.network.n_rows, n.network.n_neurons, 2))),
            "state": Out(32), "lane_word": Out(RANDOM_BITS),
        })

    def elaborate(self, platform):
        m = Module()
        n = self.numerics
        slots, valids = self._pipeline(m)
        random = add_random(m, self, slots, valids, self.i.slot.hash, lead=ARRAY_LATENCY)
        m.d.comb += self.lane_word.eq(random.lanes[:RANDOM_BITS])
        controls = add_control(m, self, slots, valids, random)
        driven = 1 if n.network.single_port else self.n_lanes  # by one address
        read, write = (
            add_copies(m, row, driven, name=name)
            for row, name in ((self.i.slot.row, "c0_row"), (self.next_back.row, "c7_row")))
        weights, words, late_words, stored = add_rows(
            m, self, slots, valids, WRITE_STAGE, read_row=read, write_row=write)
        self.move_written = stored[WRITE_STAGE] if n.training else stored[3]
        self.will_write = stored[WRITE_STAGE - 1] if n.training else self.move_store
        writes = add_copies(m, self.next_back.valid | self.will_write & ~self.move_bias,
                            driven, name="c7_writes")
        m.d.comb += [port.eq(write) for port, write in zip(weights.write, writes, strict=True)]
        elements, memory, stores = self._vectors(m, slots, valids)
        extra = self._biases(m, slots, valids, random, controls[0], read[0])
        alive = alive_lanes(n, slots[lane_activation_stage(n.alignment)])
        members = self._lanes(m, slots, valids, controls)
        for k, lane in enumerate(members):
            m.d.comb += [
                lane.control.eq(controls[k // LANES_PER_COPY]),
                lane.word.eq(words[k]), lane.late_word.eq(late_words[k]),
                lane.element.eq(elements[k]),
                lane.random.eq(random.lanes[k:k + RANDOM_BITS]), lane.alive.eq(alive[k]),
                lane.extra.eq(extra if k == 0 else 0),
            ]
        # Whole vectors at once: one driven piece by piece costs Icarus its width for each piece.
        m.d.comb += self.drain_values.as_value().eq(Cat(
            lane.accumulator[:self.drain_shape.width] for lane in members))
        if n.training:
            m.d.comb += weights.new.as_value().eq(Cat(lane.updated for lane in members))
        if stores:
            values = Cat(stores(k, lane) for k, lane in enumerate(members))
            m.d.comb += memory.values.as_value().eq(values)
        if n.has_tree:
            self._sums(m, slots[PRODUCT_STAGE], valids[PRODUCT_STAGE], members)
        slot = slots[SUM_STAGE]
        m.d.comb += [
            self.drain_load.eq(valids[SUM_STAGE] & slot.last & slot.spread & ~in_lanes(n, slot)),
            self.drain_slot.eq(slot),
        ]
        return m

    def _pipeline(self, m):
        """The slot at every stage, and whether there is one; a row that the host stores is one."""
        n = self.numerics
        slots, valids = add_pipeline(m, self, _LAST, lead=ARRAY_LATENCY)
        widest = max(n.layers, key=lambda layer: layer.formats.weight.width).index
        serial = [layer for layer in n.layers if not layer.by_outputs]
        if serial:
            widest_bias = max(serial, key=lambda layer: layer.formats.bias.width).index
            widest = Mux(self.move_bias, widest_bias, widest)
        with m.If(self.move):
            m.d.sync += [slots[3].layer.eq(widest), slots[3].bias.eq(0),
                         slots[3].update.eq(self.move_store)]
        return slots, valids

    def _vectors(self, m, slots, valids):
        """Return the lanes' elements at c3, the vector memory and what a lane stores."""
        n, program = self.numerics, self.numerics.program
        m.d.comb += [self.x_row.eq(slots[2].vector_row), self.x_bank.eq(slots[2].x_bank)]
        own, inputs, memory, stores = None, None, None, None
        if program.vector_rows:
            m.submodules.vectors = memory = VectorMemory(
                lanes=self.n_lanes, width=n.vector_word.width, depth=program.vector_rows)
            a, d = self.a_write, self.d_write
            m.d.comb += [
                memory.row.eq(slots[2].vector_row),
                memory.serial.eq(a.valid | d.valid),
                memory.serial_row.eq(Mux(d.valid, d.row, a.row)),
                memory.serial_lane.eq(Mux(d.valid, d.lane, a.lane)),
                memory.code.eq(Mux(d.valid, d.code, a.code)),
                memory.clear.eq(valids[1] & slots[1].clear),
                memory.clear_row.eq(slots[1].vector_row),
            ]
            own = [memory.words[k] for k in range(self.n_lanes)]
        if program.x_rows:
            inputs = [self.x_vector[k].as_unsigned() for k in range(self.n_lanes)]
        if n.lane_layers:
            stores = self._lane_stores(m, slots, valids, memory)
        elements = own or inputs or [Const(0, 1)] * self.n_lanes
        if own and inputs:
            elements = [Mux(element_is(n, slots[3], "x"), x, element)
                        for x, element in zip(inputs, own, strict=True)]
        return elements, memory, stores

    def _lane_stores(self, m, slots, valids, memory):
        """Write activations and deltas of all lanes; return what a lane writes.

        What is decoded here is registered, so it is decoded from the stage before.
        """
        n, program = self.numerics, self.numerics.program
        stages = {0: lane_activation_stage(n.alignment), 1: lane_delta_stage(n.alignment)}
        ends, writes, rows = [], [], []
        for backward in (0, 1) if n.training else (0,):
            stage, bases = stages[backward] - 1, program.d_base if backward else program.a_base
            rows.append(by_index(slots[stage].layer, {
                layer.index + backward: bases[layer.index] for layer in n.lane_layers})
                + slots[stage].block)

            def completes(stage, flag, backward=backward):
                slot = slots[stage]
                return (valids[stage] & slot[flag] & slot.spread & in_lanes(n, slot)
                        & (slot.pass_backward == backward))

            writes.append(completes(stage, "last"))
            ends.append(completes(stage - 2, "finish"))
        m.d.sync += self.stored.eq(Cat(ends).any())
        m.d.comb += [memory.store.eq(Cat(writes).any()),
                     memory.store_row.eq(rows[0] if len(rows) == 1
                                         else Mux(writes[1], rows[1], rows[0]))]
        width = n.vector_word.width
        is_delta = add_copies(m, writes[1], self.n_lanes, name="stores_delta") \
            if n.training else []

        def stores(k, lane):
            a = Cat(lane.activation, Const(0, width))[:width]
            if not n.training:
                return a
            return Mux(is_delta[k // LANES_PER_COPY], Cat(lane.delta, Const(0, width))[:width], a)
        return stores

    def _biases(self, m, slots, valids, random, control, read_row):
        """Add the scalar biases; return what lane 0 adds to its product, at c4."""
        n = self.numerics
        if not n.has_scalar_bias:
            return 0
        m.submodules.biases = biases = ScalarBias(numerics=n)
        offsets = {layer.index: layer.neuron_base - layer.row_base
                   for layer in n.layers if not layer.by_outputs}
        address, back = biases.c1_address, biases.c7_address
        serial = {layer.index: int(not layer.by_outputs) for layer in n.layers}

        c1_place, c7_place = (Signal.like(address, name=f"c{k}_place", reset_less=True)
                              for k in (1, WRITE_STAGE))

        def place(row, layer):  # of block 0
            return (row + by_index(layer, offsets))[:len(address)]

        m.d.sync += [
            c1_place.eq(Mux(self.move, self.move_row, place(read_row, slots[0].layer))),
            c7_place.eq(Mux(self.move, self.move_row,
                            place(self.next_back.row, slots[WRITE_STAGE - 1].layer))),
        ]
        s4 = slots[4]
        is_first = (valids[4] & s4.gather & s4.first & ~s4.pass_backward
                    & by_index(s4.layer, serial, 1))
        factor = Signal(n.factor, name="c4_factor", reset_less=True)
        own = slots[2].update & valids[2] & (slots[2].block == 0) & by_index(
            slots[2].layer, serial, 1)
        for stage in range(3, WRITE_STAGE + 1):
            register = Signal(name=f"c{stage}_own_bias")
            m.d.sync += register.eq(own)
            own = register
        shift, shows, fetched = (Signal(name=f"move_{what}")
                                 for what in ("shift", "shows", "fetched"))
        m.d.sync += [factor.eq(control.c3_factor), shift.eq(self.next_shift),
                     shows.eq(self.next_fetch), fetched.eq(shows)]
        m.d.comb += [
            address.eq(c1_place), back.eq(c7_place),
            biases.c4_factor.eq(factor), biases.c4_layer.eq(s4.layer),
            biases.c6_layer.eq(slots[6].layer),
            biases.c4_offset.eq(control.c4_offset),
            biases.c4_offset_lane.eq(control.c4_offset_lane),
            biases.random.eq(random.lanes[:RANDOM_BITS]), biases.rate.eq(self.rate),
            biases.write.eq(own | self.move_written & self.move_bias),
            biases.load.eq(shift), biases.data.eq(self.move_data[0]),
            biases.hold.eq(self.move & ~shift & ~fetched),
        ]
        if n.pow2:
            m.d.comb += biases.c4_power.eq(s4.power)
        with m.If(self.move_bias):
            m.d.comb += self.moved.as_value().eq(biases.held.as_unsigned())
        return Mux(is_first, biases.aligned, 0)

    def _lanes(self, m, slots, valids, controls) -> list:
        """Add the lanes; how slots become their factors is up to ``controls``."""
        lanes = []
        for k in range(self.n_lanes):
            m.submodules[f"lane_{k}"] = lane = Lane(numerics=self.numerics)
            lanes.append(lane)
        return lanes

    def _sums(self, m, slot, valid, lanes) -> None:
        n = self.numerics
        m.submodules.tree = tree = AdderTree(
            lanes=self.n_lanes, product=n.gathered, total=self.total, tag=self.tag,
            several=sums_over_slots(n.program))
        products = Cat(lane.gathered for lane in lanes)
        m.d.comb += [*self._into_tree(tree, slot, valid, products), self.sum.eq(tree.o)]

    @staticmethod
    def _into_tree(tree, slot, valid, products) -> list:
        """Return what connects a tree with the slot whose products it gets."""
        return [
            tree.products.as_value().eq(products),
            tree.i.valid.eq(valid & slot.gather), tree.i.first.eq(slot.first),
            tree.i.last.eq(slot.last),
            tree.i.tag.layer.eq(slot.layer), tree.i.tag.backward.eq(slot.pass_backward),
            tree.i.tag.item.eq(slot.item),
            tree.i.tag.finish.eq(valid & slot.finish & ~slot.spread),
        ]
