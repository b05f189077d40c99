"""What surrounds the array of every network: registers, runs and their results, weight moves."""

from amaranth.hdl import Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ...config_hash import config_hash
from ...plan import Network
from ...plan.latency import WRITE_STAGE, is_wide
from ...plan.streams import geometry, result_shape
from ..control import ControlBlock
from ..skid import StreamRegister
from .mover import Mover
from .numerics import Numerics
from .runner import Runner
from .softmax import Softmax

__all__ = ["add_softmax", "connect_moves", "connect_run", "connect_samples", "make_control",
           "sequencer_ports"]


def make_control(network: Network) -> ControlBlock:
    """Return the register block of ``network``."""
    return ControlBlock(config_hash=config_hash(network.config), geometry=geometry(network),
                        rate=network.config.learning_rate_exponent,
                        rates=network.config.rate_range, can_train=network.config.training,
                        n_addresses=max(network.n_rows, network.n_neurons))


def sequencer_ports(slot) -> dict:
    """Return the members that both sequencers have.

    o : Out(stream of slot)
    run : In(1)
        A sample may start.
    train, x_bank : In(1)
        Mode; sample bank of the loader.
    restart : In(1)
        The next training sample is sample 0.
    idle_results : In(1)
        All results of finished passes are stored; dense nets: in the next cycle.
    pass_starts : Out(1)
        First slot of a pass that has results leaves.
    sample_starts, sample_ends : Out(1)
        First, last slot of a sample leaves; in dense nets ``sample_ends`` comes a cycle later.
    stopped : Out(1)
        No pass is under way.
    """
    return {
        "o": Out(stream.Signature(slot)),
        "run": In(1), "train": In(1), "x_bank": In(1), "restart": In(1), "idle_results": In(1),
        "pass_starts": Out(1), "sample_starts": Out(1), "sample_ends": Out(1), "stopped": Out(1),
    }


def connect_samples(m, i_samples, loader, control, network: Network) -> None:
    """Bring samples to the loader, those of a resident memory, which is far, by a register, past a
    wide array by two."""
    source, hops = i_samples, 0
    if network.config.resident:
        hops = 2 if is_wide(network) else 1
    for hop in range(hops):
        m.submodules[f"arriving_{hop}"] = arriving = StreamRegister(
            shape=loader.i.payload.shape())
        wiring.connect(m, source, arriving.i)
        m.d.comb += arriving.clear.eq(control.flush)
        source = arriving.o
    wiring.connect(m, source, loader.i)


def add_softmax(m, numerics: Numerics, unit, *, state, lane_word):
    """Return where sums go: the neuron ``unit``, or the softmax before it where there is one."""
    if not numerics.has_softmax:
        return unit
    m.submodules.softmax = softmax = Softmax(numerics=numerics, total=unit.sum_shape)
    m.d.comb += [softmax.state.eq(state), softmax.lane_word.eq(lane_word),
                 unit.valid.eq(softmax.o.valid), unit.total.eq(softmax.o.total),
                 unit.tag.eq(softmax.o.tag)]
    return softmax


def connect_run(m, numerics: Numerics, o_results, *, control, loader, sequencer, hazard, unit,
                empty, stored, ahead: bool = False, shows_final: bool = False,
                start=None) -> Runner:
    """Start and count samples, queue their results; ``empty``: no slot is under way, ``stored``
    counts passes whose results are, ``ahead``: the sequencer wants to know a cycle before that they
    all are, ``start`` replaces the strobe of the register."""
    network, view = numerics.network, numerics.view
    depth = max(16, *(2 * layer.n_out for layer in network.outputs))
    m.submodules.results = queue = SyncFIFOBuffered(
        width=result_shape(network)[0], depth=depth)
    popped = Signal(name="result_popped")
    m.d.sync += popped.eq(queue.r_rdy & o_results.ready)
    m.submodules.runner = runner = Runner(
        n_out=view.total("n_out"), depth=depth, shows_final=shows_final)
    m.d.sync += [
        queue.w_en.eq(unit.a_valid & view.is_output(unit.a_tag.layer) & control.results),
        queue.w_data.eq(unit.a_code),
    ]
    m.d.comb += [
        o_results.valid.eq(queue.r_rdy), o_results.payload.eq(queue.r_data),
        queue.r_en.eq(o_results.ready),
        runner.popped.eq(popped),
        runner.start.eq(control.start if start is None else start), runner.stop.eq(control.stop),
        runner.samples.eq(control.samples), runner.results.eq(control.results),
        runner.sample_ready.eq(loader.full), runner.stopped.eq(sequencer.stopped),
        runner.sample_starts.eq(sequencer.sample_starts),
        runner.sample_ends.eq(sequencer.sample_ends),
        runner.pass_starts.eq(sequencer.pass_starts), runner.empty.eq(empty),
        runner.stored.eq(stored),
        sequencer.run.eq(runner.run),
        sequencer.idle_results.eq(runner.next_idle if ahead else runner.idle_results),
        control.busy.eq(runner.busy), control.counting.eq(runner.counting),
        control.sample.eq(sequencer.sample_ends),
        control.slot.eq(hazard.o.valid & hazard.o.slot.multiply),
    ]
    return runner


def connect_moves(m, network: Network, *, control, array, i_weights, o_weights,
                  write_latency: int = WRITE_STAGE, read_latency: int = 1) -> Mover:
    """Load and dump weights; latencies of the :class:`.mover.Mover`."""
    m.submodules.mover = mover = Mover(
        word_group=data.ArrayLayout(network.word, network.weight_group),
        n_groups=network.lanes // network.weight_group,
        n_addresses=max(network.n_rows, network.n_neurons), write_latency=write_latency,
        read_latency=read_latency)
    wiring.connect(m, i_weights, mover.i)
    wiring.connect(m, mover.o, o_weights)
    m.d.comb += [
        mover.load.eq(control.load), mover.dump.eq(control.dump), mover.bias.eq(control.bias),
        mover.start_row.eq(control.weight_row), mover.count.eq(control.weight_count),
        control.moving.eq(mover.active | control.load | control.dump),
        array.move.eq(mover.active), array.move_row.eq(mover.address),
        array.next_fetch.eq(mover.next_fetch), array.next_shift.eq(mover.next_shift),
        array.move_data.eq(mover.data), array.move_store.eq(mover.store),
        mover.lowest.eq(array.moved),
    ]
    return mover
