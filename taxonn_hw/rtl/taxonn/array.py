"""The array: P lanes, their memories, and the flags that travel along with a slot.

Stage names are those of :mod:`.lane`; a slot is at c0 when it leaves the hazard stage, one stage
further each clock, and never stalls.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...config import Activation
from ...fixed import RANDOM_BITS
from ...plan.latency import WRITE_LATENCY, lane_delta_stage
from ...plan.layout import weight_group
from ...plan.program import Finish
from ..select import by_index
from .lane import Lane, lane_control
from .neuron_unit import sum_tag
from .numerics import Numerics
from .random_words import ArrayRandom
from .scalar_bias import ScalarBias
from .slot import slot_layout
from .tree import AdderTree, sum_layout
from .vectors import VectorMemory
from .weights import WeightMemory

__all__ = ["LaneArray"]


class LaneArray(wiring.Component):
    """Weights, lanes and vectors.

    Members
    -------
    i : In({valid, slot}), stage c0
    rate : In(3)
        Highest learning-rate exponent less the present one.
    advance, restart : In(1)
        See :class:`ArrayRandom`.
    x_vector : In
        Input row of the slot, at c1.
    a_write, d_write : In({valid, row, lane, code})
        Serial stores of the neuron unit.
    sum : Out({valid, tag, total})
        From the adder tree.
    drain_load, drain_values, drain_slot : Out
        Accumulators for the drain, with the slot that completed them (s5).
    stored : Out(1)
        A pass that stores in all lanes will be readable by a slot that leaves the sequencer now.
    move, move_bias, move_row, move_group, move_write, move_data, moved : In, Out
        Host access to weights and scalar biases while no slot is under way.
    state, lane_word : Out
        Random words for the neuron unit.
    """

    def __init__(self, *, numerics: Numerics) -> None:
        self.numerics = n = numerics
        self.n_lanes = n.network.lanes
        self.group = weight_group(self.n_lanes)
        self.slot, self.tag = slot_layout(n), sum_tag(n)
        self.total = n.sum_shape((Finish.TREE,))
        self.drain_shape = n.sum_shape((Finish.LANES, Finish.DRAIN))
        self.word_group = data.ArrayLayout(n.word.width, self.group)
        store = {"valid": 1, "row": self.slot.members["vector_row"],
                 "lane": range(max(self.n_lanes, 2))}
        super().__init__({
            "i": In(data.StructLayout({"valid": 1, "slot": self.slot})),
            "rate": In(3), "advance": In(1), "restart": In(1),
            "x_vector": In(data.ArrayLayout(n.vector_activation, self.n_lanes)),
            "a_write": In(data.StructLayout({**store, "code": n.vector_activation})),
            "d_write": In(data.StructLayout({**store, "code": n.delta})),
            "sum": Out(sum_layout(self.tag, self.total)),
            "drain_load": Out(1), "drain_slot": Out(self.slot),
            "drain_values": Out(data.ArrayLayout(self.drain_shape, self.n_lanes)),
            "stored": Out(1),
            "move": In(1), "move_bias": In(1), "move_write": In(1),
            "move_row": In(range(max(n.network.n_rows, n.network.n_neurons, 2))),
            "move_group": In(range(max(self.n_lanes // self.group, 2))),
            "move_data": In(self.word_group), "moved": Out(self.word_group),
            "state": Out(32), "lane_word": Out(RANDOM_BITS),
        })

    def elaborate(self, platform):
        m = Module()
        n = self.numerics
        slots, valids = [self.i.slot], [self.i.valid]
        for stage in range(1, 10):
            slot = Signal(self.slot, name=f"c{stage}_slot", reset_less=True)
            valid = Signal(name=f"c{stage}_valid")
            m.d.sync += [slot.eq(slots[-1]), valid.eq(valids[-1])]
            slots.append(slot)
            valids.append(valid)
        m.submodules.random = random = ArrayRandom(seed=n.network.config.seed, lanes=self.n_lanes)
        m.d.comb += [random.advance.eq(self.advance), random.restart.eq(self.restart),
                     random.index.eq(slots[0].hash), self.state.eq(random.state),
                     self.lane_word.eq(random.lanes[:RANDOM_BITS])]
        weights = self._weights(m, slots, valids)
        vectors, powers, stores = self._vectors(m, slots, valids)
        control = self._control(m, slots, valids, random)
        alive = self._alive(slots[7])
        products = Signal(data.ArrayLayout(n.product, self.n_lanes))
        for k in range(self.n_lanes):
            m.submodules[f"lane_{k}"] = lane = Lane(numerics=n)
            m.d.comb += [
                lane.control.eq(control), lane.word.eq(weights.words[k]),
                lane.vector.eq(vectors[k]), lane.power.eq(powers[k]),
                lane.random.eq(random.lanes[k:k + RANDOM_BITS]), lane.alive.eq(alive[k]),
                weights.new[k].eq(lane.updated), products[k].eq(lane.product),
                self.drain_values[k].eq(lane.accumulator),
            ]
            m.d.comb += [memory.values[k].eq(getattr(lane, name)) for name, memory in stores]
        biases = self._biases(m, slots, valids, random)
        if n.has_tree:
            self._sums(m, slots[4], valids[4], products, biases)
        m.d.comb += [
            self.drain_load.eq(valids[5] & slots[5].last & slots[5].spread
                               & ~self._in_lanes(slots[5])),
            self.drain_slot.eq(slots[5]),
        ]
        return m

    def _in_lanes(self, slot):
        """Whether the results of this spread slot are stored in all lanes at once."""
        program = self.numerics.program
        ways = [{p.layer.index: int(p.finish is Finish.LANES) for p in passes}
                for passes in (program.forward, program.backward) if passes]
        results = [by_index(slot.layer, way, 1) for way in ways]
        return results[0] if len(results) == 1 else Mux(slot.pass_backward, results[1], results[0])

    def _weights(self, m, slots, valids) -> WeightMemory:
        n = self.numerics
        m.submodules.weights = weights = WeightMemory(
            lanes=self.n_lanes, group=self.group, word=n.word, n_rows=n.network.n_rows)
        m.d.comb += [
            weights.row.eq(slots[0].row), weights.read.eq(valids[0] & slots[0].read),
            weights.move.eq(self.move), weights.move_row.eq(self.move_row),
            weights.move_group.eq(self.move_group), weights.move_data.eq(self.move_data),
            weights.move_write.eq(self.move_write & ~self.move_bias),
            self.moved.eq(weights.moved),
        ]
        if n.training:
            m.d.comb += [weights.write_row.eq(slots[WRITE_LATENCY].row),
                         weights.write.eq(valids[WRITE_LATENCY] & slots[WRITE_LATENCY].update)]
        return weights

    def _vectors(self, m, slots, valids):
        """Return the lanes' elements and power-of-two deltas at c1, and where lanes store."""
        n, program = self.numerics, self.numerics.program
        sources, powers, stores = {}, None, []
        if program.x_rows:
            sources["x"] = self.x_vector
        memories = {}
        for name, depth, shape in (("a", program.a_rows, n.vector_activation),
                                   ("d", program.d_rows, n.delta)):
            if not depth:
                continue
            memory = VectorMemory(lanes=self.n_lanes, shape=shape, depth=depth)
            m.submodules[f"{name}_vectors"] = memories[name] = memory
            serial = getattr(self, f"{name}_write")
            m.d.comb += [
                memory.row.eq(slots[0].vector_row),
                memory.serial.eq(serial.valid), memory.serial_row.eq(serial.row),
                memory.serial_lane.eq(serial.lane), memory.code.eq(serial.code),
            ]
            if name == "d":
                m.d.comb += [memory.clear.eq(valids[1] & slots[1].clear),
                             memory.clear_row.eq(slots[1].vector_row)]
            if n.pow2 and name == "d":
                powers = memory.words
            else:
                sources[name] = memory.words
        if n.lane_layers:
            self._lane_stores(m, slots, valids, memories, stores)
        elements = [Const(0, n.vector)] * self.n_lanes
        if sources:
            kinds = {p.layer.index: p.vector for p in program.forward}
            updates = {p.layer.index: p.vector for p in program.backward}
            for k in range(self.n_lanes):
                choices = [self._pick(slots[1].layer, way, sources, k) for way in (kinds, updates)]
                choices = [choice for choice in choices if choice is not None]
                elements[k] = choices[0] if len(choices) == 1 else Mux(
                    slots[1].pass_backward, choices[1], choices[0])
        none = [Const(0, n.delta)] * self.n_lanes
        return elements, powers if powers is not None else none, stores

    @staticmethod
    def _pick(layer, kinds, sources, lane):
        choices = {i: sources[kind][lane] for i, kind in kinds.items() if kind in sources}
        if len({kinds[i] for i in choices}) == 1:  # one memory for all: no multiplexer
            return next(iter(choices.values()))
        return by_index(layer, choices) if choices else None

    def _lane_stores(self, m, slots, valids, memories, stores) -> None:
        """Write activations at s7 and deltas when their quantiser is through."""
        n, program = self.numerics, self.numerics.program
        late = lane_delta_stage(n.network)
        for name, stage, backward, bases in (("a", 7, 0, program.a_base),
                                             ("d", late, 1, program.d_base)):
            if name not in memories:
                continue
            slot = slots[stage]
            own = {layer.index + backward: bases[layer.index] for layer in n.lane_layers}
            memory = memories[name]
            m.d.comb += [
                memory.store.eq(valids[stage] & slot.last & slot.spread & self._in_lanes(slot)
                                & (slot.pass_backward == backward)),
                memory.store_row.eq(by_index(slot.layer, own) + slot.block),
            ]
            stores.append(({"a": "activation", "d": "delta"}[name], memory))
        ends = []
        for stage, backward in ((5, 0), (late - 2, 1)):
            slot = slots[stage]
            ends.append(valids[stage] & slot.finish & slot.spread & self._in_lanes(slot)
                        & (slot.pass_backward == backward))
        m.d.comb += self.stored.eq(ends[0] | ends[1])

    def _control(self, m, slots, valids, random):
        n = self.numerics
        by_outputs = {layer.index: int(layer.by_outputs) for layer in n.layers}
        control = Signal(lane_control(n))
        m.d.comb += [
            control.s1_load.eq(valids[1] & slots[1].read),
            control.s1_load_vector.eq(valids[1]),
            control.s2_scalar.eq(slots[2].scalar), control.s2_layer.eq(slots[2].layer),
            control.s3_layer.eq(slots[3].layer), control.s3_vector_y.eq(slots[3].gather),
            control.s3_backward.eq(slots[3].backward), control.s3_update.eq(slots[3].update),
            control.s3_by_outputs.eq(by_index(slots[3].layer, by_outputs, 1)),
            control.s3_bias.eq(slots[3].bias & ~slots[3].update),
            control.s4_layer.eq(slots[4].layer),
            control.s4_accumulate.eq(valids[4] & slots[4].spread),
            control.s4_first.eq(slots[4].first), control.s4_row_word.eq(random.s4),
            control.s4_rate.eq(self.rate),
            control.s5_layer.eq(slots[5].layer), control.s5_bias.eq(slots[5].bias),
            control.s5_row_word.eq(random.s5),
            control.s6_layer.eq(slots[6].layer), control.s6_row_word.eq(random.s6),
            control.s7_layer.eq(slots[7].layer),
        ]
        if n.pow2:
            m.d.comb += control.s2_power.eq(slots[2].power)
        return control

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

    def _biases(self, m, slots, valids, random):
        n = self.numerics
        if not n.has_scalar_bias:
            return None
        m.submodules.biases = biases = ScalarBias(numerics=n)
        m.d.comb += [getattr(biases, f"c{k}").eq(slots[k]) for k in (0, 2, 3, 4, 5, 6)]
        m.d.comb += [
            biases.c6_valid.eq(valids[6]), biases.row_word.eq(random.s4),
            biases.lane_word.eq(random.lanes[:RANDOM_BITS]), biases.rate.eq(self.rate),
            biases.move.eq(self.move), biases.move_address.eq(self.move_row),
            biases.move_write.eq(self.move_write & self.move_bias),
            biases.move_data.eq(self.move_data[0]),
        ]
        with m.If(self.move_bias):
            m.d.comb += self.moved.eq(Cat(biases.moved))
        return biases

    def _sums(self, m, slot, valid, products, biases) -> None:
        n = self.numerics
        m.submodules.tree = tree = AdderTree(lanes=self.n_lanes, product=n.product,
                                             total=self.total, tag=self.tag)
        forward_bias = biases.aligned if biases is not None else 0
        m.d.comb += [
            tree.products.eq(products),
            tree.i.valid.eq(valid & slot.gather), tree.i.first.eq(slot.first),
            tree.i.last.eq(slot.last), tree.i.bias.eq(Mux(slot.pass_backward, 0, forward_bias)),
            tree.i.tag.layer.eq(slot.layer), tree.i.tag.backward.eq(slot.pass_backward),
            tree.i.tag.item.eq(slot.item),
            tree.i.tag.finish.eq(valid & slot.finish & ~slot.spread),
            self.sum.eq(tree.o),
        ]
