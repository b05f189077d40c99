"""What a junction does to learn: output deltas, steps of parameters, deltas of left neurons.

Each function adds a part to ``owner``, the :class:`.junction.EdgeJunction` whose ports and stages
it uses; an inference-only build has none of them.
"""

from amaranth.hdl import Cat, Mux, Signal
from amaranth.lib import data
from amaranth.lib.memory import Memory

from ...fixed import Rounding
from ...fixed.random import delta_index
from ..copies import LANES_PER_COPY
from .backward import REGISTER_ROWS, BackwardLane, BackwardProducts, LeftDelta
from .delta import OutputDelta
from .staged import Staged, pick
from .targets import TARGET_LATENCY
from .update import StepLane, StepScale
from .walk import Walk

__all__ = ["add_backward", "add_deltas", "add_update"]


def add_deltas(m, owner) -> Staged:
    """Return the deltas of a clock's right neurons at stage 2."""
    if not owner.last:
        return Staged(m, owner.deltas, 2, "delta")
    j, stages, mode = owner.junction, owner.stages, owner.rounding.delta
    m.submodules.error = error = OutputDelta(junction=j, stages=stages, mode=mode)
    m.d.comb += [error.activations.eq(owner.right_activations),
                 error.slopes.eq(owner.right_slopes), error.targets.eq(owner.targets)]
    use = stages.activation + error.word_stage
    if mode is Rounding.STOCHASTIC and not j.compatible:
        words = owner.random_words(
            m, "error_words", base=int(delta_index(j.index * j.cycles)), down=True,
            counter=owner.group, lanes=owner.n, use=use, learns=owner.c_learns)
        m.d.comb += error.words.eq(words)
    m.submodules.target_walk = walk = Walk(cycles=j.cycles, sweeps=1, groups=j.n_groups,
                                           parts=owner.target_parts)
    m.d.comb += [walk.valid.eq(owner.valids.at(-1)), walk.first.eq(owner.firsts.at(-1))]
    ask = stages.activation - TARGET_LATENCY
    m.d.comb += [owner.target_row.eq(Staged(m, walk.row, 0, "target_row").at(ask)),
                 owner.target_part.eq(Staged(m, walk.part, 0, "target_part").at(ask))]
    memory = Memory(shape=data.ArrayLayout(owner.shapes.delta.width, owner.n),
                    depth=2 * j.n_groups, init=[])
    m.submodules.output_deltas = memory
    write, read = memory.write_port(), memory.read_port()
    at = stages.error
    m.d.comb += [
        write.en.eq(owner.ends.at(at) & owner.c_learns.at(at)),
        write.addr.eq(Mux(owner.c_toggle.at(at), j.n_groups, 0) + owner.group.at(at)),
        write.data.as_value().eq(error.deltas.as_value()),
        read.addr.eq(Mux(owner.c_toggle.at(0), 0, j.n_groups) + owner.group.at(0)),
    ]
    deltas = Signal(error.deltas.shape(), name="output_delta", reset_less=True)
    m.d.sync += deltas.as_value().eq(read.data.as_value())
    return Staged(m, deltas, 2, "delta")


