"""The accelerator of engine ``edge``: junctions that work on different samples at once."""

from itertools import pairwise

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from ...config_hash import config_hash
from ...fixed.gates import shape_of
from ...plan.edge.latency import junction_stages
from ...plan.edge.network import EdgeNetwork
from ...plan.streams import geometry
from ..control import ControlBlock
from ..ports import accelerator_ports
from ..skid import StreamRegister
from .junction import EdgeJunction
from .loader import Loader
from .mover import EdgeMover
from .parameters import MOVED_LATENCY
from .results import Argmax, ResultQueue, Scores
from .sequencer import Sequencer, left_copies
from .staged import Staged, pick
from .targets import TARGET_LATENCY, TargetQueue

__all__ = ["EdgeAccelerator"]


class EdgeAccelerator(wiring.Component):
    """A sparse network that trains itself, one sample a junction cycle.

    Parameters
    ----------
    network : EdgeNetwork
        Sizes, connections, formats; an inference-only build when its configuration says so.
    target : str
        What the Verilog is tuned for; all targets are the same so far.

    Members
    -------
    i_samples, o_results, i_weights, o_weights, csr
        See :func:`taxonn_hw.rtl.ports.accelerator_ports`.
    """

    def __init__(self, network: EdgeNetwork, target: str = "generic") -> None:
        self.network, self.target = network, target
        self.stages = junction_stages(network.layers, training=network.config.training)
        #: Cycles, for the sidecar.
        self.latencies = {
            "overhead": network.overhead,
            **{f"junction_{i}_{name}": getattr(s, name) for i, s in enumerate(self.stages, 1)
               for name in ("product", "sum", "activation")},
        }
        if network.config.training:
            for i, s in enumerate(self.stages, 1):
                self.latencies[f"junction_{i}_update"] = s.update
                if i > 1:
                    self.latencies[f"junction_{i}_backward"] = s.backward
            self.latencies["output_delta"] = self.stages[-1].error
        super().__init__(accelerator_ports(network))

    def elaborate(self, platform):
        m = Module()
        network, config = self.network, self.network.config
        m.submodules.control = control = ControlBlock(
            config_hash=config_hash(config), geometry=geometry(network),
            rate=config.learning_rate_exponent, rates=config.rate_range, can_train=config.training)
        m.submodules.loader = loader = Loader(network=network, copies=left_copies(network, 1))
        # The class is known a few clocks after the last output, the tree of comparisons later.
        scored = self.stages[-1].activation + network.output.neurons_per_clock.bit_length() + 4
        m.submodules.sequencer = sequencer = Sequencer(
            network=network, slots=loader.slots, tail=max(scored + 4 - network.overhead, 0))
        junctions = [EdgeJunction(network=network, index=j.index) for j in network.layers]
        for junction in junctions:
            m.submodules[f"junction_{junction.index}"] = junction
        wiring.connect(m, wiring.flipped(self.csr), control.bus)
        # How far the loader is decides what its beats are: that takes a clock of its own.
        m.submodules.sample_register = register = StreamRegister(shape=loader.i.payload.shape())
        wiring.connect(m, wiring.flipped(self.i_samples), register.i)
        wiring.connect(m, register.o, loader.i)
        m.d.comb += register.clear.eq(control.flush)
        self._run(m, control, loader, sequencer, junctions)
        self._chain(m, loader, junctions)
        targets = self._targets(m, loader, sequencer, junctions[-1])
        self._results(m, control, sequencer, junctions[-1], targets)
        self._moves(m, control, junctions)
        return m

    def _run(self, m, control, loader, sequencer, junctions) -> None:
        """Registers, loader and sequencer; what the junctions get from the sequencer."""
        _, high = self.network.config.rate_range
        reads = Staged(m, sequencer.valid, 0, "reads", reset_less=False)
        recent = [reads.at(k) for k in range(5)]  # up to the memories' last read
        m.d.comb += [
            sequencer.start.eq(control.start), sequencer.stop.eq(control.stop),
            sequencer.samples.eq(control.samples), sequencer.train.eq(control.train),
            sequencer.results.eq(control.results), sequencer.extra.eq(high - control.rate),
            sequencer.waiting.eq(loader.waiting), sequencer.copy.eq(loader.copy),
            sequencer.slot.eq(loader.slot), loader.take.eq(sequencer.take),
            loader.train.eq(control.train), loader.restart.eq(control.flush),
            control.busy.eq(sequencer.busy), control.counting.eq(sequencer.counting),
            control.sample.eq(sequencer.sample), control.slot.eq(recent[3]),
        ]
        busy = recent[0]
        for value in recent[1:]:
            busy = busy | value
        quiet = Signal(name="quiet")
        m.d.sync += quiet.eq(~(busy | sequencer.begin))
        m.d.comb += loader.quiet.eq(quiet)
        for junction, context in zip(junctions, range(len(junctions)), strict=True):
            m.d.comb += [
                junction.clock.eq(sequencer.clock), junction.valid.eq(sequencer.valid),
                junction.first.eq(sequencer.first),
                junction.context.eq(sequencer.contexts[context]),
                junction.restart.eq(control.restart),
            ]

    def _chain(self, m, loader, junctions) -> None:
        """Activations to the right, deltas to the left."""
        first = junctions[0]
        m.d.comb += [first.write.eq(loader.write), first.activations.eq(loader.values)]
        for left, right in pairwise(junctions):
            m.d.comb += [
                right.write.valid.eq(left.right_write.valid),
                right.write.row.eq(left.right_write.row),
                right.write.part.eq(left.right_write.part),
                right.activations.eq(left.right_activations), right.slopes.eq(left.right_slopes),
            ]
            if self.network.config.training:
                m.d.comb += [right.left_row.eq(left.delta_row), right.left_part.eq(left.delta_part),
                             left.deltas.eq(right.left_deltas)]

    def _targets(self, m, loader, sequencer, last):
        """Return the targets beside the outputs; None without training."""
        if not self.network.config.training:
            return None
        m.submodules.targets = queue = TargetQueue(network=self.network)
        at = self.stages[-1].activation
        slot = Staged(m, sequencer.target_slot, -3, "target_slot")
        m.d.comb += [
            queue.write.eq(loader.write_target), queue.elements.eq(loader.elements),
            queue.slot.eq(slot.at(at - TARGET_LATENCY)), queue.row.eq(last.target_row),
            queue.part.eq(last.target_part), last.targets.eq(queue.targets),
        ]
        return queue.targets

    def _results(self, m, control, sequencer, last, targets) -> None:
        """Queue the outputs; find the class, and count whether it is that of the targets."""
        output = self.network.output
        shape, n = shape_of(output.formats.a), output.neurons_per_clock
        m.submodules.results = queue = ResultQueue(n=n, groups=output.n_groups, shape=shape)
        emit = Staged(m, sequencer.emit, -3, "emit", reset_less=False)
        m.d.comb += [
            queue.write.eq(last.right & emit.at(self.stages[-1].activation)),
            queue.codes.eq(last.right_activations), queue.reserve.eq(sequencer.reserve),
            sequencer.room.eq(queue.room),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.o_results))
        found = []
        for name, codes in (("predicted", last.right_activations), ("label", targets)):
            if codes is None:
                continue
            m.submodules[name] = unit = Argmax(n=n, n_out=output.n_out, shape=shape,
                                               one=output.formats.a.one)
            m.d.comb += [unit.valid.eq(last.right), unit.first.eq(last.group_first),
                         unit.last.eq(last.group_last), unit.codes.eq(codes)]
            found.append(unit)
        predicted = Signal(found[0].index.shape(), name="predicted_class")
        with m.If(found[0].done):
            m.d.sync += predicted.eq(found[0].index)
        m.d.comb += control.predicted.eq(predicted)
        if targets is None:
            return
        m.submodules.scores = scores = Scores()
        learns = Staged(m, last.learns, 0, "scored", reset_less=False)
        m.d.comb += [
            scores.clear.eq(control.clear),
            scores.valid.eq(found[0].done & learns.at(found[0].latency)),
            scores.right.eq(found[0].index == found[1].index),
            control.correct.eq(scores.correct), control.correct_recent.eq(scores.recent),
        ]

    def _moves(self, m, control, junctions) -> None:
        """Load and dump weights."""
        m.submodules.mover = mover = EdgeMover(network=self.network)
        wiring.connect(m, wiring.flipped(self.i_weights), mover.i)
        wiring.connect(m, mover.o, wiring.flipped(self.o_weights))
        m.d.comb += [
            mover.load.eq(control.load), mover.dump.eq(control.dump), mover.bias.eq(control.bias),
            mover.start.eq(control.weight_row), mover.count.eq(control.weight_count),
            control.moving.eq(mover.active | control.load | control.dump),
        ]
        for number, junction in enumerate(junctions):
            m.d.comb += [
                junction.active.eq(mover.active), junction.place.eq(mover.place),
                junction.move_write.eq(mover.write & (mover.place.junction == number)),
                junction.move_data.eq(mover.data),
            ]
        read = Staged(m, mover.place.junction, 0, "moved_junction").at(MOVED_LATENCY)
        moved = Signal(mover.word_group, name="moved", reset_less=True)
        m.d.sync += moved.as_value().eq(
            pick(read, [junction.moved.as_value() for junction in junctions]))
        m.d.comb += mover.moved.eq(moved)
