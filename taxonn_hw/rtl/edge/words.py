"""Random words of one kind of store, at the stage that uses them."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...fixed import RANDOM_BITS
from ...plan.latency import RANDOM_LATENCY
from ..copies import spread
from ..random import LaneWords, RowState, RowWord

__all__ = ["StoreWords"]


class StoreWords(wiring.Component):
    """The words of a clock: one row address, ``lanes`` lanes.

    The state belongs to one sample at a time; it moves on when the next junction cycle begins,
    if the sample was one that learns.  Words are asked for before the junction cycle's first
    clock, so that they are there when the first value is.  Latency from ``index`` to ``words``
    4 + ``levels``.

    Parameters
    ----------
    seed, lanes : int
    levels : int
        Times that the word of a row branches on its way to the lanes.

    Members
    -------
    begin, learns : In(1)
        One cycle before the first ``index`` of a junction cycle; ``learns`` beside it: its sample
        is a training sample.
    index : In(16)
        Row address.
    restart : In(1)
        Back to sample 0, from the next cycle but one on; between runs.
    words : Out(16[lanes])
    """

    def __init__(self, *, seed: int, lanes: int, levels: int = 0) -> None:
        self.seed, self.lanes, self.levels = seed, lanes, levels
        super().__init__({
            "begin": In(1), "learns": In(1), "index": In(16), "restart": In(1),
            "words": Out(data.ArrayLayout(RANDOM_BITS, lanes)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.row_state = state = RowState(seed=self.seed, resets=False)
        m.submodules.lane_words = lanes = LaneWords(seed=self.seed, lanes=self.lanes,
                                                    resets=False)
        m.submodules.row_word = row = RowWord()
        used = Signal()  # the present sample's words are used up at the end of its junction cycle
        restart = Signal(init=1)  # also after a reset: hundreds of registers hang on this one
        advance = Signal()
        travel = Signal(RANDOM_LATENCY + self.levels)
        rows = spread(m, row.word, "row_word", levels=self.levels)
        m.d.comb += [
            advance.eq(self.begin & used), state.advance.eq(advance),
            state.restart.eq(restart), row.index.eq(self.index), row.state.eq(state.state),
            lanes.advance.eq(travel[-1]), lanes.restart.eq(restart),
            self.words.as_value().eq(Cat(
                lanes.bits[lane:lane + RANDOM_BITS] ^ rows[(lane << self.levels) // self.lanes]
                for lane in range(self.lanes))),
        ]
        m.d.sync += [restart.eq(self.restart), travel.eq(Cat(advance, travel[:-1]))]
        with m.If(self.begin):
            m.d.sync += used.eq(self.learns)
        with m.If(restart):
            m.d.sync += [used.eq(0), travel.eq(0)]
        return m
