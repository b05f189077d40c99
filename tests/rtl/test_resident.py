"""ResidentMemory: filled, replayed in any order and with stalls; else it passes beats on."""

import random

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.engines import make_plan
from taxonn_hw.plan.resident import ResidentLayout, resident_layout
from taxonn_hw.plan.streams import sample_beats
from taxonn_hw.rtl.resident import ResidentMemory
from taxonn_hw.testing import simulate


class Bench:
    """Drives the memory and collects what comes out."""

    def __init__(self, layout, ctx, dut, rng, stall):
        self.layout, self.ctx, self.dut, self.rng, self.stall = layout, ctx, dut, rng, stall

    async def mode(self, **levels):
        for name in ("fill", "replay"):
            self.ctx.set(getattr(self.dut, name), levels.get(name, 0))
        self.ctx.set(self.dut.begin, 1)
        if levels:  # a beat that waits is not taken before the mode has begun
            self.ctx.set(self.dut.i.valid, 1)
            assert not self.ctx.get(self.dut.i.ready)
        await self.ctx.tick()
        self.ctx.set(self.dut.begin, 0)
        self.ctx.set(self.dut.i.valid, 0)

    async def pass_through(self, beats, n_out):
        """Offer ``beats`` until all are taken and ``n_out`` have come; return those."""
        ctx, dut, beats, out, clocks = self.ctx, self.dut, list(beats), [], 0
        while beats or len(out) < n_out:
            ctx.set(dut.i.valid, int(bool(beats) and self.rng.random() >= self.stall))
            ctx.set(dut.i.payload, beats[0] if beats else 0)
            ctx.set(dut.o.ready, int(self.rng.random() >= self.stall))
            _, _, iv, ir, ov, oready, payload = await ctx.tick().sample(
                dut.i.valid, dut.i.ready, dut.o.valid, dut.o.ready, dut.o.payload)
            if iv & ir:
                beats.pop(0)
            if ov & oready:
                out.append(payload)
            clocks += 1
        ctx.set(dut.i.valid, 0)
        ctx.set(dut.o.ready, 0)
        return out, clocks


def as_beats(elements):
    return (elements @ 256 ** np.arange(elements.shape[1])).tolist()


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("group, inputs", [(1, 30), (2, 11)])
def test_samples_come_back(group, inputs, stall):
    plan = make_plan(config_from_dict({"layers": [inputs, 5, 3], "lanes": 4, "resident": 6,
                                       "samples_per_clock": group}))
    layout, rng = resident_layout(plan), np.random.default_rng(1)
    x = rng.integers(1, 256, (6, inputs)) * (rng.random((6, inputs)) < 0.3)
    target = rng.integers(0, 2, (6, 3)) * 128
    elements, starts = layout.encode(plan, x, target)
    samples = [as_beats(part) for part in sample_beats(plan, x, target).reshape(
        6, layout.input_beats + layout.target_beats, group)]
    dut = ResidentMemory(layout=layout)

    async def run(ctx):
        bench = Bench(layout, ctx, dut, random.Random(2), stall)
        assert (await bench.pass_through([1, 2, 3], 3))[0] == [1, 2, 3]
        for _ in range(2):
            await bench.mode(fill=1)
            await bench.pass_through(as_beats(elements)[:5], 0)  # broken off: begins afresh
            await bench.mode(fill=1)
            assert (await bench.pass_through(as_beats(elements), 0))[0] == []
        for train in (1, 0):
            ctx.set(dut.train, train)
            await bench.mode(replay=1)
            order = [3, 0, 5, 5, 2, 1]
            n = layout.input_beats + train * layout.target_beats
            places = as_beats(layout.addresses(plan, starts[order]))
            out, clocks = await bench.pass_through(places, n * len(order))
            assert out == [beat for k in order for beat in samples[k][:n]]
            if not stall:  # two clocks a word, and a few before the first
                words = np.diff(np.append(starts, len(elements) // 2))
                assert clocks <= len(order) * (n + 6) + words[order].sum()
        await bench.mode()
        assert (await bench.pass_through([9, 8], 2))[0] == [9, 8]

    simulate(dut, run, max_cycles=20_000)


def test_a_mode_drops_what_was_under_way():
    layout = ResidentLayout(words=400, beat_bits=8, run_bits=8, input_beats=4, target_beats=0)
    dut = ResidentMemory(layout=layout)

    async def run(ctx):
        bench = Bench(layout, ctx, dut, random.Random(2), 0.0)
        await bench.mode(fill=1)
        await bench.pass_through([0, 0] * 257 + [7, 3], 0)  # word 257
        await bench.mode(replay=1)
        await bench.pass_through([5], 0)                    # half a place
        await bench.mode(replay=1)
        assert (await bench.pass_through([1, 1], 2))[0] == [7, 0]
        await bench.mode(replay=1)                          # in the middle of the sample
        assert (await bench.pass_through([1, 1], 4))[0] == [7, 0, 0, 0]

    simulate(dut, run)


def test_places_of_three_beats():
    """More beats than one, and no power of two."""
    layout = ResidentLayout(words=40, beat_bits=2, run_bits=2, input_beats=2, target_beats=0)
    assert layout.address_beats == 3
    dut = ResidentMemory(layout=layout)

    async def run(ctx):
        bench = Bench(layout, ctx, dut, random.Random(2), 0.3)
        await bench.mode(fill=1)
        await bench.pass_through([beat for k in range(40) for beat in (k & 3, 0)], 0)
        await bench.mode(replay=1)
        places = [37, 2, 21]
        beats = [place >> at & 3 for place in places for at in (0, 2, 4)]
        out, _ = await bench.pass_through(beats, 2 * len(places))
        assert out == [k & 3 for place in places for k in (place, place + 1)]

    simulate(dut, run)
