"""Backward: one memory of left neurons, their sums over the sweeps and their deltas.

Each clock brings a product for one row; the row's sum is read, added to and stored, and in the
last sweep it passes the derivative and the quantiser and is stored as the neuron's delta.  Two
words a neuron: the sums of the sample that is worked on become its deltas, while the deltas of the
sample before are read.

Few rows (up to :data:`REGISTER_ROWS`) are registers: a sum is read, added to and stored within a
clock, and at the start of the next junction cycle the deltas are taken over.  More rows are two
memories that change roles; a sum that is on its way into memory is forwarded to the next clock
and the next but one, so that any order of rows will do.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...fixed import RANDOM_BITS, Rounding
from ...fixed.carry import add_carry, flip, times_pow2
from ...fixed.gates import requantize, saturate
from ...plan.edge.junction import Junction
from ...plan.edge.latency import JunctionStages
from .delta import quantize_delta, times_slope, word_delay
from .shapes import JunctionShapes
from .staged import Staged, pick

__all__ = ["REGISTER_ROWS", "BackwardLane", "BackwardProducts", "LeftDelta", "product_layout"]

#: Rows up to which sums are kept in registers.
REGISTER_ROWS = 2
_ZERO = Const(0, signed(1))


def product_layout(junction: Junction) -> data.StructLayout:
    """Layout of a backward product; with ``carry`` to be added below its last bit."""
    f, shapes = junction.formats, JunctionShapes(junction)
    if junction.compatible:
        width = f.weight.width
    elif shapes.pow2:
        width = f.operand.width + f.delta.n_magnitudes
    else:
        width = f.operand.width + f.delta.width
    return data.StructLayout({"value": signed(width), "carry": 1})


class BackwardProducts(wiring.Component):
    """Products of an edge: weight times delta, and in compatibility arithmetic the derivative.

    Latency 1; in compatibility arithmetic 2, or 4 with registers for rounding.

    Members
    -------
    operand, delta : In
    slope : In
        Derivative of the left neuron (compatibility).
    product : Out(:func:`product_layout`)
    """

    def __init__(self, *, junction: Junction, below: Junction, stages: JunctionStages) -> None:
        self.junction, self.stages = junction, stages
        self.shapes = s = JunctionShapes(junction)
        self.layout = product_layout(junction)
        super().__init__({"operand": In(s.operand), "delta": In(s.delta),
                          "slope": In(JunctionShapes(below).slope), "product": Out(self.layout)})

    def elaborate(self, platform):
        m = Module()
        product = Signal(self.layout, name="register", reset_less=True)
        m.d.comb += self.product.eq(product)
        if self.junction.compatible:
            q, wait = self.junction.q, int(self.stages.rounding)
            full = Staged(m, self.delta * self.slope, 0, "error_full").at(wait)
            error = Staged(m, requantize(full, q.frac, q, Rounding.HALF_UP), wait, "error")
            operand = Staged(m, self.operand, 0, "operand").at(wait + 1)
            full = Staged(m, error.at(wait + 1) * operand, 0, "full").at(wait)
            m.d.sync += product.value.eq(requantize(full, q.frac, q, Rounding.HALF_UP))
        elif self.shapes.pow2:
            field, negative = self.delta[:-1], self.delta[-1]
            shifted = times_pow2(self.operand, field, field != 0)
            m.d.sync += [product.value.eq(flip(shifted, negative)), product.carry.eq(negative)]
        else:
            m.d.sync += product.value.eq(self.operand * self.delta)
        return m


class LeftDelta(wiring.Component):
    """What makes a delta of a complete sum: derivative and quantiser.

    Latency ``stages.backward - (stages.product + 1)``.

    Members
    -------
    total, slope : In
    random : In(16)
        :meth:`word_stage` cycles later.
    delta : Out
    """

    @staticmethod
    def word_stage(below: Junction, stages: JunctionStages) -> int:
        """Return the cycles from ``total`` to the use of the random word."""
        waits = below.activation.is_table and stages.slope
        return waits + word_delay(below, stages.left_quantizer)

    def __init__(self, *, junction: Junction, below: Junction, stages: JunctionStages,
                 mode: Rounding) -> None:
        self.junction, self.below, self.stages, self.mode = junction, below, stages, mode
        s = JunctionShapes(below)
        self.waits = below.activation.is_table and stages.slope
        super().__init__({"total": In(JunctionShapes(junction).sums), "slope": In(s.slope),
                          "random": In(RANDOM_BITS), "delta": Out(s.delta)})

    def elaborate(self, platform):
        m = Module()
        below = self.below
        value = times_slope(self.total, self.slope, below)
        shape = signed(len(value))
        value = Staged(m, value, 0, "product").at(int(self.waits))
        whole = Signal(shape, name="value")
        m.d.comb += whole.eq(value)
        frac = self.junction.backward_frac + below.derivative_frac
        delta = quantize_delta(m, whole, below, frac, mode=self.mode, random=self.random,
                               registers=self.stages.left_quantizer, name="left")
        m.d.comb += self.delta.eq(delta)
        return m


class BackwardLane(wiring.Component):
    """Sums and deltas of one memory of left neurons.

    The stage of an input is counted from that of ``product``, 0.

    Parameters
    ----------
    junction, below : Junction
        The junction and the one before, whose right neurons these are.
    stages : JunctionStages
    mode : Rounding
        Of deltas.

    Members
    -------
    product : In
    row : In
        Row of the product, one cycle before it.
    valid, first, last : In(1)
        With ``row``: there is a product; in the first, the last sweep.
    toggle : In(1)
        With ``row``: which of two memories takes the sums.
    slope : In
        Derivative of the left neuron, one cycle after ``product``.
    random : In(16)
        Random word of its delta, ``1 +`` :meth:`LeftDelta.word_stage` cycles after ``product``.
    swap : In(1)
        First clock of a junction cycle: the deltas of the last one are read from here on.
    read_row, read_toggle : In
        Row to read, and the memory that takes sums then; one cycle after ``swap`` at the earliest
        with registers, with it or later with memories.
    deltas : Out(delta[D])
        Registers: the deltas of all rows.
    delta : Out
        Memories: the delta of ``read_row``, one cycle later.
    """

    def __init__(self, *, junction: Junction, below: Junction, stages: JunctionStages,
                 mode: Rounding) -> None:
        self.junction, self.below, self.stages, self.mode = junction, below, stages, mode
        self.depth = junction.depth
        self.keeps = junction.sweeps > 1  # partial sums
        self.in_registers = self.depth <= REGISTER_ROWS
        self.sums = JunctionShapes(junction).sums
        self.delta_shape = JunctionShapes(below).delta
        row = range(max(self.depth, 2))
        super().__init__({
            "product": In(product_layout(junction)), "row": In(row), "valid": In(1),
            "first": In(1), "last": In(1), "toggle": In(1),
            "slope": In(JunctionShapes(below).slope), "random": In(RANDOM_BITS),
            "swap": In(1), "read_row": In(row), "read_toggle": In(1),
            "deltas": Out(data.ArrayLayout(self.delta_shape, self.depth)),
            "delta": Out(self.delta_shape),
        })

    def elaborate(self, platform):
        m = Module()
        self._row = Staged(m, self.row, -1, "row")
        self._valid = Staged(m, self.valid, -1, "valid", reset_less=False)
        self._first = Staged(m, self.first, -1, "first")
        self._last = Staged(m, self.last, -1, "last")
        self._toggle = Staged(m, self.toggle, -1, "toggle")
        total = Signal(self.sums, name="total", reset_less=True)
        #: Stage in which a delta is written.
        self._written = 1
        final: Value = total
        if not self.junction.compatible:
            quantizer = LeftDelta(junction=self.junction, below=self.below, stages=self.stages,
                                  mode=self.mode)
            m.submodules.quantizer = quantizer
            m.d.comb += [quantizer.total.eq(total), quantizer.slope.eq(self.slope),
                         quantizer.random.eq(self.random)]
            final = quantizer.delta
            self._written = self.stages.backward - self.stages.product
        (self._registers if self.in_registers else self._memories)(m, total, final)
        return m

    def _add(self, base) -> Value:
        """Return the sum with the product."""
        if self.junction.compatible:
            return saturate(base + self.product.value, self.junction.q)
        return add_carry(base, self.product.value, self.product.carry)

    def _registers(self, m, total, final) -> None:
        rows = range(self.depth)
        row = self._row.at(0)
        width = max(self.sums.width if self.keeps else 0, self.delta_shape.width)
        stored = [Signal(signed(width), name=f"sum_{r}", reset_less=True) for r in rows]
        base = Mux(self._first.at(0), _ZERO, pick(row, stored)) if self.keeps else _ZERO
        new = Signal(self.sums, name="new")
        m.d.comb += new.eq(self._add(base))
        m.d.sync += total.eq(new)
        late = self._written
        last, late_row = self._last.at(late), self._row.at(late)
        if self.keeps:
            with m.If(self._valid.at(0)):
                for r in rows:
                    with m.If(row == r):
                        m.d.sync += stored[r].eq(new)
        if not (self.keeps and self.junction.compatible):  # else the sum is the delta
            with m.If(self._valid.at(late) & last):
                for r in rows:
                    with m.If(late_row == r):
                        m.d.sync += stored[r][:self.delta_shape.width].eq(final)
        kept = [Signal(self.delta_shape, name=f"delta_{r}", reset_less=True) for r in rows]
        with m.If(self.swap):
            m.d.sync += [delta.eq(word[:self.delta_shape.width])
                         for delta, word in zip(kept, stored, strict=True)]
        m.d.comb += self.deltas.as_value().eq(Cat(kept))

    def _memories(self, m, total, final) -> None:
        width = max(self.sums.width if self.keeps else 0, self.delta_shape.width)
        late = self._written
        partial = self._valid.at(1) & ~self._last.at(1) if self.keeps else 0
        complete = self._valid.at(late) & self._last.at(late)
        reads, writes = [], []
        for number in range(2):
            memory = Memory(shape=width, depth=self.depth, init=[])
            m.submodules[f"copy_{number}"] = memory
            write, read = memory.write_port(), memory.read_port()
            sums_here = self._valid.at(-1) & (self._toggle.at(-1) == number)
            into = Signal(name=f"into_{number}")
            done = Signal(name=f"done_{number}")
            m.d.comb += [
                into.eq(partial & (self._toggle.at(1) == number)),
                done.eq(complete & (self._toggle.at(late) == number)),
                read.addr.eq(Mux(sums_here, self._row.at(-1), self.read_row)),
                write.en.eq(into | done),
                write.addr.eq(Mux(done, self._row.at(late), self._row.at(1))),
                write.data.eq(Mux(done, Value.cast(final)[:self.delta_shape.width], total)),
            ]
            reads.append(read.data)
            writes.append(write)
        taken = Staged(m, self.read_toggle, 0, "taken").at(1)
        word = Mux(taken, reads[0], reads[1])[:self.delta_shape.width]
        m.d.comb += self.delta.eq(word)
        base = self._forwarded(m, total, reads) if self.keeps else _ZERO
        new = Signal(self.sums, name="new")
        m.d.comb += new.eq(self._add(base))
        m.d.sync += total.eq(new)

    def _forwarded(self, m, total, reads) -> Value:
        """Return the stored sum: from memory, or one of the two that are on their way there."""
        before = Signal(self.sums, name="before", reset_less=True)
        m.d.sync += before.eq(total)
        row = self._row
        near = Signal(name="near", reset_less=True)   # the row of the product before
        far = Signal(name="far", reset_less=True)     # of the one before that
        clear = Signal(name="clear", reset_less=True)
        m.d.sync += [near.eq(row.at(-1) == row.at(0)), far.eq(row.at(-1) == row.at(1)),
                     clear.eq(self._first.at(-1))]
        stored = Mux(self._toggle.at(0), reads[1], reads[0])[:self.sums.width].as_signed()
        return Mux(clear, 0, Mux(near, total, Mux(far, before, stored)))
