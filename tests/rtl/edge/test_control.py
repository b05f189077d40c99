"""Random words, loader, sequencer, results and mover: what happens when."""

import random

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from taxonn_hw.fixed import RandomWords
from taxonn_hw.plan.streams import element_width, sample_beats
from taxonn_hw.rtl.edge.loader import Loader
from taxonn_hw.rtl.edge.mover import READ_LATENCY, EdgeMover
from taxonn_hw.rtl.edge.results import RECENT, Argmax, ResultQueue, Scores
from taxonn_hw.rtl.edge.sequencer import Sequencer, left_copies
from taxonn_hw.rtl.edge.targets import target_slots
from taxonn_hw.rtl.edge.words import StoreWords
from taxonn_hw.testing import get, keeps_contract, put, simulate, trace
from tests.edge_configs import edge_network


def test_words():
    """Junction cycles of training samples use word after word; others leave them alone."""
    dut, model = StoreWords(seed=6, lanes=5), RandomWords(seed=6, lanes=5)
    rng = np.random.default_rng(1)
    steps, wanted, used = [{}], [], False
    for learns in (1, 1, 0, 1, 0, 0, 1, 1, None, 1, 1):
        if learns is None:
            steps += [{}] * 9 + [{"restart": 1}, {"restart": 0}]
            model.restart()
            used = False
            continue
        if used:
            model.advance()
        used = bool(learns)
        steps.append({"begin": 1, "learns": learns})
        for k, index in enumerate(rng.integers(0, 1 << 16, 7).tolist()):
            wanted.append((len(steps) + 4, model.rows(index) ^ model.lane))
            steps.append({"begin": 0, "index": index, "learns": int(rng.integers(2))}
                         if k == 0 else {"index": index})
        steps += [{}] * int(rng.integers(0, 4))
    seen = trace(dut, steps + [{}] * 5, [f"words.{k}" for k in range(5)])
    for at, expected in wanted:
        np.testing.assert_array_equal(list(seen[at].values()), expected)


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
        async for _, _, write, values, target, elements in ctx.tick().sample(
                dut.write, dut.values, dut.write_target, dut.elements):
            if write.valid:
                for k in range(group):
                    neuron = write.row * z + write.part * group + k
                    self.bank[write.copy, neuron] = values[k]
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
            await ctx.tick()  # the last beat is in the memory
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


@pytest.mark.parametrize(("n", "groups", "shape"), [(1, 5, unsigned(4)), (3, 2, signed(5))])
def test_result_queue(n, groups, shape):
    dut, rng = ResultQueue(n=n, groups=groups, shape=shape), random.Random(n)
    codes = [rng.randrange(1 << shape.width) for _ in range(6 * n * groups)]
    shown = []

    async def fill(ctx):
        for sample in range(6):
            while not ctx.get(dut.room):
                await ctx.tick()
            ctx.set(dut.reserve, 1)
            await ctx.tick()
            ctx.set(dut.reserve, 0)
            for g in range(groups):
                await ctx.tick()
                first = (sample * groups + g) * n
                ctx.set(dut.codes, [code - (1 << shape.width) if shape.signed and
                                    code >> shape.width - 1 else code
                                    for code in codes[first:first + n]])
                ctx.set(dut.write, 1)
                await ctx.tick()
                ctx.set(dut.write, 0)

    async def drain(ctx):
        while len(shown) < len(codes):
            while rng.random() < 0.6:
                await ctx.tick()
            shown.append(await get(ctx, dut.o))
        assert shown == codes

    simulate(dut, fill, drain, background=[keeps_contract(dut.o)], max_cycles=3000)


@pytest.mark.parametrize(("n", "n_out", "shape"), [
    (1, 6, signed(4)), (2, 6, unsigned(3)), (3, 3, signed(4)), (5, 10, unsigned(2)),
    (1, 1, unsigned(4)), (1, 1, signed(4))])
def test_argmax(n, n_out, shape):
    """The last of the largest; a single output against half of 1.0; samples back to back."""
    dut = Argmax(n=n, n_out=n_out, shape=shape, one=7)
    rng = np.random.default_rng(n)
    low = -(1 << shape.width - 1) if shape.signed else 0
    groups, steps, wanted = n_out // n, [], []
    for _ in range(60):
        codes = rng.integers(low, low + (1 << shape.width), n_out)
        for g in range(groups):
            steps += [{"valid": 0}] * int(rng.random() < 0.2)
            steps.append({"valid": 1, "first": int(g == 0), "last": int(g == groups - 1),
                          **{f"codes.{k}": int(c) for k, c in enumerate(codes[g * n:(g + 1) * n])}})
        best = n_out - 1 - int(np.argmax(codes[::-1])) if n_out > 1 else int(2 * codes[0] >= 7)
        wanted.append((len(steps) - 1 + dut.latency, best))
    seen = trace(dut, [*steps, {"valid": 0}, {}, {}, {}, {}], ["done", "index"])
    assert [at for at, s in enumerate(seen) if s["done"]] == [at for at, _ in wanted]
    assert [seen[at]["index"] for at, _ in wanted] == [best for _, best in wanted]


def test_scores():
    """In all and of the last thousand, before and after the window is full; cleared."""
    rng = np.random.default_rng(2)
    right = (rng.random(RECENT + 700) < 0.6).astype(int)
    right[:40] = 1
    steps = []
    for value in right.tolist():
        steps += [{"valid": 1, "right": value}, {"valid": 0, "right": 1 - value}]
    steps += [{"clear": 1}, {"clear": 0}, {"valid": 1, "right": 1}, {"right": 0}, {"valid": 0}]
    seen = trace(Scores(), [*steps, {}], ["correct", "recent"])
    for n in (1, 20, 999, 1000, 1001, 1040, len(right)):
        assert seen[2 * n - 1]["correct"] == right[:n].sum()
        assert seen[2 * n - 1]["recent"] == right[max(n - RECENT, 0):n].sum(), n
    assert seen[2 * len(right) + 1] == {"correct": 0, "recent": 0}
    assert seen[-1] == {"correct": 1, "recent": 1}


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
