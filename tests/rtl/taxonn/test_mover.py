"""Mover: rows and scalar biases in and out, with stalls, against a row register and memories."""

import random

import pytest
from amaranth.lib import data

from taxonn_hw.plan.latency import WRITE_STAGE
from taxonn_hw.rtl.taxonn.mover import Mover
from taxonn_hw.testing import get, keeps_contract, simulate

GROUP = data.ArrayLayout(5, 2)
ROWS = 6


class Bench:
    def __init__(self, n_groups, stall, read_latency=1):
        self.dut = Mover(word_group=GROUP, n_groups=n_groups, n_addresses=ROWS,
                         read_latency=read_latency)
        self.read_latency = read_latency
        self.n_groups, self.stall, self.rng = n_groups, stall, random.Random(n_groups)
        self.rows = [[self.beat() for _ in range(n_groups)] for _ in range(ROWS)]
        self.biases = [self.beat() for _ in range(ROWS)]
        self.writes = 0

    def beat(self):
        return [self.rng.randrange(32), self.rng.randrange(32)]

    async def memory(self, ctx):
        """Row register, read latency, write so long after ``store``: as the array."""
        dut = self.dut
        row, bias, pending = [[0, 0]] * self.n_groups, [0, 0], []
        shown, fetch, late, shift = [None] * self.read_latency, 0, None, 0
        async for _, _, active, moves_bias, address, fetches, shifts, store, word in \
                ctx.tick().sample(dut.active, dut.moves_bias, dut.address, dut.next_fetch,
                                  dut.next_shift, dut.store, dut.data):
            assert active or not (fetch or late or shift or store)
            pending = [(left - 1, *what) for left, *what in pending]
            if pending and pending[0][0] == 0:
                _, to_bias, written, value = pending.pop(0)
                assert written == address
                self.writes += 1
                if to_bias:
                    self.biases[address] = value
                else:
                    self.rows[address] = value
            if store:
                pending.append((WRITE_STAGE - 2, moves_bias, address,
                                bias if moves_bias else list(row)))
            if late:
                row, bias = late
            elif shift:
                bias = [word[0], word[1]]
                row = [*row[1:], bias]
            late = shown[0] if fetch else None
            shown = [*shown[1:], (list(self.rows[address]), self.biases[address])
                     if address < ROWS else None]
            fetch, shift = fetches, shifts
            ctx.set(dut.lowest, bias if moves_bias else row[0])

    async def start(self, ctx, command, row, count, bias):
        dut = self.dut
        for name, value in ((command, 1), ("bias", bias), ("start_row", row), ("count", count)):
            ctx.set(getattr(dut, name), value)
        await ctx.tick()
        ctx.set(getattr(dut, command), 0)
        ctx.set(dut.start_row, 7)
        ctx.set(dut.bias, not bias)
        assert ctx.get(dut.active) == (count > 0)

    async def pause(self, ctx):
        while self.rng.random() < self.stall:
            await ctx.tick()

    async def end(self, ctx):
        for _ in range(WRITE_STAGE):
            await ctx.tick()
        assert not ctx.get(self.dut.active)


@pytest.mark.parametrize("stall", [0, 0.6])
@pytest.mark.parametrize("n_groups", [1, 3])
@pytest.mark.parametrize("read_latency", [1, 3])
def test_loads_and_dumps(read_latency, n_groups, stall):
    bench = Bench(n_groups, stall, read_latency)
    dut = bench.dut

    async def run(ctx):
        for bias, row, count in ((0, 0, ROWS), (1, 0, ROWS), (0, 2, 3), (1, 5, 1), (0, 1, 0),
                                 (0, 5, 1), (1, 0, 2)):
            n = count * (1 if bias else n_groups)
            beats, before = [bench.beat() for _ in range(n)], bench.writes
            await bench.start(ctx, "load", row, count, bias)
            for beat in beats:
                await bench.pause(ctx)
                ctx.set(dut.i.payload, beat)
                ctx.set(dut.i.valid, 1)
                await ctx.tick().until(dut.i.ready)
                ctx.set(dut.i.valid, 0)
            ctx.set(dut.i.valid, 1)  # a beat too many
            await bench.end(ctx)
            assert bench.writes == before + count and not ctx.get(dut.i.ready)
            ctx.set(dut.i.valid, 0)
            flat = bench.biases[row:] if bias else [b for r in bench.rows[row:] for b in r]
            assert flat[:n] == beats
            await bench.start(ctx, "dump", row, count, bias)
            got = []
            for _ in range(n):
                await bench.pause(ctx)
                payload = await get(ctx, dut.o)
                got.append([payload[0], payload[1]])
            assert got == beats
            await bench.end(ctx)
            assert not ctx.get(dut.o.valid) and bench.writes == before + count

    simulate(dut, run, background=[bench.memory, keeps_contract(dut.o)])


@pytest.mark.parametrize("read_latency", [1, 3])
def test_beats_take_as_long_as_stated(read_latency):
    bench = Bench(3, 0, read_latency)
    dut = bench.dut

    async def run(ctx):
        ctx.set(dut.o.ready, 1)
        for command, between in (("load", WRITE_STAGE - 1), ("dump", 2)):
            ctx.set(dut.i.valid, 1)
            await bench.start(ctx, command, 0, 4, 0)
            cycles = 0
            while ctx.get(dut.active):
                await ctx.tick()
                cycles += 1
            # Three clocks a beat, and so many between rows.
            assert cycles == 4 * (3 * 3 + read_latency + between)

    simulate(dut, run, background=[bench.memory])
