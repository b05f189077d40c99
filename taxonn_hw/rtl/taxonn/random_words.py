"""The random words of the array, at the stages where they are used."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...fixed import RANDOM_BITS
from ...plan.latency import RANDOM_STAGE
from ..random import LaneWords, RowState, RowWord

__all__ = ["ArrayRandom"]


class ArrayRandom(wiring.Component):
    """Row words, four cycles after their address, and the lane sequence.

    Parameters
    ----------
    seed, lanes : int
    lead : int
        Cycles before c0 in which the address comes.
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
        Back to sample 0, from the next cycle but one on.
    index : In(16)
        Row address.
    c3, c4, c6, c7, c8 : Out(16)
        Its row word, at c3 only with ``lead``.
    lanes : Out
        Bits of the lane sequence; lane ``l`` uses bits ``l .. l+15``.
    state : Out(32)
    """

    def __init__(self, *, seed: int, lanes: int, lead: int = 0, first=(None, None)) -> None:
        self.seed, self.n_lanes, self.lead, self.first = seed, lanes, lead, first
        #: Stages at which the word is wanted.
        self.stages = (*range(RANDOM_STAGE - lead, RANDOM_STAGE + 1), 6, 7, 8)
        super().__init__({
            "advance": In(1), "advance_lanes": In(1), "restart": In(1), "index": In(16),
            **{f"c{stage}": Out(RANDOM_BITS) for stage in self.stages},
            "lanes": Out(lanes + RANDOM_BITS - 1), "state": Out(32),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.row_state = state = RowState(seed=self.seed, first=self.first[0],
                                                     resets=False)
        m.submodules.lane_words = lanes = LaneWords(seed=self.seed, lanes=self.n_lanes,
                                                    first=self.first[1], resets=False)
        m.submodules.row_word = words = RowWord(holds=False)
        restart = Signal(init=1)  # after a reset too: hundreds of registers hang on this one
        m.d.sync += restart.eq(self.restart)
        word = words.word
        for stage in range(RANDOM_STAGE - self.lead, 9):
            if stage in self.stages:
                m.d.comb += getattr(self, f"c{stage}").eq(word)
            register = Signal(RANDOM_BITS, name=f"c{stage + 1}_word", reset_less=True)
            m.d.sync += register.eq(word)
            word = register
        m.d.comb += [
            state.advance.eq(self.advance), state.restart.eq(restart),
            lanes.advance.eq(self.advance_lanes), lanes.restart.eq(restart),
            words.index.eq(self.index), words.state.eq(state.state),
            words.changes.eq(self.advance),
            self.lanes.eq(lanes.bits), self.state.eq(state.state),
        ]
        return m
