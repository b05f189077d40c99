"""cocotb bench of tests/dummy.py: sums, a weight round trip and a register, on its ports only."""

import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

N = 20


async def start(dut):
    """Start the clock, reset, and leave every input idle."""
    Clock(dut.clk, 10, unit="ns").start()
    for name in ("i_samples__valid", "i_samples__payload", "i_weights__valid", "csr__w_stb",
                 "csr__r_stb", "o_results__ready", "o_weights__ready", "csr__addr"):
        getattr(dut, name).value = 0
    dut.rst.value = 1
    for _ in range(3):
        await RisingEdge(dut.clk)
    dut.rst.value = 0


async def put(dut, stream, beat):
    getattr(dut, f"{stream}__payload").value = beat
    getattr(dut, f"{stream}__valid").value = 1
    while True:
        await ReadOnly()
        taken = int(getattr(dut, f"{stream}__ready").value)
        await RisingEdge(dut.clk)
        if taken:
            break
    getattr(dut, f"{stream}__valid").value = 0


async def get(dut, stream):
    getattr(dut, f"{stream}__ready").value = 1
    while True:
        await ReadOnly()
        given = int(getattr(dut, f"{stream}__valid").value)
        beat = int(getattr(dut, f"{stream}__payload").value) if given else None
        await RisingEdge(dut.clk)
        if given:
            break
    getattr(dut, f"{stream}__ready").value = 0
    return beat


@cocotb.test(timeout_time=100, timeout_unit="us")
async def sums(dut):
    """Each result is its sample plus the bias, here 0."""
    await start(dut)
    for sample in [random.getrandbits(32) for _ in range(N)] + [5]:
        await put(dut, "i_samples", sample)
        result = await get(dut, "o_results")
        assert result == sample, f"sum of {sample} is {result}"


@cocotb.test(timeout_time=100, timeout_unit="us")
async def weights(dut):
    """Weights come back as they went in."""
    await start(dut)
    beats = [random.getrandbits(72) for _ in range(N)]
    for beat in beats:
        await put(dut, "i_weights", beat)
    dut.csr__addr.value, dut.csr__w_stb.value = 2, 1
    await RisingEdge(dut.clk)
    dut.csr__w_stb.value = 0
    assert [await get(dut, "o_weights") for _ in range(N)] == beats


@cocotb.test(skip="HANG" not in os.environ)
async def hang(dut):
    """Never end."""
    await start(dut)
    while True:
        await RisingEdge(dut.clk)
