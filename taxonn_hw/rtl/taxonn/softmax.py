"""Softmax of the output layer: twin of :mod:`taxonn_hw.golden.softmax`, before the neuron unit.

Sums of the output layer are kept, and their codes go to the neuron unit one a clock once all are
known; all other sums pass through.  Four phases, the numbers of :mod:`taxonn_hw.plan.softmax`:

    COLLECT    z = round(sum), the largest z                 as the sums come
    EXPONENT   e = table(largest - z), sum of all e          an output a clock
    RECIPROCAL leading one of the sum, table of 1 / sum      four clocks
    RESULT     a = e / sum                                   an output a clock
"""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...fixed import RANDOM_BITS, Rounding
from ...fixed.gates import round_shift, saturate, shape_of
from ...fixed.random import activation_index
from ...plan.latency import RANDOM_LATENCY
from ...plan.softmax import EXPONENT_FRAC, RECIPROCAL_FRAC, softmax_tables
from ..memory import add_memory
from ..random import RowWord
from .neuron_unit import sum_tag
from .numerics import Numerics
from .tree import sum_layout

__all__ = ["Softmax"]


class Softmax(wiring.Component):
    """Latency 0 cycles for other sums; :func:`taxonn_hw.plan.latency.softmax_latency` from the
    last sum of the output layer to its first code.

    Members
    -------
    valid, total, tag : In
        A sum; those of the output layer come from neuron 0 upwards.
    state, lane_word : In
        Random state of the sample, word of lane 0.
    o : Out({valid, tag, total})
        A sum for the neuron unit, or a code of the output layer.
    """

    def __init__(self, *, numerics: Numerics, total) -> None:
        self.numerics = n = numerics
        self.layer, self.layout = n.network.output, sum_tag(n)
        self.tables = softmax_tables(self.layer.table_bits)
        super().__init__({
            "valid": In(1), "total": In(total), "tag": In(self.layout),
            "state": In(32), "lane_word": In(RANDOM_BITS),
            "o": Out(sum_layout(self.layout, total)),
        })

    def elaborate(self, platform):
        m = Module()
        t, n_out = self.tables, self.layer.n_out
        mine = Signal()
        m.d.comb += [
            mine.eq((self.tag.layer == self.layer.index) & ~self.tag.backward),
            self.o.valid.eq(self.valid & ~mine), self.o.total.eq(self.total),
            self.o.tag.eq(self.tag), self.o.tag.finish.eq(self.tag.finish & ~mine),
        ]
        valid, finish, z = self._rounded(m, self.valid & mine)
        count, walk = Signal(range(n_out + 1)), Signal(range(n_out + 1))
        top = Signal(shape_of(t.z))
        phase = Signal(range(4))
        z_write, z_read = add_memory(m, "z", shape=shape_of(t.z), depth=n_out)
        m.d.comb += [z_write.addr.eq(count), z_write.data.eq(z), z_write.en.eq(valid),
                     z_read.addr.eq(walk)]
        total = Signal(range((n_out << EXPONENT_FRAC) + 1))
        with m.If(valid):
            m.d.sync += count.eq(count + 1)
            with m.If((count == 0) | (z > top)):
                m.d.sync += top.eq(z)
            with m.If(finish):
                m.d.sync += [count.eq(0), walk.eq(0), total.eq(0), phase.eq(1)]
        e_word, e_read, reads = self._exponents(m, phase == 1, walk, z_read.data, top, total)
        ends = Signal()
        m.d.comb += ends.eq(reads[-1].valid & (reads[-1].walk == n_out - 1))
        step = Signal(2)
        with m.If((phase == 1) | (phase == 3)):
            with m.If(walk != n_out):
                m.d.sync += walk.eq(walk + 1)
        with m.If(ends):
            m.d.sync += [phase.eq(2), step.eq(0)]
        with m.If(phase == 2):
            m.d.sync += step.eq(step + 1)
            with m.If(step == 3):
                m.d.sync += [phase.eq(3), walk.eq(0)]
        reciprocal, place = self._reciprocal(m, total)
        self._results(m, phase == 3, walk, e_word, e_read, reciprocal, place)
        with m.If((phase == 3) & (walk == n_out - 1)):
            m.d.sync += phase.eq(0)
        return m

    def _travel(self, m, name, valid, walk, stages: int) -> list:
        """Return ``{valid, walk}`` at every stage after this one."""
        layout = data.StructLayout({"valid": 1, "walk": walk.shape()})
        found = []
        for k in range(1, stages + 1):
            now = Signal(layout, name=f"{name}{k}")
            m.d.sync += [now.valid.eq(found[-1].valid if found else valid),
                         now.walk.eq(found[-1].walk if found else walk)]
            found.append(now)
        return found

    def _rounded(self, m, valid):
        """Round a sum to ``z``; one cycle, and those that its random word takes."""
        mode, layer, q = self.numerics.network.config.rounding.activation, self.layer, self.tables.z
        total, finish, word = self.total, self.tag.finish, None
        if mode is Rounding.STOCHASTIC:
            m.submodules.words = words = RowWord(holds=False)  # the sample lasts that long
            m.d.comb += [words.state.eq(self.state), words.index.eq(
                int(activation_index(layer.neuron_base)) - self.tag.item)]
            word = words.word ^ self.lane_word
            for k in range(RANDOM_LATENCY):
                held = [Signal.like(total, name=f"w{k}_total"), Signal(name=f"w{k}_valid"),
                        Signal(name=f"w{k}_finish")]
                m.d.sync += [held[0].eq(total), held[1].eq(valid), held[2].eq(finish)]
                total, valid, finish = held
        value = round_shift(total, layer.forward_frac - q.frac, mode, word)
        rounded = Signal(value.shape(), reset_less=True)
        s1_valid, s1_finish = Signal(), Signal()
        m.d.sync += [rounded.eq(value), s1_valid.eq(valid), s1_finish.eq(valid & finish)]
        return s1_valid, s1_finish, saturate(rounded, q)

    def _exponents(self, m, running, walk, z, top, total):
        """Write the exponential of every output and add them up; four cycles from the address."""
        t, n_out = self.tables, self.layer.n_out
        stages = self._travel(m, "p", running & (walk != n_out), walk, 4)
        below = Signal(range(1 << t.z.width), name="p2_below", reset_less=True)
        m.d.sync += below.eq(top - z)
        far = Signal(name="p3_far", reset_less=True)
        m.d.sync += far.eq(below[t.bits:].any())
        m.submodules.exponents = table = Memory(
            shape=EXPONENT_FRAC + 1, depth=1 << t.bits, init=[int(e) for e in t.exponent[:-1]])
        port = table.read_port()
        m.d.comb += port.addr.eq(below[:t.bits])
        e = Signal(EXPONENT_FRAC + 1, name="p4_exponent", reset_less=True)
        m.d.sync += e.eq(Mux(far, 0, port.data))
        write, read = add_memory(m, "e", shape=EXPONENT_FRAC + 1, depth=n_out)
        m.d.comb += [write.addr.eq(stages[3].walk), write.data.eq(e),
                     write.en.eq(stages[3].valid)]
        with m.If(stages[3].valid):
            m.d.sync += total.eq(total + e)
        return read.data, read.addr, stages

    def _reciprocal(self, m, total):
        """Reciprocal and leading one of the sum, four cycles later."""
        t = self.tables
        places = range(len(total) - EXPONENT_FRAC)  # of the leading one, above that of 1.0
        place = Signal(range(max(2, len(places))))
        mantissa = Signal(t.bits, reset_less=True)
        found, cut = Const(0, 1), Const(0, t.bits)
        for k in places:
            found = Mux(total[EXPONENT_FRAC + k], k, found)
            drop = EXPONENT_FRAC + k - t.bits
            cut = Mux(place == k, total[drop:drop + t.bits], cut)
        m.d.sync += [place.eq(found), mantissa.eq(cut)]
        m.submodules.reciprocals = table = Memory(
            shape=RECIPROCAL_FRAC + 1, depth=1 << t.bits, init=[int(r) for r in t.reciprocal])
        port = table.read_port()
        reciprocal = Signal(RECIPROCAL_FRAC + 1, reset_less=True)
        m.d.comb += port.addr.eq(mantissa)
        m.d.sync += reciprocal.eq(port.data)
        return reciprocal, place

    def _results(self, m, running, walk, e_word, e_address, reciprocal, place) -> None:
        """The codes, five cycles from the address, with their tags."""
        q, n_out = self.layer.formats.a, self.layer.n_out
        stages = self._travel(m, "r", running & (walk != n_out), walk, 5)
        e = Signal(EXPONENT_FRAC + 1, name="r2_exponent", reset_less=True)
        product = Signal(len(e) + len(reciprocal), name="r3_product", reset_less=True)
        m.d.comb += e_address.eq(walk)
        m.d.sync += [e.eq(e_word), product.eq(e * reciprocal)]
        value = Const(0, 1)
        for k in range(1 << len(place)):
            value = Mux(place == k, round_shift(
                product, RECIPROCAL_FRAC + EXPONENT_FRAC + k - q.frac, Rounding.HALF_UP), value)
        rounded = Signal(value.shape(), name="r4_rounded", reset_less=True)
        code = Signal(range(q.one + 1), name="r5_code", reset_less=True)
        m.d.sync += [rounded.eq(value), code.eq(Mux(rounded > q.one, q.one, rounded))]
        last, tag = stages[4], self.o.tag
        with m.If(last.valid):
            m.d.comb += [self.o.valid.eq(1), self.o.total.eq(code), tag.eq(0),
                         tag.layer.eq(self.layer.index), tag.item.eq(last.walk),
                         tag.finish.eq(last.walk == n_out - 1)]
            if self.numerics.conv:
                lane, row = Signal(tag.lane.shape()), Signal(tag.place.shape())
                m.d.comb += [tag.lane.eq(lane), tag.place.eq(row)]
                m.d.sync += lane.eq(lane + 1)
                with m.If(lane == self.numerics.network.lanes - 1):
                    m.d.sync += [lane.eq(0), row.eq(row + 1)]
                with m.If(tag.finish):
                    m.d.sync += [lane.eq(0), row.eq(0)]
