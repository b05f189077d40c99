"""Sequencer: which junction has which sample, and when; the end of a run."""

import random

import numpy as np
import pytest

from taxonn_hw.rtl.edge.sequencer import Sequencer, left_copies
from taxonn_hw.testing import simulate
from tests.edge_configs import edge_network


class Sequencing:
    """The sequencer with a loader that has samples when it likes; a model of ages beside it."""

    def __init__(self, network, seed, waits=0.0):
        self.network, self.rng, self.waits = network, random.Random(seed), waits
        self.dut = Sequencer(network=network, slots=5, tail=3)
        self.depth = len(network.layers)
        self.period = network.cycles + network.overhead
        self.begins = []        # clock of each
        self.contexts = []      # of every junction, at its first clock
        self.clock = 0
        self.taken = 0

    async def run(self, ctx, samples, *, train, results=False, stop_after=None, limit=3000):
        """Run and return the clocks between the first begin and the end of counting."""
        dut = self.dut
        for name, value in (("samples", samples), ("train", train), ("results", results),
                            ("start", 1), ("room", 1)):
            ctx.set(getattr(dut, name), int(value))
        await ctx.tick()
        ctx.set(dut.start, 0)
        counted = ended = 0
        while ctx.get(dut.busy):
            ctx.set(dut.waiting, int(self.rng.random() >= self.waits))
            ctx.set(dut.copy, self.taken % left_copies(self.network, 1))
            ctx.set(dut.extra, self.taken % 4)
            ctx.set(dut.stop, int(stop_after == self.taken))
            if ctx.get(dut.begin):
                self.begins.append(self.clock)
            self.taken += ctx.get(dut.take)
            counted += ctx.get(dut.counting)
            ended += ctx.get(dut.sample)
            if ctx.get(dut.first) and ctx.get(dut.valid):
                self.contexts.append([{name: ctx.get(getattr(dut.contexts[i], name)) for name in (
                    "forward", "learns", "update", "extra", "forward_copy", "update_copy",
                    "write_copy")} for i in range(self.depth)])
            await ctx.tick()
            self.clock += 1
            assert self.clock < limit, "busy for ever"
        return counted, ended


def sequence(network, bench, **keys):
    run = Sequencing(network, 5, **keys)

    async def whole(ctx):
        await bench(run, ctx)

    simulate(run.dut, whole, max_cycles=5000)


THREE = ((8, 4, 4, 4), {"fan_out": [2, 2, 2], "cycles": 4})


@pytest.mark.parametrize("waits", [0.0, 0.7])
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(("layers", "edge"), [
    THREE, ((8, 4), {"fan_out": [2], "cycles": 4}), ((8, 4, 8), {"fan_out": [2, 4], "cycles": 4})])
def test_junction_cycles(layers, edge, train, waits):
    """Which junction has which sample; clocks between junction cycles; the end of the run."""
    network = edge_network(layers, edge=edge, learning_rate_range=[1, 4])
    n = len(network.layers)

    async def bench(run, ctx):
        counted, ended = await run.run(ctx, 6, train=train)
        assert ended == 6 == run.taken
        cycles = 6 + (2 * n if train else n) - 1
        assert len(run.begins) == cycles
        if not waits:
            assert counted == cycles * run.period
            assert set(np.diff(run.begins)) == {run.period}
        else:
            assert min(np.diff(run.begins)) == run.period < max(np.diff(run.begins))
        check_contexts(run, 6, train)

    sequence(network, bench, waits=waits)


def check_contexts(run, samples, train):
    n, network = run.depth, run.network
    for t, contexts in enumerate(run.contexts, 1):  # junction cycle 0 is a load alone
        for i, context in enumerate(contexts, 1):
            forward, learnt = t - i, t - (2 * n + 1 - i)
            assert context["forward"] == (0 <= forward < samples)
            assert context["learns"] == (train and 0 <= forward < samples)
            assert context["update"] == (train and 0 <= learnt < samples)
            copies = left_copies(network, i)
            if context["update"]:
                assert context["extra"] == learnt % 4
            if i == 1:
                if context["forward"]:
                    assert context["forward_copy"] == forward % copies
                if context["update"]:
                    assert context["update_copy"] == learnt % copies
            else:  # written one junction cycle before it is read forward
                base = (context["write_copy"] - t) % copies
                assert context["forward_copy"] == (t - 1 + base) % copies
                assert context["update_copy"] == (t + 1 + base) % copies
                assert base == run.contexts[0][i - 1]["write_copy"] - 1


def test_stop_finishes_what_is_under_way():
    network = edge_network(THREE[0], edge=THREE[1])

    async def bench(run, ctx):
        _, ended = await run.run(ctx, 1000, train=True, stop_after=4)
        assert ended == run.taken and 4 <= run.taken <= 5
        check_contexts(run, run.taken, True)

    sequence(network, bench)


def test_a_sample_without_room_for_its_results_waits():
    network = edge_network((8, 4, 8), edge={"fan_out": [2, 4], "cycles": 4})

    async def bench(run, ctx):
        dut = run.dut
        for name, value in (("samples", 3), ("train", 1), ("results", 1), ("waiting", 1),
                            ("start", 1)):
            ctx.set(getattr(dut, name), value)
        await ctx.tick()
        ctx.set(dut.start, 0)
        begins = 0
        for _ in range(6 * run.period):
            begins += ctx.get(dut.begin)
            assert not ctx.get(dut.reserve)
            await ctx.tick()
        assert begins == 1  # the first sample comes to the last junction with the second
        ctx.set(dut.room, 1)
        reserved = 0
        for _ in range(8 * run.period):
            reserved += ctx.get(dut.reserve)
            await ctx.tick()
        assert reserved == 3 and not ctx.get(dut.busy)

    sequence(network, bench)
