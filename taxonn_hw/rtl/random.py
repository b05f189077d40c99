"""Hardware of :class:`taxonn_hw.fixed.random.RandomWords`, bit for bit."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..plan.latency import RANDOM_LATENCY
from ..fixed.random import LAG_LONG, LAG_SHORT, initial_state

__all__ = ["LaneWords", "RowState", "RowWord", "xorshift16"]


def xorshift16(word: Value) -> Value:
    """Return the 16-bit xorshift (7, 9, 8) of ``word``."""
    word = word ^ _left(word, 7)
    word = word ^ word[9:16]
    return (word ^ _left(word, 8))[:16]


def _left(word: Value, shift: int) -> Value:
    return Cat(Const(0, shift), word[:16 - shift])


class RowState(wiring.Component):
    """The 32-bit xorshift state that steps once a sample.

    Members
    -------
    advance : In(1)
        Step to the next sample.
    restart : In(1)
        Go back to sample 0.
    state : Out(32)
    """

    advance: In(1)
    restart: In(1)
    state: Out(32)

    def __init__(self, *, seed: int) -> None:
        self.first, _ = initial_state(seed, 1)
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        state = Signal(32, init=self.first)
        a = Signal(32)
        b = Signal(32)
        m.d.comb += [
            a.eq(state ^ (state << 13)[:32]),
            b.eq(a ^ a[17:]),
            self.state.eq(state),
        ]
        with m.If(self.restart):
            m.d.sync += state.eq(self.first)
        with m.Elif(self.advance):
            m.d.sync += state.eq(b ^ (b << 5)[:32])
        return m


class RowWord(wiring.Component):
    """Row word of an address; Latency 4 cycles, one a cycle.

    Members
    -------
    index : In(16)
        Row address.
    state : In(32)
        Sample state, taken with ``index``.
    word : Out(16)
    """

    latency = RANDOM_LATENCY

    index: In(16)
    state: In(32)
    word: Out(16)

    def elaborate(self, platform):
        m = Module()
        s1_sum, s1_high = Signal(16, reset_less=True), Signal(16, reset_less=True)
        s2_mix, s2_high = Signal(16, reset_less=True), Signal(16, reset_less=True)
        s3_sum = Signal(16, reset_less=True)
        s4_word = Signal(16, reset_less=True)
        m.d.sync += [
            s1_sum.eq(self.index + self.state[:16]), s1_high.eq(self.state[16:]),
            s2_mix.eq(xorshift16(s1_sum)), s2_high.eq(s1_high),
            s3_sum.eq(s2_mix + s2_high),
            s4_word.eq(xorshift16(s3_sum)),
        ]
        m.d.comb += self.word.eq(s4_word)
        return m


class LaneWords(wiring.Component):
    """The long feedback sequence; lane ``l`` sees bits ``l .. l+15`` of ``bits``.

    Members
    -------
    advance, restart : In(1)
        As in :class:`RowState`.
    bits : Out(lanes + 15)
    """

    def __init__(self, *, seed: int, lanes: int) -> None:
        _, first = initial_state(seed, lanes)
        self.n_bits = len(first)
        self.lanes = lanes
        self.first = sum(int(bit) << i for i, bit in enumerate(first))
        super().__init__({"advance": In(1), "restart": In(1), "bits": Out(lanes + 15)})

    def elaborate(self, platform):
        m = Module()
        bits = Signal(self.n_bits, init=self.first)
        n = self.n_bits
        new = [bits[n - LAG_SHORT + t] ^ bits[n - LAG_LONG + t] for t in range(16)]
        with m.If(self.restart):
            m.d.sync += bits.eq(self.first)
        with m.Elif(self.advance):
            m.d.sync += bits.eq(Cat(bits[16:], *new))
        m.d.comb += self.bits.eq(bits[:self.lanes + 15])
        return m
