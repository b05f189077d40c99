"""ScalarList: order, stalls, rewinds, clears, and how fast it is."""

import random

import pytest
from amaranth.hdl import unsigned
from amaranth.lib import data

from taxonn_hw.plan.latency import LIST_LATENCY
from taxonn_hw.rtl.scalar_list import ScalarList
from taxonn_hw.testing import keeps_contract, simulate

ENTRY = data.StructLayout({"index": 8, "value": 12})
DEPTH = 10


def make(banks, shape=ENTRY, depth=DEPTH):
    return ScalarList(shape=shape, depth=depth, banks=banks)


class Bench:
    """Appends, reads and rewinds at random, and knows what must come."""

    def __init__(self, dut, seed, stall):
        self.dut, self.rng, self.stall = dut, random.Random(seed), stall
        self.banks = [[] for _ in range(dut.banks)]

    async def strobe(self, ctx, *names):
        for name in names:
            ctx.set(getattr(self.dut, name), 1)
        await ctx.tick()
        for name in names:
            ctx.set(getattr(self.dut, name), 0)

    async def fill(self, ctx, sizes):
        """Append so many entries to each bank, several at once; finish with the last or after."""
        dut, rng = self.dut, self.rng
        left = list(sizes)
        with_last = rng.random() < 0.5
        while any(left):
            for g, n in enumerate(left):
                valid = bool(n) and rng.random() >= self.stall
                entry = {"index": rng.randrange(256), "value": rng.randrange(1 << 12)}
                ctx.set(dut.append[g].valid, valid)
                ctx.set(dut.append[g].entry, entry)
                if valid:
                    left[g] -= 1
                    self.banks[g].append(entry)
            ctx.set(dut.finish, with_last and not any(left))
            await ctx.tick()
        for g in range(dut.banks):
            ctx.set(dut.append[g].valid, 0)
        ctx.set(dut.finish, 0)
        if not with_last or not any(sizes):
            await self.strobe(ctx, "finish")

    @property
    def order(self):
        return [(e["index"], e["value"]) for bank in self.banks for e in bank]

    async def read(self, ctx, n=None):
        """Read ``n`` entries, all until ``done`` by default; return them."""
        dut, got = self.dut, []
        while n is None or len(got) < n:
            ready = self.rng.random() >= self.stall
            ctx.set(dut.o.ready, ready)
            valid, done = ctx.get(dut.o.valid), ctx.get(dut.done)
            assert not (valid and done)
            if done and n is None:
                break
            if valid and ready:
                payload = ctx.get(dut.o.payload)
                got.append((payload.index, payload.value))
            await ctx.tick()
        ctx.set(dut.o.ready, 0)
        return got


def sizes_of(banks, rng):
    return rng.choice([[0] * banks, [DEPTH] * banks, [1] + [0] * (banks - 1),
                       [0] * (banks - 1) + [2], [rng.randrange(DEPTH + 1) for _ in range(banks)]])


@pytest.mark.parametrize("stall", [0, 0.5])
@pytest.mark.parametrize("banks", [1, 3, 4])
def test_reads_what_was_appended(banks, stall):
    dut = make(banks)
    bench = Bench(dut, banks, stall)

    async def run(ctx):
        rng = bench.rng
        for _ in range(14):
            bench.banks = [[] for _ in range(banks)]
            await bench.strobe(ctx, "clear")
            assert not ctx.get(dut.complete) and not ctx.get(dut.done)
            await bench.fill(ctx, sizes_of(banks, rng))
            assert ctx.get(dut.complete)
            for _ in range(rng.randrange(3)):  # abandon a reading, then begin again
                if bench.order:
                    n = rng.randrange(1, len(bench.order) + 1)
                    assert await bench.read(ctx, n) == bench.order[:n]
                await bench.strobe(ctx, "rewind")
            assert await bench.read(ctx) == bench.order
            assert ctx.get(dut.done)

    released = dut.clear | dut.rewind
    simulate(dut, run, background=[keeps_contract(dut.o, released=released)])


@pytest.mark.parametrize("stall", [0, 0.3, 0.8])
def test_streams_while_one_bank_fills(stall):
    dut = make(1)
    writer, reader = Bench(dut, 1, 0.4), Bench(dut, 2, stall)

    async def write(ctx):
        await writer.fill(ctx, [DEPTH])

    async def read(ctx):
        assert await reader.read(ctx) == writer.order
        assert len(writer.order) == DEPTH

    simulate(dut, write, read, background=[keeps_contract(dut.o)])


@pytest.mark.parametrize("banks", [1, 3, 4])
def test_one_entry_a_clock_after_the_latency(banks):
    """Also where reading goes on from one bank to the next, over an empty one."""
    dut = make(banks)
    bench = Bench(dut, 5, 0)

    async def run(ctx):
        sizes = [3, 0, 4, 1][:banks]
        await bench.fill(ctx, sizes)
        await bench.read(ctx)
        ctx.set(dut.o.ready, 1)
        for _ in range(2):
            await bench.strobe(ctx, "rewind")  # cycle 0
            valid, done = [], []
            for _ in range(1, 20):
                valid.append(ctx.get(dut.o.valid))
                done.append(ctx.get(dut.done))
                await ctx.tick()
            first, n = LIST_LATENCY + (banks > 1), sum(sizes)
            assert [k for k, v in enumerate(valid, 1) if v] == list(range(first, first + n))
            assert done.index(1) + 1 == first + n

    simulate(dut, run)


def test_latency_from_append():
    dut = make(1)

    async def run(ctx):
        ctx.set(dut.append[0].valid, 1)
        await ctx.tick()
        ctx.set(dut.append[0].valid, 0)
        for cycle in range(1, LIST_LATENCY + 1):
            assert ctx.get(dut.o.valid) == (cycle == LIST_LATENCY)
            await ctx.tick()

    simulate(dut, run)


@pytest.mark.parametrize("banks", [1, 2])
def test_an_empty_list_is_done_at_once(banks):
    dut = make(banks, shape=unsigned(4), depth=1)
    bench = Bench(dut, 5, 0)

    async def run(ctx):
        await bench.strobe(ctx, "finish")
        for _ in range(4):
            await ctx.tick()
        assert ctx.get(dut.done)
        await bench.strobe(ctx, "rewind")
        assert ctx.get(dut.done) == (banks == 1)
        await ctx.tick()
        assert ctx.get(dut.done) and not ctx.get(dut.o.valid)

    simulate(dut, run)
