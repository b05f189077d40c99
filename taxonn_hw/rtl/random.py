"""Hardware of :class:`taxonn_hw.fixed.random.RandomWords`, bit for bit."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..fixed.random import LAG_LONG, LAG_SHORT, ROUNDS, initial_state, round_key

__all__ = ["LaneWords", "RowState", "RowWord", "lane_start", "mixing_round"]


def mixing_round(x: Value, y: Value, state: Value, i: int) -> tuple[Value, Value]:
    """Return the bytes after round ``i`` of :func:`taxonn_hw.fixed.random.mix_rows`."""
    return mixing_end(mixing_sum(x, y), y, state, i)


def mixing_sum(x: Value, y: Value) -> Value:
    """First half of a round: the addition."""
    return (x.rotate_left(1) + y)[:8]


def mixing_end(total: Value, y: Value, state: Value, i: int) -> tuple[Value, Value]:
    """Second half of a round: the key, and the other byte."""
    x = (total ^ state.word_select(round_key(i), 8) ^ i)[:8]
    return x, y.rotate_left(3) ^ x


def lane_start(seed: int, lanes: int) -> int:
    """Return the first bits of the lane sequence as a number, bit 0 first."""
    _, bits = initial_state(seed, lanes)
    return sum(int(bit) << i for i, bit in enumerate(bits))


class RowState(wiring.Component):
    """The 32-bit xorshift state that steps once a sample.

    Parameters
    ----------
    seed : int
        Of the first state; or ``first``, the state that a restart takes.
    resets : bool
        Whether a reset does what ``restart`` does; else the owner restarts after a reset.

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

    def __init__(self, *, seed: int | None = None, first: Value | None = None,
                 resets: bool = True) -> None:
        self.resets = resets
        self.first = initial_state(seed, 1)[0] if first is None else first
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        state = Signal(32, init=self.first if isinstance(self.first, int) else 0,
                       reset_less=not self.resets)
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
    """Row word of an address; latency :data:`taxonn_hw.plan.latency.RANDOM_LATENCY` = 4 cycles,
    one a cycle.

    The addition before the six rounds and those in them are shared out, two to a stage.

    Parameters
    ----------
    holds : bool
        The state goes along with each word; else ``changes`` tells when it changes.

    Members
    -------
    index : In(16)
        Row address.
    state : In(32)
        Sample state, taken with ``index``.
    changes : In(1)
        The next cycle has another state; not twice in three cycles.
    word : Out(16)
    """

    index: In(16)
    state: In(32)
    changes: In(1)
    word: Out(16)

    def __init__(self, *, holds: bool = True) -> None:
        self.holds = holds
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        assert ROUNDS == 6

        def held(name, value):
            register = Signal(value.shape(), name=name, reset_less=True)
            m.d.sync += register.eq(value)
            return register

        word = (self.index + self.state[:16])[:16]
        state, y = self.state, word[:8]
        before = Signal(32, reset_less=True)
        with m.If(self.changes):
            m.d.sync += before.eq(self.state)
        total, changed = mixing_sum(word[8:], y), Const(0, 1)
        for stage in range(1, 4):
            total, y = held(f"s{stage}_total", total), held(f"s{stage}_y", y)
            if self.holds:
                state = held(f"s{stage}_state", state)
            else:  # the one before, for words that set out before the change
                changed = held(f"s{stage}_changed", self.changes | changed)
                state = Mux(changed, before, self.state)
            x, y = mixing_end(total, y, state, 2 * stage - 2)
            x, y = mixing_round(x, y, state, 2 * stage - 1)
            total = mixing_sum(x, y)
        m.d.comb += self.word.eq(held("s4_word", Cat(y, x)))
        return m


class LaneWords(wiring.Component):
    """The long feedback sequence; lane ``l`` sees bits ``l .. l+15`` of ``bits``.

    Parameters as of :class:`RowState`.

    Members
    -------
    advance, restart : In(1)
        As in :class:`RowState`.
    bits : Out(lanes + 15)
    """

    def __init__(self, *, seed: int | None = None, lanes: int, first: Value | None = None,
                 resets: bool = True) -> None:
        self.resets = resets
        _, bits = initial_state(seed or 0, lanes)
        self.n_bits = len(bits)
        self.lanes = lanes
        self.first = lane_start(seed, lanes) if first is None else first
        super().__init__({"advance": In(1), "restart": In(1), "bits": Out(lanes + 15)})

    def elaborate(self, platform):
        m = Module()
        bits = Signal(self.n_bits, init=self.first if isinstance(self.first, int) else 0,
                      reset_less=not self.resets)
        n = self.n_bits
        new = [bits[n - LAG_SHORT + t] ^ bits[n - LAG_LONG + t] for t in range(16)]
        with m.If(self.restart):
            m.d.sync += bits.eq(self.first)
        with m.Elif(self.advance):
            m.d.sync += bits.eq(Cat(bits[16:], *new))
        m.d.comb += self.bits.eq(bits[:self.lanes + 15])
        return m
