"""The accelerator: loader, sequencer, array, neuron unit, lists and registers."""

from amaranth.hdl import Array, Const, Module, Mux, Signal
from amaranth.lib import data, wiring

from ...plan import Network
from ...plan.latency import (
    ARRAY_LATENCY,
    LIST_LATENCY,
    PRODUCT_STAGE,
    RANDOM_LATENCY,
    SUM_STAGE,
    WRITE_LATENCY,
    UnitLatencies,
    is_wide,
    tree_latency,
)
from ...plan.program import Finish
from ..ports import accelerator_ports
from ..scalar_list import ScalarList
from ..select import by_index
from ..skid import SkidBuffer, StreamRegister
from .array import LaneArray
from .drain import Drain
from .hazard import HazardStage
from .loader import Loader
from .neuron_unit import NeuronUnit, sum_tag
from .numerics import Numerics
from .separate_array import SeparateArray
from .sequencer import Sequencer
from .shell import add_softmax, connect_moves, connect_run, connect_samples, make_control
from .slot import list_entry, slot_layout

__all__ = ["Accelerator"]


class Accelerator(wiring.Component):
    """A network that trains itself.

    Parameters
    ----------
    network : Network
        Sizes, formats, lanes; an inference-only build when its configuration says so.
    target : str
        ``generic``, ``ice40`` or ``ecp5``: a single-port weight memory is made of the cells of an
        iCE40 UltraPlus; all else is the same for all.
    separate : bool
        A plain reference to compare with: forward, backward and update have multipliers, sums and
        trees of their own.  Every bit is the same.

    Members
    -------
    i_samples, o_results, i_weights, o_weights, csr
        See :func:`taxonn_hw.rtl.ports.accelerator_ports`.
    """

    def __init__(self, network: Network, target: str = "generic", separate: bool = False) -> None:
        self.network, self.target, self.separate = network, target, separate
        self.numerics = n = Numerics(network, plain=separate)
        unit = UnitLatencies(n.program)
        #: Cycles, for the sidecar; the schedule that follows from them is ``plan.timing``.
        self.latencies = {
            "row_write_back": WRITE_LATENCY, "product": PRODUCT_STAGE, "lane_sum": SUM_STAGE,
            "adder_tree": tree_latency(n.program), "activation": unit.activation,
            "delta": unit.delta, "list": LIST_LATENCY, "random_word": RANDOM_LATENCY,
        }
        super().__init__(accelerator_ports(network))

    def elaborate(self, platform):
        m = Module()
        n, network = self.numerics, self.network
        far = is_wide(network)
        m.submodules.control = control = make_control(network)
        m.submodules.loader = loader = Loader(numerics=n)
        m.submodules.sequencer = sequencer = Sequencer(
            numerics=n, x_entry=loader.entry if loader.has_list else None)
        m.submodules.hazard = hazard = HazardStage(
            slot=slot_layout(n), single_port=network.single_port, read_latency=ARRAY_LATENCY,
            looks_ahead=far)
        kind = SeparateArray if self.separate else LaneArray
        m.submodules.array = array = kind(numerics=n, target=self.target)
        m.submodules.neuron_unit = unit = NeuronUnit(numerics=n)
        wiring.connect(m, wiring.flipped(self.csr), control.bus)
        connect_samples(m, wiring.flipped(self.i_samples), loader, control, network)
        issued = StreamRegister(shape=hazard.slot) if far else SkidBuffer(shape=hazard.slot)
        m.submodules.issued = issued
        wiring.connect(m, sequencer.o, issued.i)
        self._connect_slots(m, issued, hazard, array)
        _, high = network.config.rate_range
        # Behind a register: the choices that hang on it are many.
        m.d.sync += array.rate.eq(high - control.rate)
        m.d.comb += [
            loader.train.eq(control.train), sequencer.train.eq(control.train),
            loader.free.eq(sequencer.sample_ends), loader.restart.eq(control.flush),
            array.i.eq(hazard.o), array.next_back.eq(hazard.next_back),
            array.restart.eq(control.restart),
            sequencer.restart.eq(control.restart), sequencer.flush.eq(control.flush),
            array.advance.eq(hazard.enters.valid & hazard.enters.slot.new_sample),
            array.x_vector.eq(loader.vector), loader.row.eq(array.x_row),
            loader.row_bank.eq(array.x_bank), sequencer.x_bank.eq(loader.bank),
        ]
        self._lists(m, loader, sequencer, unit)
        sink = add_softmax(m, n, unit, state=array.state, lane_word=array.lane_word)
        self._sums(m, hazard, array, sink)
        connect_run(m, self.numerics, self.o_results, control=control, loader=loader,
                    sequencer=sequencer, hazard=hazard, unit=unit,
                    empty=hazard.empty & ~issued.o.valid if far else hazard.empty, ahead=True,
                    stored=array.stored + unit.stored)
        self._stores(m, array, unit)
        m.d.comb += [unit.train.eq(control.train), unit.state.eq(array.state),
                     unit.lane_word.eq(array.lane_word), unit.target.eq(loader.target),
                     loader.target_item.eq(unit.target_item)]
        mover = connect_moves(m, network, control=control, array=array,
                              i_weights=wiring.flipped(self.i_weights),
                              o_weights=wiring.flipped(self.o_weights),
                              read_latency=2 + ARRAY_LATENCY)
        m.d.comb += array.move_bias.eq(mover.moves_bias)
        return m

    @staticmethod
    def _connect_slots(m, issued, hazard, array) -> None:
        """Bring slots to the hazard stage, and the rows of the mover; the address of a random word
        is that of the row, or where the results go."""
        o, slot = issued.o, hazard.i.payload
        m.d.comb += [
            hazard.i.valid.eq(o.valid), slot.eq(o.payload), o.ready.eq(hazard.i.ready),
            slot.hash.eq(Mux(o.payload.last & o.payload.spread, o.payload.hash, o.payload.row)),
            hazard.host.eq(array.move), hazard.host_row.eq(array.move_row),
        ]

    def _lists(self, m, loader, sequencer, unit) -> None:
        """Scalar lists: the loader's, and those that the neuron unit fills."""
        n = self.numerics
        skip = n.network.config.zero_skip
        for number, (name, size) in enumerate(n.program.lists.items()):
            source = getattr(sequencer, f"list_{name}")
            if name == "x":
                wiring.connect(m, loader.entries, source)
                m.d.comb += [loader.rewind.eq(sequencer.rewind[number]),
                             sequencer.done[number].eq(loader.entries_done)]
                continue
            layer = int(name[1:])
            entries = ScalarList(shape=list_entry(n, name[0], size), depth=size)
            m.submodules[f"list_{name}"] = entries
            wiring.connect(m, entries.o, source)
            append = entries.append[0]
            if name[0] == "a":
                mine = Signal(name=f"fills_{name}")
                m.d.comb += [
                    mine.eq((unit.a_tag.layer == layer) & ~unit.a_tag.backward),
                    append.entry.index.eq(unit.a_tag.item), append.entry.value.eq(unit.a_code),
                    append.entry.slope.eq(unit.a_slope),
                    append.valid.eq(mine & unit.a_valid & (
                        ((unit.a_code != 0) | unit.a_slope) if skip else 1)),
                    entries.finish.eq(mine & unit.a_tag.finish),
                ]
            else:
                mine = Signal(name=f"fills_{name}")
                m.d.comb += [
                    mine.eq(unit.d_tag.layer == layer),
                    append.entry.index.eq(unit.d_tag.item), append.entry.value.eq(unit.d_delta),
                    append.valid.eq(mine & unit.d_valid & (unit.d_nonzero if skip else 1)),
                    entries.finish.eq(mine & unit.d_tag.finish),
                ]
            m.d.comb += [entries.clear.eq(sequencer.clear[number]),
                         entries.rewind.eq(sequencer.rewind[number]),
                         sequencer.done[number].eq(entries.done)]

    def _sums(self, m, hazard, array, unit) -> None:
        """Feed the neuron unit from tree and drain; hold back who wants the drain while taken."""
        n = self.numerics
        held = hazard.o.slot
        if not n.has_drain:
            m.d.comb += [unit.valid.eq(array.sum.valid), unit.total.eq(array.sum.total),
                         unit.tag.eq(array.sum.tag)]
            return
        busy = Signal(name="drain_busy")
        tag_layout = sum_tag(n)
        drain_tag = data.StructLayout({"layer": tag_layout.members["layer"], "backward": 1})
        most = max(layer.n_out for layer in n.layers)
        m.submodules.drain = drain = Drain(lanes=n.network.lanes, shape=array.drain_shape,
                                           tag=drain_tag, n_neurons=most)
        slot = array.drain_slot
        widths = {layer.index: (layer.n_out, layer.n_out_blocks) for layer in n.layers}
        neurons = Signal(tag_layout.members["layer"], name="drained_layer")
        m.d.comb += neurons.eq(Mux(slot.pass_backward, slot.layer - 1, slot.layer))
        rest = {i: n_out - (blocks - 1) * n.network.lanes for i, (n_out, blocks) in widths.items()}
        final = {i: blocks - 1 for i, (_, blocks) in widths.items()}
        m.d.comb += [
            drain.values.eq(array.drain_values), drain.load.eq(array.drain_load),
            drain.count.eq(Mux(slot.block == by_index(neurons, final), by_index(neurons, rest),
                               n.network.lanes)),
            drain.item.eq(slot.block * n.network.lanes), drain.finish.eq(slot.finish),
            drain.tag.layer.eq(slot.layer), drain.tag.backward.eq(slot.pass_backward),
        ]
        drains = {0: {}, 1: {}}
        for p in n.program.passes:
            backward = int(p in n.program.backward)
            drains[backward][p.layer.index] = int(p.finish is Finish.DRAIN)
        uses = by_index(held.layer, drains[0], 1)
        if drains[1]:
            uses = Mux(held.pass_backward, by_index(held.layer, drains[1], 1), uses)
        wants = Signal(name="wants_drain")
        m.d.comb += [wants.eq(held.last & held.spread & uses), hazard.blocked.eq(wants & busy)]
        with m.If(hazard.o.valid & wants):
            m.d.sync += busy.eq(1)
        with m.Elif(drain.ending):
            m.d.sync += busy.eq(0)
        m.d.comb += [
            unit.valid.eq(drain.valid | array.sum.valid),
            unit.total.eq(Mux(drain.valid, drain.o_value, array.sum.total)),
            unit.tag.eq(array.sum.tag),
        ]
        with m.If(drain.valid):
            m.d.comb += [unit.tag.layer.eq(drain.o_tag.layer),
                         unit.tag.backward.eq(drain.o_tag.backward),
                         unit.tag.item.eq(drain.o_item), unit.tag.finish.eq(drain.o_finish)]

    def _stores(self, m, array, unit) -> None:
        """Serial stores of activations and deltas into the vector memories, where there are any."""
        n, lanes = self.numerics, self.network.lanes
        activations = {layer.index for layer in unit.layers}
        deltas = {layer.index for layer in (*n.unit_hidden, self.network.output)}
        for port, bases, made, valid, tag, code in (
                (array.a_write, n.program.a_base, activations, unit.a_valid, unit.a_tag,
                 unit.a_code),
                (array.d_write, n.program.d_base, deltas, unit.d_valid, unit.d_tag, unit.d_delta)):
            if not made & bases.keys():  # lanes store them all at once, or lists take them
                continue
            row, lane = _split(tag.item, lanes, max(layer.n_out for layer in n.layers))
            wanted = {layer.index: int(layer.index in bases) for layer in n.layers}
            m.d.comb += [
                port.valid.eq(valid & by_index(tag.layer, wanted, 1)),
                port.row.eq(by_index(tag.layer, bases) + row), port.lane.eq(lane),
                port.code.eq(code),
            ]


def _split(item, lanes: int, n_items: int):
    """Return (block, lane) of a neuron index."""
    if lanes & lanes - 1 == 0:
        bits = lanes.bit_length() - 1
        return item[bits:], item[:bits] if bits else Const(0, 1)
    return (Array(k // lanes for k in range(n_items))[item],
            Array(k % lanes for k in range(n_items))[item])
