"""The random words of the array, at the stages where they are used."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...fixed import RANDOM_BITS
from ...plan.latency import RANDOM_STAGE
from ..random import LaneWords, RowState, RowWord

__all__ = ["ArrayRandom"]


class ArrayRandom(wiring.Component):
    """Row words four cycles after their address, and the lane sequence.

    Parameters
    ----------
    seed, lanes : int
    first : tuple of Value, optional
        What a restart takes as row state and lane bits, in place of what ``seed`` gives.

    Members
    -------
    advance : In(1)
        The slot that goes to c0 at the end of this cycle begins a new sample.
    advance_lanes : In(1)
        A slot that begins a new sample goes to c4: after the last update of the sample before and
        before the first store.
    restart : In(1)
        Back to sample 0.
    index : In(16)
        Row address at c0.
    c4, c7, c8 : Out(16)
        Its row word.
    lanes : Out
        Bits of the lane sequence; lane ``l`` uses bits ``l .. l+15``.
    state : Out(32)
    """

    def __init__(self, *, seed: int, lanes: int, first=(None, None)) -> None:
        self.seed, self.n_lanes, self.first = seed, lanes, first
        super().__init__({
            "advance": In(1), "advance_lanes": In(1), "restart": In(1), "index": In(16),
            "c4": Out(RANDOM_BITS), "c7": Out(RANDOM_BITS), "c8": Out(RANDOM_BITS),
            "lanes": Out(lanes + RANDOM_BITS - 1), "state": Out(32),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.row_state = state = RowState(seed=self.seed, first=self.first[0])
        m.submodules.lane_words = lanes = LaneWords(seed=self.seed, lanes=self.n_lanes,
                                                    first=self.first[1])
        m.submodules.row_word = words = RowWord()
        word = words.word
        for stage in range(RANDOM_STAGE + 1, 9):
            register = Signal(RANDOM_BITS, name=f"c{stage}_word", reset_less=True)
            m.d.sync += register.eq(word)
            word = register
            if stage in (7, 8):
                m.d.comb += getattr(self, f"c{stage}").eq(word)
        m.d.comb += [
            state.advance.eq(self.advance), state.restart.eq(self.restart),
            lanes.advance.eq(self.advance_lanes), lanes.restart.eq(self.restart),
            words.index.eq(self.index), words.state.eq(state.state), self.c4.eq(words.word),
            self.lanes.eq(lanes.bits), self.state.eq(state.state),
        ]
        return m
