"""The serial CRC against zlib."""

import random
import zlib

import pytest

from taxonn_hw.rtl.link.crc import RESIDUE, SerialCrc
from taxonn_hw.testing import simulate


@pytest.mark.parametrize("n", [0, 1, 2, 40])
def test_against_zlib(n):
    message = random.Random(n).randbytes(n)
    checksum = zlib.crc32(message)
    dut = SerialCrc()

    async def take(ctx, data):
        ctx.set(dut.step, 1)
        for byte in data:
            for k in range(8):
                ctx.set(dut.bit, byte >> k & 1)
                await ctx.tick()
        ctx.set(dut.step, 0)

    async def bench(ctx):
        for _ in range(2):
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            await take(ctx, message)
            await ctx.tick()
            assert ctx.get(dut.state) == checksum ^ 0xFFFF_FFFF
            await take(ctx, checksum.to_bytes(4, "little"))
            assert ctx.get(dut.state) == RESIDUE

    simulate(dut, bench)


def test_its_own_lowest_bit_shifts_it_out():
    dut = SerialCrc()

    async def bench(ctx):
        ctx.set(dut.clear, 1)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        ctx.set(dut.step, 1)
        ctx.set(dut.bit, 0)
        await ctx.tick()
        state = ctx.get(dut.state)
        for k in range(1, 33):
            ctx.set(dut.bit, ctx.get(dut.state) & 1)
            await ctx.tick()
            assert ctx.get(dut.state) == state >> k

    simulate(dut, bench)
