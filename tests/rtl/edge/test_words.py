"""Random words of a kind of store, junction cycle by junction cycle."""

import numpy as np
import pytest

from taxonn_hw.fixed import RandomWords
from taxonn_hw.rtl.edge.words import StoreWords
from taxonn_hw.testing import trace


@pytest.mark.parametrize("levels", [0, 2])
def test_words(levels):
    """Junction cycles of training samples use word after word; others leave them alone."""
    dut, model = StoreWords(seed=6, lanes=5, levels=levels), RandomWords(seed=6, lanes=5)
    rng = np.random.default_rng(1)
    steps, wanted, used = [{}], [], False
    for learns in (1, 1, 0, 1, 0, 0, 1, 1, None, 1, 1):
        if learns is None:
            steps += [{}] * 9 + [{"restart": 1}, {"restart": 0}]
            model.restart()
            used = False
            continue
        if used:
            model.advance()
        used = bool(learns)
        steps.append({"begin": 1, "learns": learns})
        for k, index in enumerate(rng.integers(0, 1 << 16, 7).tolist()):
            wanted.append((len(steps) + 4 + levels, model.rows(index) ^ model.lane))
            steps.append({"begin": 0, "index": index, "learns": int(rng.integers(2))}
                         if k == 0 else {"index": index})
        steps += [{}] * int(rng.integers(0, 4))
    seen = trace(dut, steps + [{}] * 7, [f"words.{k}" for k in range(5)])
    for at, expected in wanted:
        np.testing.assert_array_equal(list(seen[at].values()), expected)
