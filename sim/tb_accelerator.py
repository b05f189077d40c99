"""The whole accelerator against the golden model: load, run, dump, compare, bit for bit.

The job (:class:`taxonn_hw.bench.Job`) holds what to feed and what must come; ``TAXONN_JOB`` says
where it lies.  What came is written before it is compared, so that the caller can say which weight
differs.
"""

import json
import os
from itertools import pairwise

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge

from taxonn_hw.bench import JOB_VARIABLE, Job

from .registers import RegisterBus
from .streams import Streams

_MARGIN = 100_000  # clocks beyond which a run has hung


class _Bench:
    def __init__(self, dut, job: Job) -> None:
        stress = job.stress
        self.dut, self.job = dut, job
        self.registers = RegisterBus(dut)
        self.streams = Streams(dut, ("i_samples", "i_weights"), ("o_results", "o_weights"),
                               stall_in=stress.stall_in, stall_out=stress.stall_out,
                               seed=stress.seed)
        self.slow = int(4 / ((1 - stress.stall_in) * (1 - stress.stall_out)))

    async def reset(self) -> None:
        await FallingEdge(self.dut.clk)
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, 3)
        await FallingEdge(self.dut.clk)
        self.dut.rst.value = 0
        for address, value in self.job.program.tolist():
            await self.registers.write_at(address, value)
        await self.registers.until_clear("status", "moving", _MARGIN)

    async def move(self, command: str, count: int, beats=None, *, n_beats: int = 0,
                   bias: bool = False):
        """Load ``beats``, or dump ``n_beats`` beats and return them."""
        await self.registers.write("weight_row", 0)
        await self.registers.write("weight_count", count)
        await self.registers.strobe("weight_command", command, levels={"bias": bias})
        limit = _MARGIN + 64 * self.slow * max(n_beats, 0 if beats is None else len(beats))
        feed, drain = ({}, {"o_weights": n_beats}) if beats is None else ({"i_weights": beats}, {})
        came = await self.streams.run(feed, drain, limit)
        await self.registers.until_clear("status", "moving", limit)
        return came.get("o_weights")

    async def load(self) -> None:
        first = 0
        for bias, count, beats in self.job.moves.tolist():
            await self.move("load", count, self.job.weights_in[first:first + beats],
                            bias=bool(bias))
            first += beats

    async def run(self, stop_after: int = 0):
        """Run all samples in ``parts`` starts; return the results, None when abandoned."""
        job, levels = self.job, {"train": self.job.train, "results": True}
        await self.registers.write("rate", job.rate)
        await self.registers.strobe("control", "restart", "clear", levels=levels)
        beats, results = job.samples, job.results
        edges = np.linspace(0, job.n_samples, job.stress.parts + 1).astype(int).tolist()
        came = []
        for first, last in pairwise(edges):
            per_in, per_out = len(beats) // job.n_samples, len(results) // job.n_samples
            await self.registers.write("samples", last - first)
            await self.registers.strobe("control", "start", levels=levels)
            limit = _MARGIN + (last - first) * self.slow * job.clocks_bound
            got = await self.streams.run({"i_samples": beats[first * per_in:last * per_in]},
                                         {"o_results": (last - first) * per_out}, limit,
                                         stop_after)
            if got is None:
                return None
            await self.registers.until_clear("status", "busy", limit)
            came += got["o_results"]
        return came

    async def dump(self):
        weights = []
        for bias, count, beats in self.job.moves.tolist():
            weights += await self.move("dump", count, n_beats=beats, bias=bool(bias))
        return weights

    async def counter(self, name: str) -> int:
        low = await self.registers.read(f"{name}_low")
        return low | await self.registers.read(f"{name}_high") << 32


def _words(values, like: np.ndarray) -> np.ndarray:
    n = like.shape[1]
    return np.array([[value >> 32 * k & 0xFFFF_FFFF for k in range(n)] for value in values],
                    dtype=np.uint32).reshape(len(values), n)


@cocotb.test()
async def trains_like_the_golden_model(dut):
    paths = json.loads(os.environ[JOB_VARIABLE])
    job = Job.load(paths["job"])
    bench = _Bench(dut, job)
    Clock(dut.clk, 10, unit="ns").start()
    await bench.reset()
    if job.stress.reset_after:
        await bench.load()
        assert await bench.run(job.stress.reset_after) is None, "the run ended before the reset"
        await bench.reset()
    for run in range(job.stress.runs):
        await bench.load()
        results = _words(await bench.run(), job.results)
        cycles, slots = await bench.counter("cycles"), await bench.counter("slots")
        samples = await bench.registers.read("samples_done")
        weights = _words(await bench.dump(), job.weights_out)
        np.savez(paths["outcome"], weights=weights, results=results, cycles=cycles, slots=slots,
                 samples=samples)
        for what, got, expected in (("outputs", results, job.results),
                                    ("weights", weights, job.weights_out)):
            n = int(np.count_nonzero((got != expected).any(axis=1)))
            assert n == 0, f"run {run + 1}: {n} of {len(expected)} beats of {what} differ"
        assert samples == job.n_samples, f"samples_done is {samples}, not {job.n_samples}"
