"""Results: their queue, the class, and how many were right."""

import random

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from taxonn_hw.rtl.edge.results import RECENT, Argmax, ResultQueue, Scores
from taxonn_hw.testing import get, keeps_contract, simulate, trace


@pytest.mark.parametrize(("n", "groups", "shape"), [(1, 5, unsigned(4)), (3, 2, signed(5))])
def test_result_queue(n, groups, shape):
    dut, rng = ResultQueue(n=n, groups=groups, shape=shape), random.Random(n)
    codes = [rng.randrange(1 << shape.width) for _ in range(6 * n * groups)]
    shown = []

    async def fill(ctx):
        for sample in range(6):
            while not ctx.get(dut.room):
                await ctx.tick()
            ctx.set(dut.reserve, 1)
            await ctx.tick()
            ctx.set(dut.reserve, 0)
            for g in range(groups):
                await ctx.tick()
                first = (sample * groups + g) * n
                ctx.set(dut.codes, [code - (1 << shape.width) if shape.signed and
                                    code >> shape.width - 1 else code
                                    for code in codes[first:first + n]])
                ctx.set(dut.write, 1)
                await ctx.tick()
                ctx.set(dut.write, 0)

    async def drain(ctx):
        while len(shown) < len(codes):
            while rng.random() < 0.6:
                await ctx.tick()
            shown.append(await get(ctx, dut.o))
        assert shown == codes

    simulate(dut, fill, drain, background=[keeps_contract(dut.o)], max_cycles=3000)


@pytest.mark.parametrize(("n", "n_out", "shape"), [
    (1, 6, signed(4)), (2, 6, unsigned(3)), (3, 3, signed(4)), (5, 10, unsigned(2)),
    (1, 1, unsigned(4)), (1, 1, signed(4))])
def test_argmax(n, n_out, shape):
    """The last of the largest; a single output against half of 1.0; samples back to back."""
    dut = Argmax(n=n, n_out=n_out, shape=shape, one=7)
    rng = np.random.default_rng(n)
    low = -(1 << shape.width - 1) if shape.signed else 0
    groups, steps, wanted = n_out // n, [], []
    for _ in range(60):
        codes = rng.integers(low, low + (1 << shape.width), n_out)
        for g in range(groups):
            steps += [{"valid": 0}] * int(rng.random() < 0.2)
            steps.append({"valid": 1, "first": int(g == 0), "last": int(g == groups - 1),
                          **{f"codes.{k}": int(c) for k, c in enumerate(codes[g * n:(g + 1) * n])}})
        best = n_out - 1 - int(np.argmax(codes[::-1])) if n_out > 1 else int(2 * codes[0] >= 7)
        wanted.append((len(steps) - 1 + dut.latency, best))
    seen = trace(dut, [*steps, {"valid": 0}, {}, {}, {}, {}], ["done", "index"])
    assert [at for at, s in enumerate(seen) if s["done"]] == [at for at, _ in wanted]
    assert [seen[at]["index"] for at, _ in wanted] == [best for _, best in wanted]


def test_scores():
    """In all and of the last thousand, before and after the window is full; cleared."""
    rng = np.random.default_rng(2)
    right = (rng.random(RECENT + 700) < 0.6).astype(int)
    right[:40] = 1
    steps = []
    for value in right.tolist():
        steps += [{"valid": 1, "right": value}, {"valid": 0, "right": 1 - value}, {}]
    steps += [{"clear": 1}, {"clear": 0}, {"valid": 1, "right": 1}, {"right": 0}, {"valid": 0}]
    seen = trace(Scores(), [*steps, {}], ["correct", "recent"])
    for n in (1, 20, 999, 1000, 1001, 1040, len(right)):
        assert seen[3 * n - 1]["correct"] == right[:n].sum()
        assert seen[3 * n - 1]["recent"] == right[max(n - RECENT, 0):n].sum(), n
    assert seen[3 * len(right) + 1] == {"correct": 0, "recent": 0}
    assert seen[-1] == {"correct": 1, "recent": 1}
