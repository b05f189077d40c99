"""What the arrays of dense and of convolutional nets have in common, added to the array ``owner``.

Stage names are those of :mod:`.lane`.
"""

from amaranth.hdl import Array, Cat, Mux, Signal

from ...plan.latency import RANDOM_STAGE
from ..copies import LANES_PER_COPY, add_copies
from ..select import by_index
from .lane_products import alignments
from .numerics import Numerics
from .random_words import ArrayRandom
from .weights import WeightMemory

__all__ = ["add_alignment", "add_pipeline", "add_random", "add_rows", "alignment_choice",
           "alignment_numbers", "shift_zeros"]


def add_pipeline(m, owner, last: int, *, lead: int = 0):
    """Return the slot at every stage from c0 up to c``last``, and whether there is one; it comes
    ``lead`` cycles before c0."""
    slots, valids = [owner.i.slot], [owner.i.valid]
    for stage in range(1 - lead, last + 1):
        slot = Signal(owner.slot, name=f"c{stage}_slot", reset_less=True)
        valid = Signal(name=f"c{stage}_valid")
        m.d.sync += [slot.eq(slots[-1]), valid.eq(valids[-1])]
        slots.append(slot)
        valids.append(valid)
    return slots[lead:], valids[lead:]


def add_random(m, owner, slots, valids, index, *, lead: int = 0) -> ArrayRandom:
    """Add the random words; ``index`` is their row address, ``lead`` cycles before c0."""
    view, first = owner.numerics.view, (None, None)
    if view.loadable:
        first = view.total("row_state"), view.total("lane_bits")
    m.submodules.random = random = ArrayRandom(seed=owner.numerics.network.config.seed,
                                               lanes=owner.n_lanes, lead=lead, first=first)
    before = RANDOM_STAGE - 1
    m.d.comb += [random.advance.eq(owner.advance), random.restart.eq(owner.restart),
                 random.advance_lanes.eq(valids[before] & slots[before].new_sample),
                 random.index.eq(index), owner.state.eq(random.state)]
    return random


def add_rows(m, owner, slots, valids, last: int, *, read_row, write_row):
    """Add the weight memory and the registers of the row at c2, plain, so that a block RAM has
    them in it, and at c3, through which the host moves too.

    ``read_row`` and ``write_row`` are the addresses at c0 and c``last``, one or one a copy.

    Returns the memory, the words of the row at c2 and at c3, and the host's store at every stage
    from c2 to c``last``, which writes; without training hardware the row is written at once.
    """
    n, width, group = owner.numerics, owner.numerics.word.width, owner.group
    m.submodules.weights = weights = WeightMemory(
        lanes=owner.n_lanes, word=n.word, n_rows=n.network.n_rows,
        single_port=n.network.single_port, target=owner.target, copies=len(read_row))
    row, late = (Signal(width * owner.n_lanes, name=f"c{k}_row", reset_less=True) for k in (2, 3))
    shifted, shown = Cat(late[width * group:], owner.move_data), weights.words.as_value()
    fetched = Signal(name="c1_fetched")  # by the host
    m.d.sync += fetched.eq(owner.next_fetch)
    loads, shifts, follows = (
        add_copies(m, value, owner.n_lanes, name=name) for name, value in (
            ("c1_loads", owner.next_fetch | valids[0] & slots[0].read),
            ("move_shift", owner.next_shift),
            ("c2_follows", ~owner.move | owner.next_shift | fetched)))
    for k, (load, shift, follow) in enumerate(zip(loads, shifts, follows, strict=True)):
        part = slice(k * LANES_PER_COPY * width, (k + 1) * LANES_PER_COPY * width)
        with m.If(load):
            m.d.sync += row[part].eq(shown[part])
        with m.If(follow):
            m.d.sync += late[part].eq(Mux(shift, shifted[part], row[part]))
    m.d.comb += [
        *(port.eq(row) for port, row in zip(weights.row, read_row, strict=True)),
        *(port.eq(row) for port, row in zip(weights.write_row, write_row, strict=True)),
        owner.moved.eq(late[:width * group]),
    ]
    stored = {2: owner.move_store}
    for stage in range(3, last + 1):
        stored[stage] = Signal(name=f"c{stage}_move_store")
        m.d.sync += stored[stage].eq(stored[stage - 1])
    if not n.training:
        m.d.comb += weights.new.as_value().eq(late)
    words, late_words = ([r[width * k:width * (k + 1)].as_signed() for k in range(owner.n_lanes)]
                         for r in (row, late))
    return weights, words, late_words, stored


def alignment_numbers(n: Numerics) -> dict[int, int]:
    """Return the choice at ``c5_alignment`` for every number of zeros."""
    return {zeros: k for k, zeros in enumerate(alignments(n))}


def alignment_choice(n: Numerics, forward, *, is_forward, layer, step, rate):
    """Return the number of the zeros that a product gets: ``forward`` that of a forward one, none
    of a backward one, else those of a ``step`` of ``layer``.  Shifts bring their own."""
    if not n.training or n.pow2:
        return forward
    number = None if n.view.loadable else alignment_numbers(n)
    return Mux(step, _step_zeros(n, layer, rate, number), Mux(is_forward, forward, 0))


def shift_zeros(n: Numerics, *, layer, step, rate):
    """Return the zeros that the shift of a ``step`` of ``layer`` brings, else 0."""
    return Mux(step, _step_zeros(n, layer, rate), 0)


def _step_zeros(n: Numerics, layer, rate, number=None):
    """Zeros that align a step of ``layer``, or what ``number`` says of them."""
    if n.view.loadable:
        return n.view.value(layer, "step_zeros") + rate
    low, high = n.network.config.rate_range
    found = {k.index: [n.alignment.update_zeros(k, exponent)
                       for exponent in range(high, low - 1, -1)] for k in n.layers}
    return by_index(layer, {k: Array(number[z] if number else z for z in zeros)[rate]
                            for k, zeros in found.items()})


def add_alignment(m, n: Numerics, control, forward, *, is_forward, layer, step, rate) -> None:
    """Choose the zeros that a product gets at c5; all inputs are at c4."""
    number = range(n.view.most_zeros + 1) if n.view.loadable else alignment_numbers(n)
    register = Signal(range(max(len(number), 2)), name="c5_alignment", reset_less=True)
    m.d.sync += register.eq(alignment_choice(
        n, forward, is_forward=is_forward, layer=layer, step=step, rate=rate))
    m.d.comb += control.c5_alignment.eq(register)