def add_update(m, owner, deltas: Staged) -> None:
    """A step for every weight and bias of a clock, written at stage U."""
    j, stages, mode = owner.junction, owner.stages, owner.rounding.update
    keys = {"junction": j, "stages": stages, "rates": owner.rates, "mode": mode}
    steps, share = [], j.z // owner.n
    for k in range(owner.n):
        m.submodules[f"scale_{k}"] = scale = StepScale(junction=j, rates=owner.rates, lanes=share)
        m.d.comb += [scale.delta.eq(deltas.at(2)[k]), scale.extra.eq(owner.c_extra.at(2))]
        steps.append(scale.o)
    at = 3 + StepLane.word_stage(stages)  # of the old value and the random word
    words = None
    if mode is Rounding.STOCHASTIC and not j.compatible:
        words = owner.random_words(m, "step_words", base=j.row_base, down=False,
                                   counter=owner.clocks, lanes=j.z, use=at - 1,
                                   learns=owner.c_update)
        words = Staged(m, words, at - 1, "step_word").at(at)
    news = []
    for lane in range(j.z):
        m.submodules[f"step_{lane}"] = unit = StepLane(**keys)
        step = steps[lane // share][lane % share // LANES_PER_COPY]
        m.d.comb += [unit.x.eq(owner.x_update.at(3)[lane]), unit.step.eq(step),
                     unit.word.eq(owner.weight.at(at)[lane])]
        if words is not None:
            m.d.comb += unit.random.eq(words[lane])
        news.append(unit.new)
    late = stages.update - 1  # the memory takes a new value one cycle before it writes it
    m.d.comb += [owner.weights.new.as_value().eq(Cat(news)),
                 owner.weights.write.eq(owner.updates.at(late)),
                 owner.weights.write_row.eq(owner.clocks.at(late))]
    news = []
    for k in range(owner.n):
        m.submodules[f"bias_step_{k}"] = unit = StepLane(**keys, bias=True)
        m.d.comb += [unit.step.eq(steps[k][0]), unit.word.eq(owner.bias.at(at)[k])]
        if words is not None:
            m.d.comb += unit.random.eq(words[k * share])
        news.append(unit.new)
    m.d.comb += [owner.biases.new.as_value().eq(Cat(news)),
                 owner.biases.write.eq(owner.updates.at(late) & owner.starts.at(late)),
                 owner.biases.write_row.eq(owner.group.at(late))]


def add_backward(m, owner, deltas: Staged) -> None:
    """The deltas of the left neurons, written at stage B."""
    j, stages, mode, below = owner.junction, owner.stages, owner.rounding.delta, owner.below
    at = 2 if j.compatible else stages.product - 1
    product = stages.backward - 1 if j.compatible else stages.product
    operand, delta = owner.operand.at(at), deltas.at(at)
    slopes = owner.bank.slope
    slope_lanes = None
    if j.compatible:
        slope_lanes = owner.by_lane(m, slopes, "slope", owner.left_shapes.slope)
    products = []
    share = j.z // owner.n
    for lane in range(j.z):
        unit = BackwardProducts(junction=j, below=below, stages=stages)
        m.submodules[f"product_{lane}"] = unit
        m.d.comb += [unit.operand.eq(operand[lane]), unit.delta.eq(delta[lane // share])]
        if j.compatible:
            m.d.comb += unit.slope.eq(slope_lanes.at(2)[lane])
        products.append(unit.product)
    products = _by_memory(owner, products, product)
    late_slopes = None if j.compatible else Staged(m, slopes, 2, "slope").at(product + 1)
    rows = Staged(m, owner.rows, 0, "row").at(product - 1)
    lanes, words = [], None
    for mu in range(j.z):
        unit = BackwardLane(junction=j, below=below, stages=stages, mode=mode)
        m.submodules[f"backward_{mu}"] = unit
        lanes.append(unit)
        if mu == 0 and mode is Rounding.STOCHASTIC and not j.compatible:
            words = _left_words(m, owner, product)
        early = product - 1
        m.d.comb += [
            unit.product.eq(products[mu]), unit.row.eq(rows[mu]),
            unit.valid.eq(owner.valids.at(early)), unit.first.eq(owner.w_sweep_first.at(early)),
            unit.last.eq(owner.w_sweep_last.at(early)),
            unit.toggle.eq(owner.c_toggle.at(early)), unit.swap.eq(owner.firsts.at(0)),
            unit.read_row.eq(owner.left_row), unit.read_toggle.eq(owner.c_toggle.at(0)),
        ]
        if late_slopes is not None:
            m.d.comb += unit.slope.eq(late_slopes[mu])
        if words is not None:
            m.d.comb += unit.random.eq(words[mu])
    _read_left(m, owner, lanes)


def _left_words(m, owner, product: int):
    """Random words of the left neurons' deltas."""
    j = owner.junction
    delay = LeftDelta.word_stage(owner.below, owner.stages)
    return owner.random_words(m, "delta_words", base=int(delta_index(j.row_base)), down=True,
                              counter=owner.clocks, lanes=j.z, use=product + 1 + delay,
                              learns=owner.c_update)


def _by_memory(owner, products: list, stage: int) -> list:
    """Return the product for each memory, from the lane that reads it."""
    dither = owner.junction.interleaver.dither
    if dither is None:
        return products
    values = [product.as_value() for product in products]
    lanes = dither.argsort(axis=1)
    return [pick(owner.w_sweep.at(stage), [values[lane] for lane in column])
            for column in lanes.T.tolist()]


def _read_left(m, owner, lanes: list) -> None:
    """Show the deltas of the group that the junction before asks for, at stage 2."""
    j, group = owner.junction, owner.left_group
    part = Staged(m, owner.left_part, 0, "left_part").at(1)
    if j.depth <= REGISTER_ROWS:
        row = Staged(m, owner.left_row, 0, "left_row").at(1)
        words = [Cat(lane.deltas[r] for lane in lanes) for r in range(j.depth)]
        word = pick(row, words)
    else:
        word = Cat(lane.delta for lane in lanes)
    size = group * owner.left_shapes.delta.width
    deltas = Signal(owner.left_deltas.shape(), name="left_delta", reset_less=True)
    m.d.sync += deltas.as_value().eq(
        pick(part, [word[p * size:(p + 1) * size] for p in range(j.z // group)]))
    m.d.comb += owner.left_deltas.eq(deltas)
