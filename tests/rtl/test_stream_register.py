"""Stream register: order, no clock lost, and the rules of streams."""

import random

import pytest

from taxonn_hw.rtl.stream_register import StreamRegister
from taxonn_hw.testing import simulate


@pytest.mark.parametrize(("offer", "accept"), [(1.0, 1.0), (1.0, 0.5), (0.5, 1.0), (0.6, 0.4)])
def test_everything_passes_in_order(offer, accept):
    dut, rng, got = StreamRegister(shape=8), random.Random(1), []

    async def bench(ctx):
        sent, offering, kept = 0, False, None
        for _ in range(300):
            offering = offering or rng.random() < offer
            accepting = rng.random() < accept
            valid_before = ctx.get(dut.o.valid)
            ctx.set(dut.i.valid, offering)
            ctx.set(dut.i.payload, sent & 0xFF if offering else 0xFF)
            ctx.set(dut.o.ready, accepting)
            valid, payload = ctx.get(dut.o.valid), ctx.get(dut.o.payload)
            assert valid == valid_before  # from a register
            assert kept is None or (valid and payload == kept)
            kept = payload if valid and not accepting else None
            if valid and accepting:
                got.append(payload)
            if offering and ctx.get(dut.i.ready):
                sent, offering = sent + 1, False
            await ctx.tick()
        assert sent - len(got) in (0, 1)

    simulate(dut, bench)
    assert got == [k & 0xFF for k in range(len(got))] and len(got) > 90
    if offer == accept == 1.0:
        assert len(got) == 299
