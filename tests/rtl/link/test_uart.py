"""Bytes on the line: every rate, wrong rates, breaks, glitches."""

import random
from fractions import Fraction
from itertools import pairwise

import pytest

from taxonn_hw.rtl.link.uart import RATE_ERROR, UartReceiver, UartTransmitter, phase_step
from taxonn_hw.testing import put, simulate

CLOCK_S = 1e-6  # of the simulation
RATES = [(12, 3), (16, 3), (1000, 163), (12_000_000, 1_000_000), (16_125_000, 1_000_000),
         (25_000_000, 115_200)]
EXTREMES = [0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80, 0x7E, 0x7D]


@pytest.mark.parametrize(("clock_hz", "baud"), [*RATES, (48_000_000, 115_200), (100, 25)])
def test_the_phase_accumulator_keeps_the_rate(clock_hz, baud):
    bits, step = phase_step(clock_hz, baud)
    assert abs(Fraction(step, 2**bits) / Fraction(baud, clock_hz) - 1) <= RATE_ERROR
    assert 1 <= step <= 2 ** (bits - 2)


@pytest.mark.parametrize(("clock_hz", "baud"), [(12_000_000, 3_000_001), (3, 1), (8, 0)])
def test_a_bit_takes_four_clocks_at_least(clock_hz, baud):
    with pytest.raises(ValueError, match=f"at least 4 clocks.*not {baud}"):
        phase_step(clock_hz, baud)


class Line:
    """The far end: changes the line at any time, not only at clocks."""

    def __init__(self, ctx, line, bit_s):
        self.ctx, self.line, self.bit_s = ctx, line, bit_s

    async def level(self, value, bits):
        self.ctx.set(self.line, value)
        await self.ctx.delay(bits * self.bit_s)

    async def byte(self, byte, *, stop=1):
        for bit in [0, *(byte >> k & 1 for k in range(8)), stop]:
            await self.level(bit, 1)


def receive(clock_hz, baud, talk, *, error=0.0, phase=0.0):
    """Return the bytes that a receiver takes from ``talk(line)``, and its errors, in order."""
    dut = UartReceiver(clock_hz=clock_hz, baud=baud)
    seen = []

    async def far(ctx):
        line = Line(ctx, dut.rx, CLOCK_S * clock_hz / baud * (1 + error))
        await line.level(1, 3 + phase)
        await talk(line)
        await line.level(1, 12)

    async def near(ctx):
        async for _, _, valid, data, wrong in ctx.tick().sample(dut.valid, dut.data, dut.error):
            if valid or wrong:
                seen.append("error" if wrong else data)

    simulate(dut, far, background=[near], max_cycles=400 * clock_hz // baud * 12)
    return seen


@pytest.mark.parametrize("error", [-0.02, 0, 0.02])
@pytest.mark.parametrize(("clock_hz", "baud"), RATES)
def test_bytes_back_to_back(clock_hz, baud, error):
    """Two percent beside the rate, any phase, no pause between bytes."""
    rng = random.Random(f"{clock_hz} {baud} {error}")
    sent = EXTREMES + rng.choices(range(256), k=20 if clock_hz < 100 * baud else 1)

    async def talk(line):
        for byte in sent:
            await line.byte(byte)

    assert receive(clock_hz, baud, talk, error=error, phase=rng.random()) == sent


def test_any_pause_between_bytes():
    rng = random.Random(1)
    sent = rng.choices(range(256), k=60)

    async def talk(line):
        for byte in sent:
            await line.byte(byte)
            await line.level(1, rng.random() * 2)

    assert receive(16, 3, talk) == sent


@pytest.mark.parametrize(("clock_hz", "baud"), RATES[:4])
def test_a_break_is_one_error(clock_hz, baud):
    async def talk(line):
        await line.byte(1)
        await line.level(0, 37)
        await line.level(1, 2)
        await line.byte(2)
        await line.byte(3, stop=0)
        await line.level(1, 2)
        await line.byte(4)

    assert receive(clock_hz, baud, talk) == [1, "error", 2, "error", 4]


def test_a_glitch_is_no_byte():
    async def talk(line):
        for bits in (0.1, 0.15, 0.3, 0.45):  # a majority of three clocks, then the start bit
            await line.level(0, bits)
            await line.level(1, 12)
        await line.byte(0x5A)

    assert receive(16, 1, talk) == [0x5A]


def test_a_glitch_in_the_middle_of_a_bit_is_voted_down():
    async def talk(line):
        await line.level(0, 1)
        for bit in (1, 0, 1, 1, 0, 0, 1, 0):
            await line.level(bit, 0.5)
            await line.level(1 - bit, 1 / 16)
            await line.level(bit, 0.5 - 1 / 16)
        await line.level(1, 1)

    assert receive(16, 1, talk) == [0b01001101]


@pytest.mark.parametrize(("clock_hz", "baud"), RATES)
def test_transmitter(clock_hz, baud):
    """Start bit, data, one stop bit, each of the right length within a clock."""
    dut = UartTransmitter(clock_hz=clock_hz, baud=baud)
    sent, levels = [*EXTREMES, 0x3C], []

    async def talk(ctx):
        assert ctx.get(dut.tx) == 1
        for byte in sent:
            await put(ctx, dut.i, byte)
        await ctx.tick().repeat(12 * clock_hz // baud)

    async def watch(ctx):
        async for _, _, tx in ctx.tick().sample(dut.tx):
            levels.append(tx)

    simulate(dut, talk, background=[watch], max_cycles=150 * clock_hz // baud)
    got, at, bit = [], 0, clock_hz / baud
    while 0 in levels[at:]:
        start = levels.index(0, at)
        assert levels[round(start + 0.5 * bit)] == 0
        cells = [levels[round(start + (k + 1.5) * bit)] for k in range(9)]
        assert cells[8] == 1
        got.append(sum(cell << k for k, cell in enumerate(cells[:8])))
        at = round(start + 9.6 * bit)
        assert all(levels[round(start + 9 * bit) + 1:at])
    assert got == sent


def test_transmitter_keeps_the_line_full():
    """Ten bits and one clock a byte."""
    dut = UartTransmitter(clock_hz=16, baud=2)
    taken = []

    async def talk(ctx):
        ctx.set(dut.i.valid, 1)
        async for _, _, ready in ctx.tick().sample(dut.i.ready):
            taken.append(ready)
            if len(taken) == 400:
                return

    simulate(dut, talk)
    places = [k for k, ready in enumerate(taken) if ready]
    assert [b - a for a, b in pairwise(places)] == [81] * (len(places) - 1)
