"""Hardware of :class:`taxonn_hw.fixed.random.RandomWords`, bit for bit."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..fixed.random import LAG_LONG, LAG_SHORT, ROUNDS, initial_state, round_key
from ..plan.latency import RANDOM_LATENCY

__all__ = ["LaneWords", "RowState", "RowWord", "mixing_round"]


def mixing_round(x: Value, y: Value, state: Value, i: int) -> tuple[Value, Value]:
    """Return the bytes after round ``i`` of :func:`taxonn_hw.fixed.random.mix_rows`."""
    key = state.word_select(round_key(i), 8) ^ i
    x = (x.rotate_left(1) + y)[:8] ^ key
    return x[:8], y.rotate_left(3) ^ x[:8]


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
        word = Signal(16, name="s1_word", reset_less=True)
        state = Signal(32, name="s1_state", reset_less=True)
        m.d.sync += [word.eq(self.index + self.state[:16]), state.eq(self.state)]
        stages = self.latency - 1
        for stage in range(stages):
            x, y = word[8:], word[:8]
            for i in range(stage * ROUNDS // stages, (stage + 1) * ROUNDS // stages):
                x, y = mixing_round(x, y, state, i)
            next_word = Signal(16, name=f"s{stage + 2}_word", reset_less=True)
            next_state = Signal(32, name=f"s{stage + 2}_state", reset_less=True)
            m.d.sync += [next_word.eq(Cat(y, x)), next_state.eq(state)]
            word, state = next_word, next_state
        m.d.comb += self.word.eq(word)
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
