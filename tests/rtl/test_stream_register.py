"""Stream register: order, no clock lost, and the rules of streams."""

import random

import pytest

from taxonn_hw.rtl.skid import StreamRegister
from taxonn_hw.testing import simulate


@pytest.mark.parametrize(("offer", "accept"), [(1.0, 1.0), (1.0, 0.5), (0.5, 1.0), (0.6, 0.4)])
def test_everything_passes_in_order(offer, accept):
    dut, rng, got = StreamRegister(shape=8), random.Random(1), []

    async def bench(ctx):
        sent, offering, kept = 0, False, None
        for _ in range(300):
            offering = offering or rng.random() < offer
            accepting = rng.random() < accept
            before = ctx.get(dut.o.valid), ctx.get(dut.i.ready)
            ctx.set(dut.i.valid, offering)
            ctx.set(dut.i.payload, sent & 0xFF if offering else 0xFF)
            ctx.set(dut.o.ready, accepting)
            valid, payload = ctx.get(dut.o.valid), ctx.get(dut.o.payload)
            assert (valid, ctx.get(dut.i.ready)) == before  # from registers
            assert kept is None or (valid and payload == kept)
            kept = payload if valid and not accepting else None
            if valid and accepting:
                got.append(payload)
            if offering and ctx.get(dut.i.ready):
                sent, offering = sent + 1, False
            await ctx.tick()
        assert sent - len(got) in (0, 1, 2)

    simulate(dut, bench)
    assert got == [k & 0xFF for k in range(len(got))] and len(got) > 90
    if offer == accept == 1.0:
        assert len(got) == 299


@pytest.mark.parametrize("accept", [0, 1])
def test_clear_drops_everything(accept):
    """What is shown, what is kept, and what is offered in that clock."""
    dut = StreamRegister(shape=8)

    async def bench(ctx):
        ctx.set(dut.i.valid, 1)
        for payload in (1, 2, 3):
            ctx.set(dut.i.payload, payload)
            await ctx.tick()
        ctx.set(dut.clear, 1)
        ctx.set(dut.o.ready, accept)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        assert not ctx.get(dut.o.valid) and ctx.get(dut.i.ready)
        ctx.set(dut.i.payload, 9)
        await ctx.tick()
        assert ctx.get(dut.o.valid) and ctx.get(dut.o.payload) == 9

    simulate(dut, bench)
