"""Loader: samples into the left bank and the target queue while others are in flight."""

import random

import numpy as np
import pytest

from taxonn_hw.plan.streams import element_width, sample_beats
from taxonn_hw.rtl.edge.loader import Loader
from taxonn_hw.rtl.edge.sequencer import left_copies
from taxonn_hw.rtl.edge.targets import target_slots
from taxonn_hw.testing import keeps_contract, put, simulate
from tests.edge_configs import edge_network


class Loading:
    """A producer, a consumer of samples, and memories written as the loader says."""

    def __init__(self, network, train, stall, seed=3):
        self.network, self.train, self.rng = network, train, random.Random(seed)
        self.copies = left_copies(network, 1)
        self.dut = Loader(network=network, copies=self.copies)
        self.stall, self.slots = stall, target_slots(network)
        rng, q, a = np.random.default_rng(seed), network.input, network.output.formats.a
        self.x = rng.integers(q.lo, q.hi + 1, (9, network.n_inputs))
        self.target = rng.integers(a.lo, a.hi + 1, (9, network.output.n_out))
        self.bank = {}     # (copy, neuron) -> code
        self.queue = {}    # (slot, output) -> code
        self.taken = 0

    def beats(self, first, last):
        target = self.target[first:last] if self.train else None
        elements = sample_beats(self.network, self.x[first:last], target)
        return (elements & (1 << element_width(self.network)) - 1).tolist()

    async def produce(self, ctx, beats):
        for beat in beats:
            while self.rng.random() < self.stall:
                await ctx.tick()
            await put(ctx, self.dut.i, beat)

    async def memories(self, ctx):
        """Take every write; nothing that a waiting or a taken sample needs may change."""
        dut, group, z = self.dut, self.network.samples_per_clock, self.network.layers[0].z
        a = self.network.output.formats.a
        before = None
        async for _, _, write, values, target, elements in ctx.tick().sample(
                dut.write, dut.values, dut.write_target, dut.elements):
            if before is not None and before.valid:  # the inputs come one cycle later
                for k in range(group):
                    neuron = before.row * z + before.part * group + k
                    self.bank[before.copy, neuron] = values[k]
            before = write
            if target.valid:
                for k in range(group):
                    code = elements[k] & (1 << a.width) - 1
                    if a.signed and code >> a.width - 1:
                        code -= 1 << a.width
                    self.queue[target.slot, target.beat * group + k] = code

    async def consume(self, ctx):
        """Take samples as they come; their memories hold for as long as they are in flight."""
        dut, flight = self.dut, []
        ctx.set(dut.train, int(self.train))
        while self.taken < len(self.x):
            ctx.set(dut.quiet, int(self.rng.random() < 0.5))
            await ctx.tick()
            if not ctx.get(dut.waiting) or self.rng.random() < 0.5:
                continue
            flight.append((self.taken, ctx.get(dut.copy), ctx.get(dut.slot)))
            ctx.set(dut.take, 1)
            ctx.set(dut.quiet, 0)
            await ctx.tick()
            ctx.set(dut.take, 0)
            for _ in range(2):  # the last beat is in the memory
                await ctx.tick()
            self.taken += 1
            flight = flight[-(self.copies - 1):]
            for sample, copy, slot in flight:
                got = [self.bank[copy, neuron] for neuron in range(self.network.n_inputs)]
                assert got == self.x[sample].tolist(), sample
                if self.train and (sample, copy, slot) in flight[-len(self.network.layers):]:
                    got = [self.queue[slot, k] for k in range(self.network.output.n_out)]
                    assert got == self.target[sample].tolist(), sample


@pytest.mark.parametrize("stall", [0, 0.5])
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(("layers", "edge", "keys"), [
    ((8, 4, 8), {"fan_out": [2, 4], "cycles": 4}, {}),
    ((6, 4, 1), {"fan_out": [2, 1], "cycles": 4}, {"formats": {"input": "s5.4"}}),
    ((24, 6), {"fan_out": [1], "cycles": 2}, {}),
    ((5, 5), {"fan_out": [5], "cycles": 5}, {}),
])
def test_loader(layers, edge, keys, train, stall):
    bench = Loading(edge_network(layers, edge=edge, **keys), train, stall)

    async def produce(ctx):
        await bench.produce(ctx, bench.beats(0, 9))

    simulate(bench.dut, produce, bench.consume, max_cycles=4000,
             background=[bench.memories, keeps_contract(bench.dut.i)])
    assert bench.taken == 9


def test_a_second_sample_is_loaded_when_nothing_reads():
    """Its copy may be the one that the oldest sample is learnt from; a third never fits."""
    bench = Loading(edge_network((8, 4, 8), edge={"fan_out": [2, 4], "cycles": 4}), False, 0)
    dut = bench.dut

    async def run(ctx):
        one = bench.beats(0, 1)
        await bench.produce(ctx, one)
        for quiet in (0, 1, 0):
            ctx.set(dut.quiet, quiet)
            await ctx.tick()
            assert ctx.get(dut.i.ready) == quiet
        ctx.set(dut.quiet, 1)
        await bench.produce(ctx, one)
        assert not ctx.get(dut.i.ready)
        ctx.set(dut.take, 1)
        await ctx.tick()
        ctx.set(dut.take, 0)
        assert ctx.get(dut.waiting) and ctx.get(dut.i.ready)
        ctx.set(dut.quiet, 0)
        assert not ctx.get(dut.i.ready)

    simulate(dut, run)


def test_flush_drops_what_was_loaded():
    """A sample that waits and another half loaded are gone; the next one comes out whole."""
    bench = Loading(edge_network((8, 4, 8), edge={"fan_out": [2, 4], "cycles": 4}), True, 0)
    dut = bench.dut

    async def produce(ctx):
        ctx.set(dut.train, 1)
        beats = bench.beats(0, 2)
        await bench.produce(ctx, beats[:len(beats) // 2])
        await ctx.tick()
        assert ctx.get(dut.waiting)
        ctx.set(dut.quiet, 1)
        await bench.produce(ctx, beats[len(beats) // 2:-1])
        ctx.set(dut.restart, 1)
        assert not ctx.get(dut.i.ready)
        await ctx.tick()
        ctx.set(dut.restart, 0)
        assert not ctx.get(dut.waiting)
        await bench.produce(ctx, bench.beats(0, 9))

    async def consume(ctx):
        await ctx.tick().repeat(60)
        await bench.consume(ctx)

    simulate(dut, produce, consume, background=[bench.memories], max_cycles=4000)
    assert bench.taken == 9
