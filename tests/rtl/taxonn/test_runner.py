"""Runner: as many samples as asked for, however short they are, and none that has no room."""

import random

import pytest

from taxonn_hw.rtl.taxonn.runner import Runner
from taxonn_hw.testing import simulate

N_OUT, DEPTH = 3, 8


def run(samples, *, length, results=False, stop_at=None, seed=1):
    """Let samples of ``length(n)`` clocks run; return their starts, and the most in the queue."""
    dut, rng = Runner(n_out=N_OUT, depth=DEPTH), random.Random(seed)
    began, most = [], 0

    async def bench(ctx):
        nonlocal most
        queue, left, began_now = 0, 0, False
        ctx.set(dut.sample_ready, 1)
        ctx.set(dut.results, results)
        ctx.set(dut.stopped, 1)
        ctx.set(dut.empty, 1)
        ctx.set(dut.samples, samples)
        await ctx.tick()
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for clock in range(40 + 12 * samples):
            began_now = not left and bool(ctx.get(dut.run))
            if began_now:
                began.append(clock)
                left = length(len(began) - 1)
                queue += N_OUT if results else 0
            most = max(most, queue)
            popped = queue > 0 and rng.random() < 0.4
            queue -= popped
            ctx.set(dut.popped, popped)
            ctx.set(dut.sample_starts, began_now)
            ctx.set(dut.sample_ends, left == 1)
            ctx.set(dut.stopped, not left or began_now)
            ctx.set(dut.stop, clock == stop_at)
            left = max(left - 1, 0)
            await ctx.tick()
        assert not ctx.get(dut.busy)

    simulate(dut, bench)
    return began, most


@pytest.mark.parametrize("samples", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("length", [lambda n: 1, lambda n: 2, lambda n: 1 + n % 3, lambda n: 5])
def test_as_many_as_asked_for(samples, length):
    """Samples of one clock follow each other without a gap."""
    began, _ = run(samples, length=length)
    assert began == [sum(length(k) for k in range(n)) for n in range(samples)]


@pytest.mark.parametrize("length", [1, 2, 4])
def test_a_sample_waits_for_room(length):
    began, most = run(12, length=lambda n: length, results=True)
    assert len(began) == 12 and DEPTH - N_OUT < most <= DEPTH


@pytest.mark.parametrize(("stop_at", "begun"), [(0, 1), (3, 1), (4, 2), (9, 3)])
def test_stop_ends_with_the_present_sample(stop_at, begun):
    """Samples of four clocks; a stop in the last clock of one does not begin another."""
    began, _ = run(100, length=lambda n: 4, stop_at=stop_at)
    assert len(began) == begun


def test_a_stop_between_samples():
    began, _ = run(5, length=lambda n: 1, stop_at=1)
    assert len(began) <= 2
