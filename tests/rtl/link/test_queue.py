"""The queue in block RAM: order, bounds, stalls."""

import random

import pytest

from taxonn_hw.rtl.link.queue import BlockQueue
from taxonn_hw.testing import get, keeps_contract, put, simulate


@pytest.mark.parametrize("depth", [2, 16])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_order(depth, stall):
    dut = BlockQueue(width=9, depth=depth)
    rng, sent, got = random.Random(depth), [k * 7 % 512 for k in range(200)], []

    async def fill(ctx):
        for value in sent:
            while rng.random() < stall:
                await ctx.tick()
            await put(ctx, dut.i, value)

    async def empty(ctx):
        for _ in sent:
            while rng.random() < stall:
                await ctx.tick()
            got.append(await get(ctx, dut.o))
        await ctx.tick()
        assert not ctx.get(dut.o.valid)

    simulate(dut, fill, empty, background=[keeps_contract(dut.o)])
    assert got == sent


def test_it_holds_its_depth_and_two():
    dut = BlockQueue(width=8, depth=4)

    async def bench(ctx):
        for value in range(6):
            await put(ctx, dut.i, value)
        await ctx.tick().repeat(3)
        assert not ctx.get(dut.i.ready)
        assert [await get(ctx, dut.o) for _ in range(6)] == list(range(6))
        assert ctx.get(dut.i.ready)

    simulate(dut, bench)


def test_a_beat_a_cycle():
    dut = BlockQueue(width=8, depth=8)

    async def bench(ctx):
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.o.ready, 1)
        passed = 0
        for _ in range(50):
            await ctx.tick()
            passed += ctx.get(dut.o.valid)
        assert passed == 50 - 2  # the first comes in the third clock

    simulate(dut, bench)


@pytest.mark.parametrize("depth", [0, 1, 3, 100])
def test_depths(depth):
    with pytest.raises(ValueError, match=f"power of two, at least 2, not {depth}"):
        BlockQueue(width=8, depth=depth)
