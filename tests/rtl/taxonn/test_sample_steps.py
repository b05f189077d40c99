"""Which samples begin a batch, take a step, let weights decay: against counts of the golden law."""

import random

import pytest

from taxonn_hw.rtl.taxonn.numerics import Numerics
from taxonn_hw.rtl.taxonn.sample_steps import SampleSteps, step_marks
from taxonn_hw.testing import simulate
from tests.rtl.networks import make_network


def test_marks_are_there_where_they_are_needed():
    def marks(**keys):
        return set(step_marks(Numerics(make_network(**keys))))

    assert marks() == marks(batch=4, weight_decay=1, training=False) == set()
    assert marks(batch=2) == {"fresh", "takes_step"}
    assert marks(weight_decay=1) == {"decays"}
    assert marks(batch=2, weight_decay=1) == {"fresh", "takes_step", "decays"}


@pytest.mark.parametrize(("batch", "period"), [(2, None), (3, 1), (5, 2), (1, 4), (4, 4), (1, 1)])
def test_counts(batch, period):
    """Runs of any length, training and inference, some stopped early, restarts in between."""
    decay = {} if period is None else {"weight_decay": 2, "weight_decay_period": period}
    dut = SampleSteps(numerics=Numerics(make_network(batch=batch, **decay)))
    rng = random.Random(batch)

    async def strobe(ctx, name):
        ctx.set(getattr(dut, name), 1)
        await ctx.tick()
        ctx.set(getattr(dut, name), 0)
        for _ in range(rng.randrange(3)):
            await ctx.tick()

    async def bench(ctx):
        trained = 0
        for _ in range(60):
            if rng.random() < 0.2:
                await strobe(ctx, "restart")
                trained = 0
            train, length = rng.random() < 0.8, rng.randrange(1, 2 * batch + 3)
            stopped = length if rng.random() < 0.7 else rng.randrange(length)
            ctx.set(dut.train, train)
            await strobe(ctx, "start")
            in_batch = 0
            for k in range(stopped):
                ctx.set(dut.final, k == length - 1)
                await strobe(ctx, "sample_starts")
                ctx.set(dut.final, rng.random() < 0.5)  # changes while the sample is under way
                if train:
                    trained += 1
                    in_batch += 1
                    if batch > 1:
                        takes = in_batch == batch or k == length - 1
                        assert ctx.get(dut.o.fresh) == (in_batch == 1)
                        assert ctx.get(dut.o.takes_step) == takes
                        in_batch = 0 if takes else in_batch
                    if period is not None:
                        assert ctx.get(dut.o.decays) == (trained % period == 0)
                await strobe(ctx, "sample_ends")

    simulate(dut, bench, max_cycles=20_000)
