"""Drain: every wanted value once, in order, with its tag; loads may follow without a gap."""

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from taxonn_hw.rtl.taxonn.drain import Drain
from taxonn_hw.testing import trace

OUT = ["valid", "o_value", "o_item", "o_tag", "o_finish", "ending"]


@pytest.mark.parametrize("lanes", [1, 3, 8])
def test_drains(lanes):
    rng = np.random.default_rng(lanes)
    dut = Drain(lanes=lanes, shape=signed(12), tag=unsigned(4), n_neurons=40)
    steps, expected = [{"load": 0}], [None]
    for number in range(30):
        count = int(rng.integers(1, lanes + 1))
        values = rng.integers(-2048, 2048, lanes).tolist()
        item, tag, finish = int(rng.integers(0, 40 - count)), int(rng.integers(16)), number % 2
        steps[-1] = {"load": 1, "count": count, "item": item, "tag": tag, "finish": finish,
                     **{f"values.{k}": v for k, v in enumerate(values)}}
        for k in range(count):
            last = k == count - 1
            expected.append((1, values[k], item + k, tag, int(last and finish), int(last)))
            steps.append({"load": 0, "finish": 1 - finish, "values.0": 5, "item": 0, "tag": 0})
        for _ in range(int(rng.integers(3))):
            steps.append({"load": 0})
            expected.append(None)
    for s, wanted in zip(trace(dut, steps, OUT), expected, strict=True):
        if wanted is None:
            assert (s["valid"], s["ending"], s["o_finish"]) == (0, 0, 0)
        else:
            assert tuple(s.values()) == wanted
