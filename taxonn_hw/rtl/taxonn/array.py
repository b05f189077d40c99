"""The array: P lanes, their memories, and the flags that travel along with a slot.

Stage names are those of :mod:`.lane`; a slot is at c0 when it leaves the hazard stage, one stage
further each clock, and never stalls.
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...config import Activation
from ...fixed import RANDOM_BITS, Rounding
from ...fixed.gates import rounding_offset
from ...plan.latency import (
    PRODUCT_STAGE,
    RANDOM_STAGE,
    SUM_STAGE,
    WRITE_LATENCY,
    lane_activation_stage,
    lane_delta_stage,
    sums_over_slots,
)
from ...plan.layout import weight_group
from ...plan.program import Finish
from ..select import by_index
from .factor import FactorUnit
from .lane import Lane, alignments, lane_control
from .neuron_unit import sum_tag
from .numerics import Numerics
from .random_words import ArrayRandom
from .scalar_bias import ScalarBias
from .slot import slot_layout
from .tree import AdderTree, sum_layout
from .vectors import VectorMemory
from .weights import WeightMemory

__all__ = ["LaneArray"]

_STAGES = 10


class LaneArray(wiring.Component):
    """Weights, lanes and vectors.

    Parameters
    ----------
    numerics : Numerics
    target : str
        See :class:`WeightMemory`.

    Members
    -------
    i : In({valid, slot}), stage c0
    back : In({valid, row})
        The update that is written back in this cycle (c6), from the hazard stage.
    rate : In(3)
        Highest learning-rate exponent less the present one.
    advance, restart : In(1)
        See :class:`ArrayRandom`.
    x_row, x_bank : Out, c1
        Input row of the slot.
    x_vector : In, c2
    a_write, d_write : In({valid, row, lane, code})
        Serial stores of the neuron unit.
    sum : Out({valid, tag, total})
        From the adder tree.
    drain_load, drain_values, drain_slot : Out
        Accumulators for the drain, with the slot that completed them (c6).
    stored : Out(1)
        A pass that stores in all lanes will be readable by a slot that leaves the sequencer now.
    move, move_bias, move_row, move_fetch, move_shift, move_data, move_store, moved : In, Out
        Host access to weights and scalar biases while no slot is under way; see :class:`Mover`.
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
            "back": In(data.StructLayout({"valid": 1, "row": row})),
            "rate": In(3), "advance": In(1), "restart": In(1),
            "x_row": Out(self.slot.members["vector_row"]), "x_bank": Out(1),
            "x_vector": In(data.ArrayLayout(n.vector_activation, self.n_lanes)),
            "a_write": In(data.StructLayout(store)), "d_write": In(data.StructLayout(store)),
            "sum": Out(sum_layout(self.tag, self.total)),
            "drain_load": Out(1), "drain_slot": Out(self.slot),
            "drain_values": Out(data.ArrayLayout(self.drain_shape, self.n_lanes)),
            "stored": Out(1),
            "move": In(1), "move_bias": In(1), "move_fetch": In(1), "move_shift": In(1),
            "move_store": In(1), "move_data": In(self.word_group), "moved": Out(self.word_group),
            "move_row": In(range(max(n.network.n_rows, n.network.n_neurons, 2))),
            "state": Out(32), "lane_word": Out(RANDOM_BITS),
        })

    def elaborate(self, platform):
        m = Module()
        n, lanes = self.numerics, range(self.n_lanes)
        slots, valids = self._pipeline(m)
        m.submodules.random = random = ArrayRandom(seed=n.network.config.seed, lanes=self.n_lanes)
        m.d.comb += [random.advance.eq(self.advance), random.restart.eq(self.restart),
                     random.advance_lanes.eq(valids[RANDOM_STAGE - 1]
                                             & slots[RANDOM_STAGE - 1].new_sample),
                     random.index.eq(slots[0].hash), self.state.eq(random.state),
                     self.lane_word.eq(random.lanes[:RANDOM_BITS])]
        control = self._control(m, slots, valids, random)
        weights, words = self._weights(m, slots, valids)
        elements, memory, stores = self._vectors(m, slots, valids)
        extra = self._biases(m, slots, valids, random, control)
        alive = self._alive(slots[lane_activation_stage(n.alignment)])
        members = []
        for k in lanes:
            m.submodules[f"lane_{k}"] = lane = Lane(numerics=n)
            members.append(lane)
            m.d.comb += [
                lane.control.eq(control), lane.word.eq(words[k]), lane.element.eq(elements[k]),
                lane.random.eq(random.lanes[k:k + RANDOM_BITS]), lane.alive.eq(alive[k]),
                lane.extra.eq(extra if k == 0 else 0),
            ]
        # Whole vectors at once: one driven piece by piece costs Icarus its width for each piece.
        m.d.comb += self.drain_values.as_value().eq(Cat(
            lane.accumulator[:self.drain_shape.width] for lane in members))
        if n.training:
            m.d.comb += weights.new.as_value().eq(Cat(lane.updated for lane in members))
        if stores:
            values = Cat(stores(lane) for lane in members)
            m.d.comb += memory.values.as_value().eq(values)
        if n.has_tree:
            self._sums(m, slots[PRODUCT_STAGE], valids[PRODUCT_STAGE],
                       Cat(lane.gathered for lane in members))
        slot = slots[SUM_STAGE]
        m.d.comb += [
            self.drain_load.eq(valids[SUM_STAGE] & slot.last & slot.spread & ~self._in_lanes(slot)),
            self.drain_slot.eq(slot),
        ]
        return m

    def _pipeline(self, m):
        """The slot at every stage, and whether there is one; a row that the host stores is one."""
        n = self.numerics
        slots, valids = [self.i.slot], [self.i.valid]
        for stage in range(1, _STAGES):
            slot = Signal(self.slot, name=f"c{stage}_slot", reset_less=True)
            valid = Signal(name=f"c{stage}_valid")
            m.d.sync += [slot.eq(slots[-1]), valid.eq(valids[-1])]
            slots.append(slot)
            valids.append(valid)
        widest = max(n.layers, key=lambda layer: layer.formats.weight.width).index
        serial = [layer for layer in n.layers if not layer.by_outputs]
        if serial:
            widest_bias = max(serial, key=lambda layer: layer.formats.bias.width).index
            widest = Mux(self.move_bias, widest_bias, widest)
        with m.If(self.move):
            m.d.sync += [slots[3].layer.eq(widest), slots[3].bias.eq(0),
                         slots[3].update.eq(self.move_store)]
        return slots, valids

    def _in_lanes(self, slot):
        """Whether the results of this spread slot are stored in all lanes at once."""
        program = self.numerics.program
        ways = [{p.layer.index: int(p.finish is Finish.LANES) for p in passes}
                for passes in (program.forward, program.backward) if passes]
        results = [by_index(slot.layer, way, 1) for way in ways]
        return results[0] if len(results) == 1 else Mux(slot.pass_backward, results[1], results[0])

    def _weights(self, m, slots, valids):
        """Return the weight memory and the row register, as words at c2."""
        n, width = self.numerics, self.numerics.word.width
        m.submodules.weights = weights = WeightMemory(
            lanes=self.n_lanes, word=n.word, n_rows=n.network.n_rows,
            single_port=n.network.single_port, target=self.target)
        row = Signal(width * self.n_lanes, name="c2_row", reset_less=True)
        with m.If(self.move_shift | self.move_fetch | valids[1] & slots[1].read):
            m.d.sync += row.eq(Mux(self.move_shift,
                                   Cat(row[width * self.group:], self.move_data),
                                   weights.words.as_value()))
        m.d.comb += [
            weights.row.eq(Mux(self.move, self.move_row, slots[0].row)),
            weights.write_row.eq(Mux(self.move, self.move_row, self.back.row)),
            self.moved.eq(row[:width * self.group]),
        ]
        written = self.move_store
        if n.training:
            for stage in range(3, WRITE_LATENCY + 1):
                register = Signal(name=f"c{stage}_move_store")
                m.d.sync += register.eq(written)
                written = register
        else:
            m.d.comb += weights.new.as_value().eq(row)
        m.d.comb += weights.write.eq(self.back.valid | written & ~self.move_bias)
        self.move_written = written
        words = [row[width * k:width * (k + 1)].as_signed() for k in range(self.n_lanes)]
        return weights, words

    def _vectors(self, m, slots, valids):
        """Return the lanes' elements at c2, the vector memory and what a lane stores."""
        n, program = self.numerics, self.numerics.program
        m.d.comb += [self.x_row.eq(slots[1].vector_row), self.x_bank.eq(slots[1].x_bank)]
        own, inputs, memory, stores = None, None, None, None
        if program.vector_rows:
            m.submodules.vectors = memory = VectorMemory(
                lanes=self.n_lanes, width=n.vector_word.width, depth=program.vector_rows)
            a, d = self.a_write, self.d_write
            m.d.comb += [
                memory.row.eq(slots[1].vector_row),
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
            elements = [Mux(self._element_is(slots[2], "x"), x, element)
                        for x, element in zip(inputs, own, strict=True)]
        return elements, memory, stores

    def _element_is(self, slot, kind: str):
        """Whether the lane's element in this slot is of memory ``x``, ``a`` or ``d``."""
        program = self.numerics.program
        ways = []
        for passes in (program.forward, program.backward):
            found = {p.layer.index: int(p.vector == kind) for p in passes if p.vector}
            if found:
                ways.append(by_index(slot.layer, found, 1))
        if not ways:
            return Const(0, 1)
        return ways[0] if len(ways) == 1 else Mux(slot.pass_backward, ways[1], ways[0])

    def _lane_stores(self, m, slots, valids, memory):
        """Write activations and deltas of all lanes; return what a lane writes."""
        n, program = self.numerics, self.numerics.program
        stages = {0: lane_activation_stage(n.alignment), 1: lane_delta_stage(n.alignment)}
        ends, writes, rows = [], [], []
        for backward in (0, 1) if n.training else (0,):
            stage, bases = stages[backward], program.d_base if backward else program.a_base
            rows.append(by_index(slots[stage].layer, {
                layer.index + backward: bases[layer.index] for layer in n.lane_layers})
                + slots[stage].block)

            def completes(stage, flag, backward=backward):
                slot = slots[stage]
                return (valids[stage] & slot[flag] & slot.spread & self._in_lanes(slot)
                        & (slot.pass_backward == backward))

            writes.append(completes(stage, "last"))
            ends.append(completes(stage - 2, "finish"))
        m.d.comb += [memory.store.eq(Cat(writes).any()), self.stored.eq(Cat(ends).any()),
                     memory.store_row.eq(rows[0] if len(rows) == 1
                                         else Mux(writes[1], rows[1], rows[0]))]
        width = n.vector_word.width

        def stores(lane):
            a = Cat(lane.activation, Const(0, width))[:width]
            if not n.training:
                return a
            return Mux(writes[1], Cat(lane.delta, Const(0, width))[:width], a)
        return stores

    def _control(self, m, slots, valids, random):
        """Decode once, for all lanes; each stage's signals are registered at its start."""
        n, a = self.numerics, self.numerics.alignment
        control = Signal(lane_control(n))
        m.submodules.factor = factor = FactorUnit(numerics=n)
        m.d.comb += [factor.c1.eq(slots[1]), factor.c1_valid.eq(valids[1]),
                     factor.rate.eq(self.rate), control.c2_factor.eq(factor.c2_factor)]
        s1, s2 = slots[1], slots[2]
        by_outputs = by_index(s1.layer, {layer.index: int(layer.by_outputs)
                                         for layer in n.layers}, 1)
        registered = {
            "c2_element_y": valids[1] & s1.gather,
            "c2_element_x": valids[1] & s1.update,
            "c2_lowest": s1.bias & ~s1.update,
            "c2_shift": valids[1] & (s1.backward | s1.update),
            "c2_own_power": Mux(s1.update, by_outputs, s1.gather),
            "c2_negate": s1.update,
            "c2_activation": self._activations(s1),
        }
        for name, value in registered.items():
            register = Signal(name=name, reset_less=True)
            m.d.sync += register.eq(value)
            m.d.comb += control[name].eq(register)
        m.d.comb += [
            control.c2_layer.eq(s2.layer), control.c3_layer.eq(slots[3].layer),
            control.c3_update.eq(slots[3].update),
            control.c3_bias.eq(slots[3].bias & ~slots[3].update),
            control.c5_layer.eq(slots[5].layer), control.c5_bias.eq(slots[5].bias),
            control.c5_first.eq(slots[5].first),
            control.c5_accumulate.eq(valids[5] & slots[5].spread),
            control.c6_layer.eq(slots[6].layer), control.c7_layer.eq(slots[7].layer),
            control.c8_layer.eq(slots[8].layer),
            control.c6_row_word.eq(random.c6), control.c7_row_word.eq(random.c7),
        ]
        if n.pow2:
            m.d.comb += control.c2_power.eq(s2.power)
        if n.training and a.point:
            self._offset(m, slots[3], valids[3], random, control)
        if not a.scaled:
            self._zeros(m, slots[3], control)
        return control

    def _activations(self, slot):
        """Whether the lane's element is an activation, not a delta: also for the slopes that the
        null slot of a block asks for."""
        return self._element_is(slot, "a") | self._element_is(slot, "x")

    def _offset(self, m, slot, valid, random, control) -> None:
        """What rounding adds: to updates its complement, to deltas stored in all lanes itself."""
        n, a = self.numerics, self.numerics.alignment
        rounding, point = n.network.config.rounding, a.point
        offset = ~rounding_offset(point, rounding.update, random.c3)
        lane, stochastic = slot.update, Rounding.STOCHASTIC
        mask = int(rounding.update is stochastic)
        if n.lane_layers and a.rounds_deltas:
            offset = Mux(slot.update, offset, rounding_offset(point, rounding.delta, random.c3))
            rounds = slot.last & slot.spread & slot.pass_backward & self._in_lanes(slot)
            mask = Mux(slot.update, mask, int(rounding.delta is stochastic))
            lane = slot.update | valid & rounds
        m.d.comb += [control.c3_offset.eq(offset & lane.replicate(point)),
                     control.c3_offset_lane.eq(lane & mask)]

    def _zeros(self, m, slot, control) -> None:
        """Which zeros the product of a slot gets at c4."""
        n, a = self.numerics, self.numerics.alignment
        shifts = alignments(n)
        number = {zeros: k for k, zeros in enumerate(shifts)}
        forward = by_index(slot.layer, {layer.index: number[
            layer.product_shift + a.forward_zeros(layer)] for layer in n.layers})
        choice = Mux(slot.pass_backward, 0, forward)
        if n.training:
            low, high = n.network.config.rate_range
            update = by_index(slot.layer, {layer.index: Array(
                number[a.update_zeros(layer, rate)] for rate in range(high, low - 1, -1))[self.rate]
                for layer in n.layers})
            choice = Mux(slot.update, update, choice)
        register = Signal(range(max(len(shifts), 2)), name="c4_alignment", reset_less=True)
        m.d.sync += register.eq(choice)
        m.d.comb += control.c4_alignment.eq(register)

    def _alive(self, slot):
        """One bit a lane: it stands for a neuron in this block.  Only a hard sigmoid of nothing
        is not nothing, so other activations need no mask."""
        n, full = self.numerics, (1 << self.n_lanes) - 1
        masks = {}
        for layer in n.lane_layers:
            rest = layer.n_out % self.n_lanes
            mask = full
            if rest and layer.activation is Activation.HARD_SIGMOID:
                mask = Mux(slot.block == layer.n_blocks - 1, (1 << rest) - 1, full)
            masks[layer.index] = mask
        if all(mask is full or isinstance(mask, int) for mask in masks.values()):
            return Const(full, self.n_lanes)
        return by_index(slot.layer, masks, self.n_lanes)

    def _biases(self, m, slots, valids, random, control):
        """Add the scalar biases; return what lane 0 adds to its product, at c3."""
        n = self.numerics
        if not n.has_scalar_bias:
            return 0
        m.submodules.biases = biases = ScalarBias(numerics=n)
        offsets = {layer.index: layer.neuron_base - layer.row_base
                   for layer in n.layers if not layer.by_outputs}
        address, back = biases.c1_address, biases.c6_address
        serial = {layer.index: int(not layer.by_outputs) for layer in n.layers}

        def place(row, layer):  # of block 0
            return (row + by_index(layer, offsets))[:len(address)]

        c1_place = Signal.like(address, name="c1_place", reset_less=True)
        m.d.sync += c1_place.eq(place(slots[0].row, slots[0].layer))
        s3 = slots[3]
        is_first = (valids[3] & s3.gather & s3.first & ~s3.pass_backward
                    & by_index(s3.layer, serial, 1))
        factor = Signal(n.factor, name="c3_factor", reset_less=True)
        own = slots[2].update & valids[2] & (slots[2].block == 0) & by_index(
            slots[2].layer, serial, 1)
        for stage in range(3, WRITE_LATENCY + 1):
            register = Signal(name=f"c{stage}_own_bias")
            m.d.sync += register.eq(own)
            own = register
        m.d.sync += factor.eq(control.c2_factor)
        m.d.comb += [
            address.eq(Mux(self.move, self.move_row, c1_place)),
            back.eq(Mux(self.move, self.move_row,
                        place(self.back.row, slots[WRITE_LATENCY].layer))),
            biases.c3_factor.eq(factor), biases.c3_layer.eq(s3.layer),
            biases.c5_layer.eq(slots[5].layer),
            biases.c3_offset.eq(control.c3_offset),
            biases.c3_offset_lane.eq(control.c3_offset_lane),
            biases.random.eq(random.lanes[:RANDOM_BITS]), biases.rate.eq(self.rate),
            biases.write.eq(own | self.move_written & self.move_bias),
            biases.load.eq(self.move_shift), biases.data.eq(self.move_data[0]),
            biases.hold.eq(self.move & ~self.move_shift & ~self.move_fetch),
        ]
        if n.pow2:
            m.d.comb += biases.c3_power.eq(s3.power)
        with m.If(self.move_bias):
            m.d.comb += self.moved.eq(biases.held)
        return Mux(is_first, biases.aligned, 0)

    def _sums(self, m, slot, valid, products) -> None:
        n = self.numerics
        m.submodules.tree = tree = AdderTree(
            lanes=self.n_lanes, product=n.gathered, total=self.total, tag=self.tag,
            several=sums_over_slots(n.program))
        m.d.comb += [
            tree.products.as_value().eq(products),
            tree.i.valid.eq(valid & slot.gather), tree.i.first.eq(slot.first),
            tree.i.last.eq(slot.last),
            tree.i.tag.layer.eq(slot.layer), tree.i.tag.backward.eq(slot.pass_backward),
            tree.i.tag.item.eq(slot.item),
            tree.i.tag.finish.eq(valid & slot.finish & ~slot.spread),
            self.sum.eq(tree.o),
        ]
