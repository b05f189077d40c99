"""The reset generator: reset from the first clock, for as long as asked, and again without lock."""

import pytest

from taxonn_hw.rtl.board.reset import ResetGenerator
from taxonn_hw.testing import simulate


def test_reset_until_long_after_the_lock():
    dut = ResetGenerator(cycles=21)

    async def bench(ctx):
        for lock_after in (0, 3, 30):
            ctx.set(dut.locked, 0)
            await ctx.tick().repeat(5)
            for _ in range(lock_after):
                assert ctx.get(dut.reset)
                await ctx.tick()
            ctx.set(dut.locked, 1)
            held = 0
            while ctx.get(dut.reset):
                await ctx.tick()
                held += 1
                assert held < 100
            assert 21 <= held <= 2 * 32
            await ctx.tick().repeat(50)
            assert not ctx.get(dut.reset)

    simulate(dut, bench)


def test_reset_from_the_first_clock():
    dut = ResetGenerator(cycles=3)

    async def bench(ctx):
        ctx.set(dut.locked, 1)
        for _ in range(3):
            assert ctx.get(dut.reset)
            await ctx.tick()

    simulate(dut, bench)


def test_cycles_must_be_positive():
    with pytest.raises(ValueError, match="at least 1, not 0"):
        ResetGenerator(cycles=0)
