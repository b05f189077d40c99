"""Decay of a word against integer expressions of the law: every word, every shift and mode."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out

from taxonn_hw.fixed import Rounding
from taxonn_hw.golden.rows import step_down
from taxonn_hw.rtl.taxonn.lane_update import add_decay
from taxonn_hw.rtl.taxonn.numerics import Numerics
from taxonn_hw.testing import trace
from tests.rtl.networks import make_network

WORD = "s6.5"


class Decay(Component):
    def __init__(self, numerics):
        self.numerics = numerics
        super().__init__({"word": In(numerics.word), "decays": In(1), "row_word": In(16),
                          "lane_word": In(16), "o": Out(numerics.word)})

    def elaborate(self, platform):
        m = Module()
        decayed = add_decay(m, self.numerics, word=self.word, decays=self.decays,
                            row_word=self.row_word, lane_word=self.lane_word)
        m.d.comb += self.o.eq(decayed)
        return m


@pytest.mark.parametrize("mode", [mode.value for mode in Rounding])
@pytest.mark.parametrize("shift", [1, 2, 5, 9, 16])
def test_decay(shift, mode):
    network = make_network(weight_decay=shift, rounding={"update": mode},
                           formats={"weight": WORD, "bias": WORD, "operand": "s4.3"})
    q, rng = network.output.formats.weight, np.random.default_rng(shift)
    steps = [{"word": word, "decays": decays, "row_word": row, "lane_word": lane}
             for word in range(q.lo, q.hi + 1) for decays in (1, 1, 1, 0)
             for row, lane in rng.integers(0, 1 << 16, (2, 2)).tolist()]
    steps += [{"word": word, "decays": 1, "row_word": row, "lane_word": 0}
              for word in (q.lo, -1, 0, 1, q.hi) for row in (0, 0xFFFF)]
    seen = trace(Decay(Numerics(network)), [*steps, {}], ["o"])
    for step, got in zip(steps, seen[1:], strict=True):
        word = np.int64(step["word"])
        expected = step_down(word, word, shift, q, Rounding(mode),
                             np.int64(step["row_word"] ^ step["lane_word"]))
        assert got["o"] == (expected if step["decays"] else word), step
