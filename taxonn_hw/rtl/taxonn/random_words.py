"""The random words of the array, at the stages where they are used."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...fixed import RANDOM_BITS
from ..random import LaneWords, RowState, RowWord

__all__ = ["ArrayRandom"]


class ArrayRandom(wiring.Component):
    """Row words four to six cycles after their address, and the lane sequence.

    Members
    -------
    advance : In(1)
        The slot that goes to c0 at the end of this cycle begins a new sample.
    restart : In(1)
        Back to sample 0.
    index : In(16)
        Row address at c0.
    s4, s5, s6 : Out(16)
        Its row word.
    lanes : Out
        Bits of the lane sequence; lane ``l`` uses bits ``l .. l+15``.  It steps when the new
        sample reaches s5, after the last update of the sample before and before the first store.
    state : Out(32)
    """

    def __init__(self, *, seed: int, lanes: int) -> None:
        self.seed, self.n_lanes = seed, lanes
        super().__init__({
            "advance": In(1), "restart": In(1), "index": In(16),
            "s4": Out(RANDOM_BITS), "s5": Out(RANDOM_BITS), "s6": Out(RANDOM_BITS),
            "lanes": Out(lanes + RANDOM_BITS - 1), "state": Out(32),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.row_state = state = RowState(seed=self.seed)
        m.submodules.lane_words = lanes = LaneWords(seed=self.seed, lanes=self.n_lanes)
        m.submodules.row_word = word = RowWord()
        travel = Signal(5)  # from the hazard stage to s4
        m.d.sync += [travel.eq(travel << 1 | self.advance), self.s5.eq(self.s4),
                     self.s6.eq(self.s5)]
        m.d.comb += [
            state.advance.eq(self.advance), state.restart.eq(self.restart),
            lanes.advance.eq(travel[-1]), lanes.restart.eq(self.restart),
            word.index.eq(self.index), word.state.eq(state.state), self.s4.eq(word.word),
            self.lanes.eq(lanes.bits), self.state.eq(state.state),
        ]
        return m
