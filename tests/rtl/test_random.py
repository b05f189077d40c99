"""The random generator in gates against its model, sample by sample."""

import numpy as np
import pytest

from taxonn_hw.fixed import RandomWords
from taxonn_hw.fixed.random import mix_rows
from taxonn_hw.plan.latency import RANDOM_LATENCY
from taxonn_hw.rtl.random import LaneWords, RowState, RowWord
from taxonn_hw.testing import trace

# what happens at the end of each cycle: advance, restart or nothing
EVENTS = [*"aa.a..aaa", "restart", *"a.aa", "restart", "restart", *"..", *"a" * 40, "both", *"aa"]


def steps_of(events):
    return [{"advance": int(e in ("a", "both")), "restart": int(e in ("restart", "both"))}
            for e in events]


def model_states(words, read):
    """Yield what ``read`` sees of the model before each event."""
    for event in EVENTS:
        yield read(words)
        if event in ("restart", "both"):
            words.restart()
        elif event == "a":
            words.advance()


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_row_state(seed):
    words = RandomWords(seed=seed, lanes=1)
    seen = trace(RowState(seed=seed), steps_of(EVENTS), ["state"])
    assert [s["state"] for s in seen] == list(model_states(words, lambda w: w.state))


@pytest.mark.parametrize("lanes", [1, 3, 74, 75, 128])
def test_lane_words(lanes):
    """Below 75 lanes the sequence is longer than what the lanes see, above it is not."""
    words = RandomWords(seed=3, lanes=lanes)
    seen = trace(LaneWords(seed=3, lanes=lanes), steps_of(EVENTS), ["bits"])
    for s, expected in zip(seen, model_states(words, lambda w: w.lane.tolist()), strict=True):
        assert [s["bits"] >> lane & 0xFFFF for lane in range(lanes)] == expected


def test_row_word_of_a_state_that_stays():
    """But for one change, which words on their way do not see."""
    rng = np.random.default_rng(2)
    index = rng.integers(0, 1 << 16, 24).tolist()
    state = [7] * 10 + [0xDEADBEEF] * 14
    steps = [{"index": i, "state": s, "changes": int(k == 9)}
             for k, (i, s) in enumerate(zip(index, state, strict=True))]
    seen = trace(RowWord(holds=False), steps + [{}] * RANDOM_LATENCY, ["word"])
    expected = [int(mix_rows(np.array([i]), [s])[0, 0]) for i, s in zip(index, state, strict=True)]
    assert [s["word"] for s in seen[RANDOM_LATENCY:]] == expected


def test_row_word():
    rng = np.random.default_rng(1)
    index = np.append(rng.integers(0, 1 << 16, 60), [0, 0xFFFF, 0xFFFF, 0]).tolist()
    state = np.append(rng.integers(1, 1 << 32, 60), [1, 2**32 - 1, 0xFFFF, 0xFFFF0000]).tolist()
    steps = [{"index": i, "state": s} for i, s in zip(index, state, strict=True)]
    seen = trace(RowWord(), steps + [{}] * RANDOM_LATENCY, ["word"])
    expected = [int(mix_rows(np.array([i]), [s])[0, 0]) for i, s in zip(index, state, strict=True)]
    assert [s["word"] for s in seen[RANDOM_LATENCY:]] == expected
