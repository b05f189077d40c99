"""The accelerator of a convolutional net: addresses before the array, pooling behind it.

Every layer runs as a kernel over an image (:mod:`taxonn_hw.plan.conv_program`), on the lanes,
adder tree, neuron unit and hazard stage that dense nets have.  What is there beside them:

================  ===============================  ==============================================
memory            words                            ports
================  ===============================  ==============================================
inputs            two banks of a sample, a copy    written by the loader; each copy read at d2
                  for each lane group
images            neurons of all hidden layers,    written by the pool at p3, a neuron a clock;
                  a copy for each lane group       each copy read at d2
rows of deltas    a position (max pooling: a       written by the neuron unit, a delta a clock, in
                  window), all channels of a       the lane of every group; each group's lanes
                  block; a part for each group     read at c1 at an address of their own
chosen            as rows of deltas, conv layers   written by the pool; read with the deltas
                  with max pooling only
derivatives       one a delta                      written by the pool, read by the neuron unit
parts             a window's largest or sum so     read at p0, written at p1
                  far, one a channel of a block
taps              a tap row of every kernel        read at d0
sums of           as the weight memory, with       read at c4, written at c7
gradients         batches only
================  ===============================  ==============================================

Clocks, from a slot that leaves the hazard stage at d0 (nothing behind it ever stalls): d3 = c0 the
weight row is read, c6 products, c7 sums.  Forward, the last slot of a position (its bias row) loads
the drain at c7; the channels leave one a clock, summed over lane groups, through neuron unit and
pool.  So a position takes as many clocks as it has slots, or as channels if those are more.  Input
gradient: the tree adds a slot a clock, a sum leaves through the neuron unit into the rows of
deltas.  Kernel gradient: the last position of a tap row reads the row, adds it to the sum in the
lanes, and writes it at c8; where weights decay at c9.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from ...fixed import RANDOM_BITS
from ...plan import Network
from ...plan.latency import (
    ADDRESS_LATENCY,
    POOL_LATENCY,
    PRODUCT_STAGE,
    RANDOM_LATENCY,
    SUM_STAGE,
    UnitLatencies,
    conv_write_latency,
    group_latency,
)
from ..ports import accelerator_ports
from ..skid import SkidBuffer
from .conv_address import ConvAddress
from .conv_array import ConvArray
from .conv_sequencer import ConvSequencer
from .conv_slot import conv_slot
from .conv_sums import GroupDrain, Repeater
from .hazard import HazardStage
from .loader import Loader
from .neuron_unit import NeuronUnit
from .numerics import Numerics
from .pool import Pool
from .program_port import ProgramPort
from .sample_steps import SampleSteps, step_marks
from .shell import add_softmax, connect_moves, connect_run, connect_samples, make_control

__all__ = ["ConvAccelerator"]


class ConvAccelerator(wiring.Component):
    """A convolutional network that trains itself; parameters and ports of ``Accelerator``.

    ::

        sequencer -> hazard stage -> addresses -> array -> lanes, group sums -> neuron unit -> pool
                                        ^ images, inputs ^ rows of deltas <-------'   |         |
                                        '---------------------------------------------+---------'
    """

    def __init__(self, network: Network, target: str = "generic") -> None:
        network = network.build or network  # the hardware of a loaded network is its build's
        self.network, self.target = network, target
        self.numerics = n = Numerics(network)
        unit = UnitLatencies(n.program)
        #: Cycles, for the sidecar; the schedule that follows from them is ``plan.conv_timing``.
        self.latencies = {
            "address": ADDRESS_LATENCY, "row_write_back": conv_write_latency(network),
            "product": PRODUCT_STAGE, "lane_sum": SUM_STAGE,
            "adder_tree": (network.lanes - 1).bit_length() + 1,
            "group_sum": group_latency(n.program), "activation": unit.activation,
            "delta": unit.delta, "pool": POOL_LATENCY, "random_word": RANDOM_LATENCY,
        }
        super().__init__(accelerator_ports(network))

    def elaborate(self, platform):
        m = Module()
        n, network = self.numerics, self.network
        m.submodules.control = control = make_control(network)
        m.submodules.loader = loader = Loader(numerics=n)
        m.submodules.sequencer = sequencer = ConvSequencer(numerics=n)
        m.submodules.hazard = hazard = HazardStage(
            slot=conv_slot(n), single_port=network.single_port,
            write_latency=conv_write_latency(network), read_latency=ADDRESS_LATENCY)
        m.submodules.address = address = ConvAddress(numerics=n)
        m.submodules.array = array = ConvArray(numerics=n, target=self.target)
        m.submodules.neuron_unit = unit = NeuronUnit(numerics=n)
        starts = self._registers(m, control)
        connect_samples(m, wiring.flipped(self.i_samples), loader, control, network)
        m.submodules.skid = skid = SkidBuffer(shape=hazard.slot)
        wiring.connect(m, sequencer.o, skid.i)
        wiring.connect(m, skid.o, hazard.i)
        _, high = network.config.rate_range
        before = Signal(ADDRESS_LATENCY - 1)  # a new sample, on its way to c0
        m.d.sync += before.eq(before << 1 | (hazard.o.valid & hazard.o.slot.new_sample))
        m.d.comb += [
            loader.train.eq(control.train), sequencer.train.eq(control.train),
            loader.free.eq(sequencer.sample_ends), loader.restart.eq(control.flush),
            sequencer.restart.eq(control.restart), sequencer.x_bank.eq(loader.bank),
            address.i.valid.eq(hazard.o.valid), address.i.slot.eq(hazard.o.slot),
            loader.image_address.eq(address.x_address), loader.image_bank.eq(address.x_bank),
            address.x_value.eq(loader.image),
            array.i.eq(address.o), array.scalars.eq(address.scalars), array.rows.eq(address.rows),
            array.picks.eq(address.picks), array.live.eq(address.live),
            array.back.eq(hazard.back), array.rate.eq(high - control.rate),
            array.restart.eq(control.restart), array.advance.eq(before[-1]),
            unit.train.eq(control.train), unit.state.eq(array.state), unit.lanes.eq(array.lanes),
            unit.target.eq(loader.target), loader.target_item.eq(unit.target_item),
        ]
        sink = add_softmax(m, n, unit, state=array.state, lane_word=array.lanes[:RANDOM_BITS])
        self._sums(m, hazard, array, sink)
        pool = self._stores(m, address, array, unit)
        stored = Signal(range(3), name="stored_0")
        m.d.comb += stored.eq(unit.stored)
        for k in range(POOL_LATENCY):
            later = Signal.like(stored, name=f"stored_{k + 1}")
            m.d.sync += later.eq(stored)
            stored = later
        if pool is not None:
            m.d.comb += unit.slope_write.eq(pool.slope_write)
        marks = step_marks(n)
        runner = connect_run(m, n, self.o_results, control=control, loader=loader,
                             sequencer=sequencer, hazard=hazard, unit=unit, stored=stored,
                             empty=hazard.empty,
                             shows_final=bool(marks), start=starts)
        if marks:
            m.submodules.sample_steps = steps = SampleSteps(numerics=n)
            m.d.comb += [
                steps.start.eq(control.start), steps.restart.eq(control.restart),
                steps.train.eq(control.train), steps.final.eq(runner.final),
                steps.sample_starts.eq(sequencer.sample_starts),
                steps.sample_ends.eq(sequencer.sample_ends), sequencer.marks.eq(steps.o),
            ]
        connect_moves(m, network, control=control, array=array, write_latency=array.last,
                      i_weights=wiring.flipped(self.i_weights),
                      o_weights=wiring.flipped(self.o_weights))
        if n.view.loadable:
            with m.If(n.view.clear.valid):
                m.d.comb += control.moving.eq(1)
        return m

    def _registers(self, m, control):
        """Connect the register bus; return when a run starts: not while no network is loaded."""
        view = self.numerics.view
        if not view.loadable:
            wiring.connect(m, wiring.flipped(self.csr), control.bus)
            return control.start
        bus, inner = self.csr, control.bus
        m.submodules.program_port = port = ProgramPort(view=view)
        m.d.comb += [
            inner.addr.eq(bus.addr), inner.w_data.eq(bus.w_data), inner.w_stb.eq(bus.w_stb),
            inner.r_stb.eq(bus.r_stb), bus.r_data.eq(inner.r_data | port.r_data),
            port.address.eq(bus.addr), port.w_data.eq(bus.w_data), port.w_stb.eq(bus.w_stb),
            port.r_stb.eq(bus.r_stb), port.busy.eq(control.busy | control.start),
        ]
        return control.start & view.loaded

    def _sums(self, m, hazard, array, unit) -> None:
        """Feed the neuron unit; hold back a position while another's channels are drained."""
        n, slot = self.numerics, hazard.o.slot
        m.submodules.drain = drain = GroupDrain(numerics=n)
        m.d.comb += [drain.values.eq(array.drain_values), drain.load.eq(array.drain_load),
                     drain.count.eq(array.drain_slot.count), drain.tag.eq(array.drain_slot.tag)]
        busy = Signal(range(n.network.lanes + 1), name="drain_busy")
        wants = Signal(name="wants_drain")
        m.d.comb += [wants.eq(slot.last & slot.spread), hazard.blocked.eq(wants & (busy != 0))]
        with m.If(hazard.o.valid & wants):
            m.d.sync += busy.eq(slot.count - 1)
        with m.Elif(busy != 0):
            m.d.sync += busy.eq(busy - 1)
        m.d.comb += [unit.valid.eq(drain.o.valid), unit.total.eq(drain.o.total),
                     unit.tag.eq(drain.o.tag)]
        if not n.has_tree:
            return
        m.submodules.repeater = repeater = Repeater(numerics=n, total=array.total)
        m.d.comb += repeater.i.eq(array.sum)
        with m.If(repeater.o.valid):
            m.d.comb += [unit.valid.eq(1), unit.total.eq(repeater.o.total),
                         unit.tag.eq(repeater.o.tag)]

    def _stores(self, m, address, array, unit) -> Pool | None:
        """Pooled codes go to the images, deltas and who was chosen to the lanes.

        Returns the pool; a single layer has none, for it stores no image.
        """
        n, view, deltas = self.numerics, self.numerics.view, []
        if n.training:
            deltas = [
                array.d_write.valid.eq(unit.d_valid), array.d_write.layer.eq(unit.d_tag.layer),
                array.d_write.row.eq(view.value(unit.d_tag.layer, "rows_base") + unit.d_tag.place),
                array.d_write.lane.eq(unit.d_tag.lane), array.d_write.code.eq(unit.d_delta),
            ]
        if len(n.layers) == 1:
            m.d.comb += deltas
            return None
        m.submodules.pool = pool = Pool(numerics=n, derivative=unit.factor)
        own = unit.a_tag.layer
        m.d.comb += [
            pool.valid.eq(unit.a_valid & view.is_hidden(own)), pool.tag.eq(unit.a_tag),
            pool.code.eq(unit.a_code), pool.derivative_in.eq(unit.a_derivative),
            address.write.valid.eq(pool.o_valid), address.write.code.eq(pool.o_code),
            address.write.address.eq(view.value(pool.o_tag.layer, "image_base")
                                     + pool.o_tag.item),
        ]
        if not n.training:
            return pool
        layer = pool.o_tag.layer
        m.d.comb += [
            *deltas,
            array.c_write.valid.eq(pool.o_valid & view.value(layer, "chooses", 1)),
            array.c_write.layer.eq(layer),
            array.c_write.row.eq(view.value(layer, "rows_base") + pool.o_tag.row),
            array.c_write.lane.eq(pool.o_tag.lane), array.c_write.code.eq(pool.o_chosen),
        ]
        return pool
