"""What the LEDs show, at a clock so slow that seconds are few."""

import pytest

from taxonn_hw.boards import LED_ROLES
from taxonn_hw.rtl.board.leds import StatusLeds
from taxonn_hw.testing import simulate

HZ = 64  # an eighth of a second is eight clocks


def run(bench):
    dut = StatusLeds(clock_hz=HZ, roles=LED_ROLES)

    async def whole(ctx):
        async def shown(clocks):
            """Return for each role how many of the next clocks it was lit."""
            counts = dict.fromkeys(LED_ROLES, 0)
            for _ in range(clocks):
                await ctx.tick()
                for k, role in enumerate(LED_ROLES):
                    counts[role] += ctx.get(dut.led) >> k & 1
            return counts

        async def strobe(signal):
            ctx.set(signal, 1)
            await ctx.tick()
            ctx.set(signal, 0)

        await bench(ctx, dut, shown, strobe)

    simulate(dut, whole)


def test_idle():
    async def bench(ctx, dut, shown, strobe):
        await shown(4)
        counts = await shown(4 * HZ)
        assert counts["idle"] == 4 * HZ and counts["training"] == counts["error"] == 0
        for role in ("heartbeat", "status", "all"):
            assert counts[role] == 2 * HZ

    run(bench)


def test_training_shows_while_samples_come():
    async def bench(ctx, dut, shown, strobe):
        ctx.set(dut.training, 1)
        for _ in range(6):
            await strobe(dut.sample)
            await shown(6)
        await strobe(dut.sample)
        counts = await shown(7)
        assert counts["training"] == counts["status"] == counts["all"] == 7
        assert counts["idle"] == 0
        await shown(20)
        assert (await shown(HZ))["idle"] == HZ

    run(bench)


def test_inference_is_not_training():
    async def bench(ctx, dut, shown, strobe):
        for _ in range(10):
            await strobe(dut.sample)
            assert (await shown(5))["training"] == 0

    run(bench)


def test_an_error_shows_for_about_two_seconds():
    async def bench(ctx, dut, shown, strobe):
        await strobe(dut.error)
        counts = await shown(4 * HZ)
        assert 14 * 8 <= counts["error"] <= 16 * 8
        assert counts["heartbeat"] == counts["status"] == 2 * HZ  # the others go on

    run(bench)


@pytest.mark.parametrize(("hertz", "bits"), [(12_000_000, 24), (16_125_000, 24), (48_000_000, 26),
                                             (100_000_000, 27)])
def test_about_one_blink_a_second(hertz, bits):
    leds = StatusLeds(clock_hz=hertz, roles=["heartbeat"])
    assert leds.bits == bits and 0.7 <= 2**leds.bits / hertz <= 1.5


def test_an_unknown_role():
    with pytest.raises(ValueError, match=r"must be one of heartbeat, .*, not 'disco'"):
        StatusLeds(clock_hz=HZ, roles=["disco"])
