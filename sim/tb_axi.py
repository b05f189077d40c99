"""The accelerator behind AXI, driven by the masters of cocotbext-axi: load, train, dump, compare.

The job is that of :mod:`sim.tb_accelerator`; pauses on all channels as its stress says.
"""

import itertools
import json
import os
import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, with_timeout
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamSink,
    AxiStreamSource,
)

from taxonn_hw.bench import JOB_VARIABLE, Job
from taxonn_hw.bus.registers import FIELDS, IDENTITY, REGISTERS

_TIMEOUT_US = 20_000


class _Bench:
    def __init__(self, dut, job: Job) -> None:
        self.dut, self.job = dut, job
        reset = {"reset": dut.aresetn, "reset_active_level": False}
        self.registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.aclk, **reset)
        self.sources, self.sinks = {}, {}
        for name in ("s_axis_samples", "s_axis_weights"):
            self.sources[name] = AxiStreamSource(AxiStreamBus.from_prefix(dut, name), dut.aclk,
                                                 **reset)
        for name in ("m_axis_results", "m_axis_weights"):
            self.sinks[name] = AxiStreamSink(AxiStreamBus.from_prefix(dut, name), dut.aclk, **reset)
        if job.stress.stall_in:
            self._pause(job.stress)

    def _pause(self, stress) -> None:
        """Random pauses on every channel of every port."""
        rng = random.Random(stress.seed)
        write, read = self.registers.write_if, self.registers.read_if
        channels = [*self.sources.values(), *self.sinks.values(), write.aw_channel,
                    write.w_channel, write.b_channel, read.ar_channel, read.r_channel]
        for channel in channels:
            channel.set_pause_generator(
                rng.random() < stress.stall_in for _ in itertools.count())

    async def reset(self) -> None:
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 4)
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, 2)

    async def write(self, name: str, value: int) -> None:
        await self.registers.write_dword(4 * REGISTERS[name].address, int(value))

    async def strobe(self, name: str, *bits: str) -> None:
        await self.write(name, sum(1 << FIELDS[f"{name}.{bit}"] for bit in bits))

    async def read(self, name: str) -> int:
        return await self.registers.read_dword(4 * REGISTERS[name].address)

    async def until_clear(self, bit: str) -> None:
        while await self.read("status") >> FIELDS[f"status.{bit}"] & 1:
            pass

    async def send(self, name: str, beats: np.ndarray) -> None:
        source = self.sources[name]
        size = source.byte_lanes
        await source.send(b"".join(beat.tobytes()[:size] for beat in beats))
        await source.wait()

    async def take(self, name: str, like: np.ndarray) -> np.ndarray:
        """Return as many beats as ``like`` has, as words."""
        sink, size, got = self.sinks[name], self.sinks[name].byte_lanes, b""
        n, words = like.shape
        while len(got) < n * size:
            got += bytes(await sink.read(n * size - len(got)))
        padded = [got[k * size:(k + 1) * size].ljust(4 * words, b"\0") for k in range(n)]
        return np.frombuffer(b"".join(padded), "<u4").reshape(n, words)

    async def move(self, command: str, count: int, *bits: str) -> None:
        await self.write("weight_row", 0)
        await self.write("weight_count", count)
        await self.strobe("weight_command", command, *bits)


@cocotb.test()
async def registers(dut):
    """Every access, also the odd ones: strobes, addresses of nothing, both channels at once."""
    bench = _Bench(dut, Job.load(json.loads(os.environ[JOB_VARIABLE])["job"]))
    Clock(dut.aclk, 10, unit="ns").start()
    await bench.reset()
    assert await bench.read("identity") == IDENTITY
    await bench.write("scratch", 0x89ABCDEF)
    address = 4 * REGISTERS["scratch"].address
    response = await bench.registers.write(address + 1, b"\x55")
    assert response.resp == AxiResp.SLVERR
    assert await bench.read("scratch") == 0x89ABCDEF
    assert await bench.registers.read_dword(0x3FC) == 0
    tasks = []
    for k in range(20):  # reads and writes under way together
        tasks.append(cocotb.start_soon(bench.registers.write_dword(address, k)))
        tasks.append(cocotb.start_soon(bench.registers.read_dword(0)))
    values = [await task for task in tasks]
    assert values[1::2] == [IDENTITY] * 20
    assert await bench.read("scratch") == 19


@cocotb.test()
async def trains_like_the_golden_model(dut):
    job = Job.load(json.loads(os.environ[JOB_VARIABLE])["job"])
    bench = _Bench(dut, job)
    Clock(dut.aclk, 10, unit="ns").start()
    await bench.reset()
    await with_timeout(_train(bench, job), _TIMEOUT_US, "us")


async def _train(bench: _Bench, job: Job) -> None:
    first = 0
    for bias, count, n in job.moves.tolist():
        await bench.move("load", count, *(["bias"] if bias else []))
        await bench.send("s_axis_weights", job.weights_in[first:first + n])
        await bench.until_clear("moving")
        first += n
    await bench.write("rate", job.rate)
    levels = ["train", "results"] if job.train else ["results"]
    await bench.strobe("control", "restart", "clear", *levels)
    await bench.write("samples", job.n_samples)
    await bench.strobe("control", "start", *levels)
    sending = cocotb.start_soon(bench.send("s_axis_samples", job.samples))
    results = await bench.take("m_axis_results", job.results)
    await sending
    np.testing.assert_array_equal(results, job.results)
    await bench.until_clear("busy")
    assert await bench.read("samples_done") == job.n_samples
    first = 0
    for bias, count, n in job.moves.tolist():
        await bench.move("dump", count, *(["bias"] if bias else []))
        expected = job.weights_out[first:first + n]
        np.testing.assert_array_equal(await bench.take("m_axis_weights", expected), expected)
        await bench.until_clear("moving")
        first += n
