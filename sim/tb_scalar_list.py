"""A scalar list on the exported Verilog: random appends and reads, rewinds, reset in mid-flight."""

import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from .unit import Shape, reset

# Of the list, as in tests/sim/test_units.py.
_BANKS, _DEPTH, _ENTRY = (int(os.environ.get(f"LIST_{name}", 1))
                          for name in ("BANKS", "DEPTH", "ENTRY"))


class _Bench:
    def __init__(self, dut, seed: int, stall: float) -> None:
        self.dut, self.rng, self.stall = dut, random.Random(seed), stall
        self.append = Shape(valid=1, entry=_ENTRY)
        self.banks: list[list[int]] = []

    async def idle(self) -> None:
        """Drive every input low and reset."""
        for name in ("clear", "finish", "rewind", "append", "o__ready"):
            getattr(self.dut, name).value = 0
        await reset(self.dut)

    async def strobe(self, name: str) -> None:
        getattr(self.dut, name).value = 1
        await FallingEdge(self.dut.clk)
        getattr(self.dut, name).value = 0

    async def fill(self, stop_after: int | None = None) -> None:
        """Append a random number of entries to each bank; finish, unless stopped in between."""
        left = [self.rng.randrange(_DEPTH + 1) for _ in range(_BANKS)]
        self.banks = [[] for _ in range(_BANKS)]
        while any(left):
            beats = []
            for g in range(_BANKS):
                valid = left[g] > 0 and self.rng.random() >= self.stall
                entry = self.rng.randrange(1 << _ENTRY)
                beats.append(self.append.pack(valid=valid, entry=entry))
                if valid:
                    left[g] -= 1
                    self.banks[g].append(entry)
            self.dut.append.value = sum(beat << self.append.width * g
                                        for g, beat in enumerate(beats))
            await FallingEdge(self.dut.clk)
            self.dut.append.value = 0
            if stop_after is not None and sum(map(len, self.banks)) >= stop_after:
                return
        await self.strobe("finish")

    async def read(self, n: int | None = None) -> list[int]:
        """Read ``n`` entries, or until the list is done; what waits must hold still."""
        dut, got, waiting = self.dut, [], None
        while n is None or len(got) < n:
            ready = self.rng.random() >= self.stall
            dut.o__ready.value = int(ready)
            await ReadOnly()
            valid, done = int(dut.o__valid.value), int(dut.done.value)
            payload = int(dut.o__payload.value) if valid else None
            assert waiting is None or payload == waiting, "a waiting entry changed"
            waiting = payload if valid and not ready else None
            if valid and ready:
                got.append(payload)
            await FallingEdge(dut.clk)
            if done and n is None:
                break
        dut.o__ready.value = 0
        return got


async def _run(dut, stall: float) -> None:
    Clock(dut.clk, 10, unit="ns").start()
    bench = _Bench(dut, seed=1, stall=stall)
    await bench.idle()
    for turn in range(12):
        await bench.fill()
        order = [entry for bank in bench.banks for entry in bank]
        assert await bench.read(len(order) // 2) == order[:len(order) // 2]
        await bench.strobe("rewind")
        assert await bench.read() == order
        assert int(dut.complete.value)
        if turn % 3 == 1:  # reset while it fills, and while it is read
            await bench.strobe("clear")
            await bench.fill(stop_after=2)
            await bench.idle()
        elif turn % 3 == 2:
            await bench.strobe("rewind")
            await bench.read(len(order) // 3)
            await bench.idle()
        else:
            await bench.strobe("clear")
        assert not int(dut.complete.value)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def without_stalls(dut):
    await _run(dut, 0.0)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def with_stalls(dut):
    await _run(dut, 0.5)
