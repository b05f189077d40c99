"""AdderTree: sums over lanes and slots, back to back and with gaps."""

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from taxonn_hw.plan.latency import tree_latency
from taxonn_hw.plan.program import Program
from taxonn_hw.rtl.taxonn.tree import AdderTree
from taxonn_hw.testing import trace
from tests.rtl.networks import make_network

PRODUCT = signed(9)
MOST = 6  # slots of a sum


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("lanes", [1, 2, 3, 5, 8])
def test_sums(lanes, several):
    rng = np.random.default_rng(lanes)
    dut = AdderTree(lanes=lanes, product=PRODUCT, total=signed(16), tag=unsigned(5),
                    several=several)
    inputs = 2 * lanes if several else lanes
    network = make_network((inputs, 2), mapping="inputs", lanes=lanes)
    assert dut.latency == tree_latency(Program(network))
    steps, expected = [], []

    def slot(products, **flags):
        steps.append({**{f"products.{k}": int(v) for k, v in enumerate(products)},
                      **{f"i.{name}": int(v) for name, v in flags.items()}})
        expected.append(None)

    def noise():
        return rng.integers(-256, 256, lanes)

    for number in range(60):
        n_slots = int(rng.integers(1, MOST + 1)) if several else 1
        extreme = [None, -256, 255][number % 3]
        total = 0
        for k in range(n_slots):
            while rng.random() < 0.3:  # the flags of an empty slot mean nothing
                slot(noise(), valid=0, first=rng.integers(2), last=rng.integers(2), tag=31)
            products = noise() if extreme is None else np.full(lanes, extreme)
            slot(products, valid=1, first=k == 0, last=k == n_slots - 1, tag=number % 32)
            total += int(products.sum())
        expected[-1] = (number % 32, total)
    slot(noise(), valid=0, first=0, last=0, tag=0)
    steps += [{}] * dut.latency
    seen = trace(dut, steps, ["o.valid", "o.tag", "o.total"])[dut.latency:]
    got = [(s["o.tag"], s["o.total"]) if s["o.valid"] else None for s in seen]
    assert got == expected
