"""Loader: what was streamed in comes out as lists, rows and targets, sample after sample."""

import random

import numpy as np
import pytest

from taxonn_hw.plan.streams import element_width, sample_beats
from taxonn_hw.rtl.taxonn.loader import Loader
from taxonn_hw.rtl.taxonn.numerics import Numerics
from taxonn_hw.testing import keeps_contract, simulate
from tests.rtl.networks import make_network

N = 7


class Bench:
    """A producer and a consumer that share nothing but the loader."""

    def __init__(self, network, stall, train, seed=3):
        self.network, self.stall, self.train = network, stall, train
        self.dut = Loader(numerics=Numerics(network))
        self.rng = random.Random(seed)
        rng = np.random.default_rng(seed)
        q, t = network.input, network.output.formats.a
        self.x = rng.integers(q.lo, q.hi + 1, (N, network.n_inputs))
        self.x *= rng.random(self.x.shape) < 0.6
        self.x[2] = 0
        self.x[3] = q.hi
        self.target = rng.integers(t.lo, t.hi + 1, (N, network.output.n_out))

    async def produce(self, ctx):
        beats = sample_beats(self.network, self.x, self.target if self.train else None)
        mask = (1 << element_width(self.network)) - 1
        for beat in (beats & mask).tolist():
            while self.rng.random() < self.stall:
                await ctx.tick()
            ctx.set(self.dut.i.payload, beat)
            ctx.set(self.dut.i.valid, 1)
            await ctx.tick().until(self.dut.i.ready)
            ctx.set(self.dut.i.valid, 0)

    async def entries(self, ctx):
        """Read the list to its end."""
        dut, got = self.dut, {}
        while not ctx.get(dut.entries_done):
            ready = self.rng.random() >= self.stall
            ctx.set(dut.entries.ready, ready)
            if ready and ctx.get(dut.entries.valid):
                entry = ctx.get(dut.entries.payload)
                assert entry.index not in got
                got[entry.index] = entry.value
            await ctx.tick()
        ctx.set(dut.entries.ready, 0)
        return got

    async def rows(self, ctx, sample):
        lanes, flat = self.network.lanes, []
        for row in range(-(-self.network.n_inputs // lanes)):
            ctx.set(self.dut.row, row)
            ctx.set(self.dut.row_bank, sample % 2)
            await ctx.tick()
            vector = ctx.get(self.dut.vector)
            flat += [vector[k] for k in range(lanes)]
        n = self.network.n_inputs
        assert flat[:n] == self.x[sample].tolist()

    async def consume(self, ctx):
        dut = self.dut
        for sample in range(N):
            while not ctx.get(dut.full):
                await ctx.tick()
            assert ctx.get(dut.bank) == sample % 2
            if dut.has_list:
                x = self.x[sample].tolist()
                skip = self.network.config.zero_skip
                for _ in range(2):
                    got = await self.entries(ctx)
                    assert got == {i: v for i, v in enumerate(x) if v or not skip}
                    ctx.set(dut.rewind, 1)
                    await ctx.tick()
                    ctx.set(dut.rewind, 0)
                    await ctx.tick()
            else:
                await self.rows(ctx, sample)
            for i in range(self.network.output.n_out) if self.train else ():
                ctx.set(dut.target_item, i)
                await ctx.tick()
                assert ctx.get(dut.target) == self.target[sample, i]
            await self.wait(ctx)
            ctx.set(dut.free, 1)
            await ctx.tick()
            ctx.set(dut.free, 0)
            if not dut.has_list and sample + 1 < N:  # the last slot may still wait for its row
                for _ in range(6):
                    await ctx.tick()
                await self.rows(ctx, sample)

    async def wait(self, ctx):
        for _ in range(self.rng.randrange(40)):
            await ctx.tick()

    def run(self):
        async def produce(ctx):
            ctx.set(self.dut.train, self.train)
            await self.produce(ctx)

        background = [keeps_contract(self.dut.entries, released=self.dut.rewind | self.dut.free)]
        simulate(self.dut, produce, self.consume, background=background, max_cycles=8000)


NETS = {
    "list": {"mapping": "outputs"},
    "list_odd": {"layers": (13, 4, 5), "mapping": "outputs", "samples_per_clock": 8},
    "list_one": {"layers": (1, 2, 1), "mapping": "outputs", "samples_per_clock": 4},
    "list_serial": {"layers": (5, 4, 3), "mapping": "outputs", "samples_per_clock": 1},
    "list_all": {"layers": (7, 4, 3), "mapping": "outputs", "zero_skip": False},
    "list_signed": {"layers": (9, 4, 6), "mapping": "outputs", "formats": {"input": "s5.4"},
                    "output": "tanh"},
    "rows": {"layers": (10, 4, 3), "mapping": "inputs", "lanes": 4},
    "rows_odd": {"layers": (11, 4, 5), "mapping": "inputs", "lanes": 6},
    "rows_serial": {"layers": (5, 4, 3), "mapping": "inputs", "lanes": 3},
    "rows_one": {"layers": (1, 2, 2), "mapping": "inputs", "lanes": 1},
    "rows_signed": {"layers": (9, 4, 6), "mapping": "inputs", "lanes": 8,
                    "formats": {"input": "s5.4"}, "output": "tanh"},
}


@pytest.mark.parametrize("train, stall", [(1, 0), (1, 0.5), (0, 0.3)])
@pytest.mark.parametrize("name", NETS)
def test_samples_come_back(name, train, stall):
    Bench(make_network(**NETS[name]), stall, train).run()


@pytest.mark.parametrize("mapping", ["outputs", "inputs"])
def test_inference_only(mapping):
    Bench(make_network((10, 4, 3), mapping=mapping, lanes=4, training=False), 0.3, 0).run()


@pytest.mark.parametrize("mapping", ["outputs", "inputs"])
@pytest.mark.parametrize("cut", [1, 3, 5, 9])
def test_restart_drops_what_is_loaded(mapping, cut):
    """After so many beats of a stream that nobody wanted."""
    bench = Bench(make_network((10, 4, 5), mapping=mapping, lanes=4), 0, 1)
    dut, consume = bench.dut, bench.consume
    begun = []

    async def produce(ctx):
        ctx.set(dut.train, 1)
        ctx.set(dut.i.payload, [7] * bench.network.samples_per_clock)
        ctx.set(dut.i.valid, 1)
        await ctx.tick().repeat(cut)
        ctx.set(dut.i.valid, 0)
        ctx.set(dut.restart, 1)
        await ctx.tick()
        ctx.set(dut.restart, 0)
        begun.append(True)
        await bench.produce(ctx)

    async def late(ctx):
        while not begun:
            await ctx.tick()
        await consume(ctx)

    simulate(dut, produce, late, max_cycles=8000)


def test_full_one_cycle_after_the_last_beat():
    bench = Bench(make_network((10, 4, 3), mapping="outputs"), 0, 1)
    dut, beats = bench.dut, -(-10 // 4) + 1

    async def run(ctx):
        ctx.set(dut.train, 1)
        ctx.set(dut.i.valid, 1)
        for beat in range(2 * beats + 3):
            assert ctx.get(dut.full) == (beat >= beats)
            assert ctx.get(dut.i.ready) == (beat < 2 * beats)  # both banks are taken
            await ctx.tick()

    simulate(dut, run)


@pytest.mark.parametrize("mapping", ["outputs", "inputs"])
@pytest.mark.parametrize("loaded", [1, 2])
def test_what_was_freed_is_no_longer_full(mapping, loaded):
    """From the next cycle on, though the bank is given back a cycle later."""
    bench = Bench(make_network((10, 4, 3), mapping=mapping, lanes=4), 0, 1)
    dut, beats = bench.dut, -(-10 // 4) + 1

    async def run(ctx):
        ctx.set(dut.train, 1)
        ctx.set(dut.i.valid, 1)
        await ctx.tick().repeat(loaded * beats)
        ctx.set(dut.i.valid, 0)
        for sample in range(loaded):
            assert ctx.get(dut.full) and ctx.get(dut.bank) == sample % 2
            ctx.set(dut.free, 1)
            await ctx.tick()
            ctx.set(dut.free, 0)
            for _ in range(4):
                assert ctx.get(dut.full) == (sample + 1 < loaded)
                await ctx.tick()

    simulate(dut, run)
