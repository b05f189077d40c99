"""Helpers of unit tests in Amaranth's simulator: streams, cycle-by-cycle traces, a watchdog.

A beat passes at the clock edge that ends a cycle with ``valid`` and ``ready``; what a testbench
reads is settled, as just before that edge.
"""

from functools import reduce

from amaranth.sim import Simulator

__all__ = ["get", "keeps_contract", "put", "simulate", "trace"]


async def put(ctx, stream, payload) -> None:
    """Offer ``payload`` on ``stream`` until it is taken."""
    ctx.set(stream.payload, payload)
    ctx.set(stream.valid, 1)
    await ctx.tick().until(stream.ready)
    ctx.set(stream.valid, 0)


async def get(ctx, stream):
    """Accept and return a payload of ``stream``."""
    ctx.set(stream.ready, 1)
    payload, = await ctx.tick().sample(stream.payload).until(stream.valid)
    ctx.set(stream.ready, 0)
    return payload


def keeps_contract(stream, *, released=None):
    """Return a background bench: a beat that waits stays valid and holds still.

    A cycle with ``released`` high lets the beat go.
    """
    async def bench(ctx):
        waiting = None
        signals = [stream.valid, stream.ready, stream.payload]
        async for _, _, valid, ready, payload, free in ctx.tick().sample(
                *signals, stream.valid if released is None else released):
            payload = str(payload)
            assert waiting is None or valid, "valid fell before the beat was taken"
            assert waiting in (None, payload), "a waiting beat changed"
            free = free if released is not None else False
            waiting = payload if valid and not ready and not free else None
    return bench


def simulate(dut, *benches, background=(), max_cycles: int = 10_000) -> None:
    """Run ``benches`` on ``dut`` to their end, with domain ``sync`` clocked.

    Raises
    ------
    TimeoutError
        When a bench has not ended after ``max_cycles``, even one that awaits no clock.
    """
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    for bench in benches:
        simulator.add_testbench(bench)
    for bench in background:
        simulator.add_testbench(bench, background=True)

    async def watchdog(ctx):
        await ctx.delay(max_cycles * 1e-6)
        raise TimeoutError(f"testbench still running after {max_cycles} cycles")

    simulator.add_process(watchdog)
    simulator.run()


def trace(dut, steps: list[dict], outputs) -> list[dict]:
    """Set the inputs ``steps[k]`` of ``dut`` in cycle ``k``; return its ``outputs`` in each cycle.

    Names may reach into layouts: ``"i.tag.item"``, ``"values.3"``.  An input keeps its value until
    a later step sets it; structures are set with dictionaries and read as integers by their parts.
    """
    def find(name):
        return reduce(lambda value, part: value[int(part)] if part.isdigit()
                      else getattr(value, part), name.split("."), dut)

    names = {name for step in steps for name in step}
    inputs = {name: find(name) for name in sorted(names)}
    watched = {name: find(name) for name in outputs}
    seen = []

    async def bench(ctx):
        for step in steps:
            for name, value in step.items():
                ctx.set(inputs[name], value)
            seen.append({name: ctx.get(value) for name, value in watched.items()})
            await ctx.tick()

    simulate(dut, bench, max_cycles=len(steps) + 2)
    return seen
