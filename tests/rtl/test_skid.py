"""Skid buffer and stream register: order, no clock lost, what comes from registers."""

import random

import pytest

from taxonn_hw.rtl.skid import SkidBuffer, StreamRegister
from taxonn_hw.testing import simulate

#: Component -> cycles that a payload takes, payloads that it holds.
SIZES = {SkidBuffer: (0, 1), StreamRegister: (1, 2)}


@pytest.mark.parametrize(("offer", "accept"), [(1.0, 1.0), (1.0, 0.5), (0.5, 1.0), (0.6, 0.4)])
@pytest.mark.parametrize("kind", SIZES)
def test_everything_passes_in_order(kind, offer, accept):
    dut, rng, got, waited = kind(shape=8), random.Random(1), [], []
    latency, room = SIZES[kind]

    async def bench(ctx):
        sent, offering, kept = 0, False, None
        for _ in range(300):
            offering = offering or rng.random() < offer
            accepting = rng.random() < accept
            ready, shown = ctx.get(dut.i.ready), ctx.get(dut.o.valid)
            ctx.set(dut.i.valid, offering)
            ctx.set(dut.i.payload, sent & 0xFF if offering else 0xFF)
            ctx.set(dut.o.ready, accepting)
            valid, payload = ctx.get(dut.o.valid), ctx.get(dut.o.payload)
            assert ctx.get(dut.i.ready) == ready  # from a register
            assert valid == shown or not latency
            assert kept is None or (valid and payload == kept)
            kept = payload if valid and not accepting else None
            if valid:
                (got if accepting else waited).append(payload)
            if offering and ready:
                sent, offering = sent + 1, False
            await ctx.tick()
        assert 0 <= sent - len(got) <= room

    simulate(dut, bench)
    assert got == [k & 0xFF for k in range(len(got))] and len(got) > 90
    if offer == accept == 1.0:
        assert len(got) == 300 - latency and not waited


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
