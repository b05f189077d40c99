"""A junction: forward, backward and update of three samples in one pass over its weights.

Signals are at the stages of :mod:`taxonn_hw.plan.edge.latency`, counted from the addresses of a
clock; whatever is needed later travels along in registers.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...fixed import Rounding
from ...fixed.random import activation_index
from ...plan.edge.latency import junction_stages
from ...plan.edge.network import EdgeNetwork
from .forward import Forward, Operands
from .learning import add_backward, add_deltas, add_update
from .left_bank import LeftBank
from .mover import place_layout
from .parameters import MOVED_LATENCY, ParameterMemory
from .right_neurons import RightNeurons
from .rows import InterleaverRows
from .sequencer import LEAD, context_layout, left_copies
from .shapes import JunctionShapes
from .staged import Staged, pick
from .targets import TargetRows
from .walk import Walk
from .words import StoreWords

__all__ = ["EdgeJunction"]


class EdgeJunction(wiring.Component):
    """Junction ``index`` (from 1) with its left bank, its parameters and its left deltas.

    Members
    -------
    clock, valid, first, context : In
        From the sequencer, at stage :data:`LEAD`.
    restart : In(1)
        Random words go back to sample 0.
    write, activations, slopes : In
        To the left bank: from the loader, or from the junction before at its stages A - 1 and A.
    right_write : Out
        Of the results at stage A, one cycle before: {valid, row, part} in the bank to the right.
    right, right_activations, right_slopes : Out
        Results at stage A, and whether there are any.
    delta_row, delta_part : Out
        Group of right neurons whose deltas are wanted, stage 0; ``deltas`` In at stage 2.
    left_row, left_part, left_deltas : In, Out
        The same for the junction before.
    group_first, group_last : Out(1)
        With ``right``: the first, the last group of a sample (the last junction).
    learns : Out(1)
        With ``right``: of a training sample.
    targets : In
        Of the last junction, at stage A; ``target_row``, ``target_part`` ask
        :data:`.targets.TARGET_LATENCY` stages before.
    active, place, move_write, move_data, moved : In, Out
        From the mover; ``place.junction`` has been looked at.
    """

    def __init__(self, *, network: EdgeNetwork, index: int) -> None:
        self.network, self.index = network, index
        config = network.config
        self.training = config.training
        self.junction = j = network.layers[index - 1]
        self.below = network.layers[index - 2] if index > 1 else None
        self.last = j.is_output
        stages = junction_stages(network.layers, training=self.training)
        self.stages, self.left_stage = stages[index - 1], stages[index - 2].activation
        self.shapes = s = JunctionShapes(j)
        self.left_shapes = JunctionShapes(self.below) if self.below is not None else None
        self.rounding, self.rates, self.seed = config.rounding, config.rate_range, config.seed
        self.n, n = j.neurons_per_clock, j.neurons_per_clock
        self.copies = left_copies(network, index)
        right = None if self.last else network.above(j)
        #: Groups of a row in the memories that take the results; those of an output lie one a row.
        self.parts = 1 if right is None else right.z // n
        self.walk = Walk(cycles=j.cycles, sweeps=j.sweeps, groups=j.n_groups, parts=self.parts)
        self.written = self.below.neurons_per_clock if self.below else network.samples_per_clock
        self.target_parts = TargetRows(network).parts if self.last and self.training else 1
        slope = self.left_shapes.slope if self.below is not None else None
        self.bank = LeftBank(z=j.z, depth=j.depth, copies=self.copies, group=self.written,
                             activation=s.x, slope=slope, training=self.training)
        w = self.walk.signature.members
        left = self.bank.write.shape().members
        self.left_group = self.below.neurons_per_clock if self.below is not None else 1
        left_delta = self.left_shapes.delta if self.below is not None else 1
        super().__init__({
            "clock": In(range(max(j.cycles, 2))), "valid": In(1), "first": In(1),
            "context": In(context_layout(network)), "restart": In(1),
            "write": In(data.StructLayout(left)),
            "activations": In(data.ArrayLayout(s.x, self.written)),
            "slopes": In(self.bank.slopes.shape()),
            "right_write": Out(data.StructLayout({"valid": 1, "row": w["row"].shape,
                                                  "part": w["part"].shape})),
            "right": Out(1),
            "right_activations": Out(data.ArrayLayout(s.a, n)),
            "right_slopes": Out(data.ArrayLayout(s.slope, n)),
            "group_first": Out(1), "group_last": Out(1), "learns": Out(1),
            "delta_row": Out(w["row"].shape), "delta_part": Out(w["part"].shape),
            "deltas": In(data.ArrayLayout(s.delta, n)),
            "left_row": In(range(max(j.depth, 2))),
            "left_part": In(range(max(j.z // self.left_group, 2))),
            "left_deltas": Out(data.ArrayLayout(left_delta, self.left_group)),
            "target_row": Out(range(max(-(-j.n_groups // self.target_parts), 2))),
            "target_part": Out(range(max(self.target_parts, 2))),
            "targets": In(data.ArrayLayout(s.a, n)),
            "active": In(1), "place": In(place_layout(network)), "move_write": In(1),
            "move_data": In(data.ArrayLayout(network.word, network.weight_group)),
            "moved": Out(data.ArrayLayout(network.word, network.weight_group)),
        })

    def elaborate(self, platform):
        m = Module()
        self._timeline(m)
        self._left(m)
        self._parameters(m)
        self._forward(m)
        self._neurons(m)
        if self.training:
            deltas = add_deltas(m, self)
            add_update(m, self, deltas)
            if self.below is not None:
                add_backward(m, self, deltas)
        return m

    # When.

    def _timeline(self, m) -> None:
        """Make what travels with a clock."""
        m.submodules.walk = walk = self.walk
        self.clocks = Staged(m, self.clock, LEAD, "clock")
        self.valids = Staged(m, self.valid, LEAD, "valid", reset_less=False)
        self.firsts = Staged(m, self.first & self.valid, LEAD, "first", reset_less=False)
        m.d.comb += [walk.valid.eq(self.valids.at(-1)), walk.first.eq(self.firsts.at(-1)),
                     self.delta_row.eq(walk.row), self.delta_part.eq(walk.part)]
        for name in context_layout(self.network).members:
            setattr(self, f"c_{name}", Staged(m, self.context[name], LEAD, name))
        for name in ("sweep", "sweep_first", "sweep_last", "row", "part"):
            setattr(self, f"w_{name}", Staged(m, getattr(walk, name), 0, f"walk_{name}"))
        ends = Signal(name="group_ends")  # of a sample that goes forward
        starts = Signal(name="group_starts")
        updates = Signal(name="updates")  # a row is learnt
        m.d.comb += [
            ends.eq(self.valids.at(0) & walk.group_last & self.c_forward.at(0)),
            starts.eq(walk.group_first),
            updates.eq(self.valids.at(0) & self.c_update.at(0)),
        ]
        self.ends = Staged(m, ends, 0, "group_ends", reset_less=False)
        self.starts = Staged(m, starts, 0, "group_starts")
        self.updates = Staged(m, updates, 0, "updates", reset_less=False)

    def random_words(self, m, name: str, *, base: int, down: bool, counter: Staged, lanes: int,
               use: int, learns: Staged):
        """Return the random words of ``counter`` at stage ``use``."""
        # Words of many lanes branch on their way, as far as they can be asked for so early.
        levels = max(min((lanes - 1).bit_length() - 5, use - 4 - (LEAD + 1)), 0)
        words = StoreWords(seed=self.seed, lanes=lanes, levels=levels)
        m.submodules[name] = words
        index = use - 4 - levels
        offset = counter.at(index)
        m.d.comb += [
            words.begin.eq(self.firsts.at(index - 1)), words.learns.eq(learns.at(index - 1)),
            words.index.eq(base - offset if down else base + offset),
            words.restart.eq(self.restart),
        ]
        return words.words

    # Left: memories of the left neurons.

    def _left(self, m) -> None:
        j = self.junction
        m.submodules.rows = rows = InterleaverRows(interleaver=j.interleaver)
        m.submodules.left = bank = self.bank
        m.d.comb += [
            rows.clock.eq(self.clocks.at(-3)), rows.valid.eq(self.valids.at(-1)),
            rows.sweep.eq(self.walk.sweep_ahead), rows.starts.eq(self.walk.sweep_starts),
            bank.rows.eq(rows.rows),
            bank.forward_copy.eq(self.c_forward_copy.at(-3)), bank.write.eq(self.write),
            bank.activations.eq(self.activations), bank.slopes.eq(self.slopes),
        ]
        if self.training:
            m.d.comb += bank.update_copy.eq(self.c_update_copy.at(-3))
        if self.below is not None:  # the copy that this junction cycle writes, of the left stages
            m.d.comb += bank.write.copy.eq(self.c_write_copy.at(self.left_stage - 1))
        self.rows = rows.rows
        self.x = self.by_lane(m, bank.forward, "x", self.shapes.x)
        self.x_update = self.by_lane(m, bank.update, "x_update", self.shapes.x)

    def by_lane(self, m, values, name: str, shape) -> Staged:
        """Return what the lanes read of the memories ``values`` at stage 2."""
        dither = self.junction.interleaver.dither
        if dither is None:
            return Staged(m, values, 2, name)
        chosen = Signal(data.ArrayLayout(shape, self.junction.z), name=f"{name}_lanes")
        m.d.comb += chosen.as_value().eq(Cat(
            Value.cast(pick(self.w_sweep.at(2), [values[mu] for mu in column]))[:shape.width]
            for column in dither.T.tolist()))
        return Staged(m, chosen, 2, name)

    # Weights and biases.

    def _parameters(self, m) -> None:
        j, place = self.junction, self.place
        weight_group = self.network.weight_group
        memories = {
            "weights": ParameterMemory(n=j.z, rows=j.cycles, group=weight_group,
                                       shape=self.shapes.weight, training=self.training),
            "biases": ParameterMemory(n=self.n, rows=j.n_groups, group=1, shape=self.shapes.bias,
                                      training=self.training)}
        moved = {}
        for name, memory in memories.items():
            m.submodules[name] = memory
            mine = place.bias if name == "biases" else ~place.bias
            width = memory.shape.width
            m.d.comb += [
                memory.move.eq(self.active), memory.move_row.eq(place.row),
                memory.move_group.eq(place.group), memory.move_write.eq(self.move_write & mine),
                memory.move_data.as_value().eq(Cat(
                    self.move_data[k][:width] for k in range(memory.group))),
            ]
            words = []
            for k in range(memory.group):
                word = Signal(self.network.word, name=f"moved_{name}_{k}")
                m.d.comb += word.eq(memory.moved[k])
                words.append(word)
            moved[name] = Cat(words)
        bias = Staged(m, place.bias, 0, "move_bias").at(MOVED_LATENCY)
        m.d.comb += self.moved.as_value().eq(Mux(bias, moved["biases"], moved["weights"]))
        self.weights, self.biases = memories["weights"], memories["biases"]
        group = Signal(self.biases.row.shape(), name="group")
        ahead = Signal.like(group, name="group_ahead")
        m.d.comb += [
            ahead.eq(Mux(self.firsts.at(-1), 0, group + self.walk.group_last)),
            self.weights.row.eq(self.clocks.at(-1)), self.biases.row.eq(ahead),
        ]
        with m.If(self.valids.at(-1)):
            m.d.sync += group.eq(ahead)
        self.group = Staged(m, group, 0, "group")
        self.weight = Staged(m, self.weights.words, 1, "weight")
        # A neuron that takes several clocks has the bias of its first: later it may be learnt.
        bias = Signal(self.biases.words_layout, name="bias_2", reset_less=True)
        with m.If(self.starts.at(1)):
            m.d.sync += bias.eq(self.biases.words)
        self.bias = Staged(m, bias, 2, "bias")

    # Forward.

    def _forward(self, m) -> None:
        j, stages = self.junction, self.stages
        if j.formats.operand == j.formats.weight:
            operands = self.weight
        else:
            m.submodules.operands = unit = Operands(junction=j)
            made = 2 if stages.operand else 1
            m.d.comb += unit.words.eq(self.weight.at(made))
            operands = Staged(m, unit.operands, made + 1, "operand")
        self.operand = operands
        m.submodules.forward = forward = Forward(junction=j, stages=stages)
        at = stages.product - 1 - stages.rounding
        m.d.comb += [forward.operands.eq(operands.at(at)), forward.x.eq(self.x.at(at)),
                     forward.first.eq(self.starts.at(stages.sum - 1))]
        self.totals = forward.totals

    def _neurons(self, m) -> None:
        j, stages, mode = self.junction, self.stages, self.rounding.activation
        m.submodules.neurons = neurons = RightNeurons(junction=j, mode=mode)
        m.d.comb += [neurons.biases.eq(self.bias.at(stages.sum - 1)),
                     neurons.totals.eq(self.totals)]
        if mode is Rounding.STOCHASTIC and not j.compatible:
            words = self.random_words(m, "activation_words", base=int(activation_index(j.row_base)),
                                down=True, counter=self._groups_ahead(m), lanes=self.n,
                                use=stages.sum - 1, learns=self.c_learns)
            m.d.comb += neurons.words.eq(words)
        at = stages.activation
        self.slope = neurons.slopes
        m.d.comb += [
            self.right_write.valid.eq(self.ends.at(at - 1)),
            self.right_write.row.eq(self.w_row.at(at - 1)),
            self.right_write.part.eq(self.w_part.at(at - 1)), self.right.eq(self.ends.at(at)),
            self.right_activations.eq(neurons.activations), self.right_slopes.eq(neurons.slopes),
            self.learns.eq(self.c_learns.at(at)),
            self.group_first.eq(self.group.at(at) == 0),
            self.group_last.eq(self.group.at(at) == j.n_groups - 1),
        ]

    def _groups_ahead(self, m) -> Staged:
        """The group of a clock as early as the clock itself, for random words."""
        j = self.junction
        if j.clocks_per_neuron == 1:
            return self.clocks
        ahead = Walk(cycles=j.cycles, sweeps=1, groups=j.n_groups, parts=1)
        m.submodules.groups_ahead = ahead
        m.d.comb += [ahead.valid.eq(self.valid), ahead.first.eq(self.first)]
        return Staged(m, ahead.row, LEAD + 1, "group_ahead")
