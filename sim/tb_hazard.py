"""The hazard stage on the exported Verilog: when slots leave, with stalls and a reset between."""

import json
import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from taxonn_hw.plan.latency import WRITE_LATENCY

from .unit import Shape, reset

_SLOT = Shape(**json.loads(os.environ.get("HAZARD_SLOT", "{}")))
_OUT = Shape(valid=1, slot=_SLOT.width)
_AHEAD = os.environ.get("HAZARD_AHEAD") == "1"


class _Bench:
    def __init__(self, dut, seed: int) -> None:
        self.dut, self.rng = dut, random.Random(seed)

    async def idle(self) -> None:
        for name in ("i__valid", "i__payload", "blocked", "host", "host_row"):
            getattr(self.dut, name).value = 0
        await reset(self.dut)

    def slots(self, n: int, rows: int) -> list[dict]:
        rng = self.rng
        return [{"row": rng.randrange(rows), "read": rng.random() < 0.7,
                 "update": rng.random() < 0.5, "id": k} for k in range(n)]

    async def run(self, slots, *, stall: float, block: float, cycles: int | None = None) -> list:
        """Feed ``slots`` until all are out, or for so many ``cycles``; check each clock.

        The model: the stage holds a slot; it leaves unless it is blocked, or reads a row that an
        update which left in the last clocks has not written back.  With a look ahead it holds the
        ``following`` one too.
        """
        dut, rng = self.dut, self.rng
        queue, held, following = list(slots), None, None
        updates, out, offered, clock = {}, [], False, 0
        while len(out) < len(slots) and clock != cycles:
            offered = bool(queue) and (offered or rng.random() >= stall)
            blocked = rng.random() < block
            dut.i__valid.value = int(offered)
            dut.i__payload.value = _SLOT.pack(**queue[0]) if offered else rng.getrandbits(8)
            dut.blocked.value = int(blocked)
            conflict = held is not None and held["read"] and any(
                row == held["row"] and clock - at <= WRITE_LATENCY
                for at, row in updates.items())
            leaves = held is not None and not conflict and not blocked
            await ReadOnly()
            seen = _OUT.unpack(int(dut.o.value))
            assert seen["valid"] == leaves, f"clock {clock}, slot {held}"
            room = held is None or leaves
            ready = room or (_AHEAD and following is None)
            assert int(dut.i__ready.value) == ready
            enters = _OUT.unpack(int(dut.enters.value))
            next_in = following if _AHEAD else queue[0] if offered else None
            assert enters["valid"] == (room and next_in is not None)
            assert int(dut.waits.value) == (held is not None)
            if leaves:
                assert _SLOT.unpack(seen["slot"]) == {k: int(v) for k, v in held.items()}
                out.append(held)
                if held["update"]:
                    updates[clock] = held["row"]
            taken = queue.pop(0) if offered and ready else None
            offered = offered and not ready
            if _AHEAD:
                if room:
                    held = following
                if ready:
                    following = taken
            elif room:
                held = taken
            await FallingEdge(dut.clk)
            clock += 1
        return out


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def leaves_when_its_row_is_free(dut):
    Clock(dut.clk, 10, unit="ns").start()
    bench = _Bench(dut, seed=2)
    await bench.idle()
    for rows, stall, block in ((1, 0, 0), (2, 0.5, 0), (8, 0, 0.3), (3, 0.3, 0.6)):
        slots = bench.slots(120, rows)
        assert await bench.run(slots, stall=stall, block=block) == slots
        await bench.idle()


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def a_reset_forgets_what_was_under_way(dut):
    Clock(dut.clk, 10, unit="ns").start()
    bench = _Bench(dut, seed=3)
    await bench.idle()
    for cut in range(1, 20):
        await bench.run(bench.slots(40, 2), stall=0.2, block=0.1, cycles=cut)
        await bench.idle()
        assert int(dut.empty.value)
        slots = bench.slots(6, 1)
        assert await bench.run(slots, stall=0, block=0) == slots
        await bench.idle()
