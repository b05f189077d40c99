"""Mover: everything in and out, in order."""

import random

import pytest

from taxonn_hw.rtl.edge.mover import READ_LATENCY, EdgeMover
from taxonn_hw.testing import get, keeps_contract, put, simulate
from tests.edge_configs import edge_network


class Moving:
    """The mover before memories of :data:`READ_LATENCY` cycles."""

    def __init__(self, network, stall, seed=1):
        self.network, self.stall, self.rng = network, stall, random.Random(seed)
        self.dut = EdgeMover(network=network)
        self.weights, self.biases, self.group = {}, {}, network.weight_group
        self.order = {0: [], 1: []}
        for number, j in enumerate(network.layers):
            self.order[0] += [(number, row, g) for row in range(j.cycles)
                              for g in range(j.z // self.group)]
            self.order[1] += [(number, row, g) for row in range(j.n_groups)
                              for g in range(j.neurons_per_clock)]

    async def memory(self, ctx):
        dut, answers = self.dut, [[0] * self.group] * (READ_LATENCY - 1)
        async for _, _, place, write, data in ctx.tick().sample(dut.place, dut.write, dut.data):
            ctx.set(dut.moved, answers.pop(0))
            memory = self.biases if place.bias else self.weights
            key = place.junction, place.row, place.group
            if write:
                memory[key] = [data[k] for k in range(self.group)]
            answers.append(memory.get(key, [0] * self.group))

    async def command(self, ctx, name, start, count, bias):
        dut = self.dut
        for port, value in ((name, 1), ("bias", bias), ("start", start), ("count", count)):
            ctx.set(getattr(dut, port), value)
        await ctx.tick()
        ctx.set(getattr(dut, name), 0)
        ctx.set(dut.bias, 1 - bias)

    async def pause(self, ctx):
        while self.rng.random() < self.stall:
            await ctx.tick()

    async def end(self, ctx):
        for _ in range(5):
            await ctx.tick()
        assert not ctx.get(self.dut.active)


@pytest.mark.parametrize("stall", [0, 0.6])
@pytest.mark.parametrize(("layers", "edge"), [
    ((8, 4, 8), {"fan_out": [2, 4], "cycles": 4}), ((6, 4, 1), {"fan_out": [2, 1], "cycles": 4})])
def test_mover(layers, edge, stall):
    """Everything in and out, then some rows in the middle."""
    bench = Moving(edge_network(layers, edge=edge), stall)
    dut, network = bench.dut, bench.network

    def beat():
        return [bench.rng.randrange(1 << network.word) for _ in range(bench.group)]

    async def run(ctx):
        for bias, memory in ((0, bench.weights), (1, bench.biases)):
            order = bench.order[bias]
            count = network.moves[bias].count
            beats = [beat() for _ in order]
            await bench.command(ctx, "load", 0, count, bias)
            for values in beats:
                await bench.pause(ctx)
                await put(ctx, dut.i, values)
            await bench.end(ctx)
            assert [memory[key] for key in order] == beats
            first = 2
            rows = [key[:2] for key in order] if not bias else order
            numbers = {row: k for k, row in enumerate(dict.fromkeys(rows))}
            chosen = [values for row, values in zip(rows, beats, strict=True)
                      if numbers[row] >= first]
            for start, wanted in ((0, beats), (first, chosen)):
                await bench.command(ctx, "dump", start, count - start, bias)
                for values in wanted:
                    await bench.pause(ctx)
                    got = await get(ctx, dut.o)
                    assert [got[k] for k in range(bench.group)] == values
                await bench.end(ctx)

    simulate(dut, run, background=[bench.memory, keeps_contract(dut.o)], max_cycles=5000)
