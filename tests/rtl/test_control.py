"""Register block: reads, writes, strobes, counters, and writes that must have no effect."""

import pytest

from taxonn_hw.bus.registers import FIELDS, IDENTITY, REGISTERS, VERSION
from taxonn_hw.rtl.control import COUNTER_BITS, ControlBlock
from taxonn_hw.testing import simulate

N_ADDRESSES = 0x1234
STROBES = ("start", "stop", "restart", "clear", "load", "dump")


class Bus:
    def __init__(self, ctx, dut):
        self.ctx, self.dut, self.bus = ctx, dut, dut.bus

    async def write(self, name, value):
        for port, word in (("addr", REGISTERS[name].address), ("w_data", value), ("w_stb", 1)):
            self.ctx.set(getattr(self.bus, port), word)
        await self.ctx.tick()
        self.ctx.set(self.bus.w_stb, 0)

    async def read(self, name):
        self.ctx.set(self.bus.addr, REGISTERS[name].address)
        self.ctx.set(self.bus.r_stb, 1)
        await self.ctx.tick()
        self.ctx.set(self.bus.r_stb, 0)
        self.ctx.set(self.bus.addr, 0xFF)
        return self.ctx.get(self.bus.r_data)

    def strobes(self):
        return {name for name in STROBES if self.ctx.get(getattr(self.dut, name))}


def bits(register, *names):
    return sum(1 << FIELDS[f"{register}.{name}"] for name in names)


def run(bench, **keys):
    dut = ControlBlock(**{"config_hash": 0x12345678, "geometry": 0x04030201, "rate": 6,
                          "rates": (5, 8), "can_train": True, "n_addresses": N_ADDRESSES, **keys})

    async def run(ctx):
        await bench(Bus(ctx, dut), dut, ctx)

    simulate(dut, run)


def test_constants_and_plain_registers():
    async def bench(bus, dut, ctx):
        wanted = {"identity": IDENTITY, "version": VERSION, "config_hash": 0x12345678,
                  "geometry": 0x04030201, "rate": 6, "status": bits("status", "can_train")}
        for name in REGISTERS:
            assert await bus.read(name) == wanted.get(name, 0), name
            await bus.write(name, 0 if name in ("control", "weight_command") else 0xFFFFFFFF)
        for name in wanted:
            assert await bus.read(name) == wanted[name], name  # 0xFFFFFFFF is no rate either
        plain = {"samples": 0xDEADBEEF, "scratch": 0xDEADBEF0, "weight_row": N_ADDRESSES - 1,
                 "weight_count": N_ADDRESSES}
        for name, value in plain.items():
            await bus.write(name, value)
        for name, value in plain.items():
            assert await bus.read(name) == value
            assert name == "scratch" or ctx.get(getattr(dut, name)) == value
        assert bus.strobes() == set()
        ctx.set(dut.bus.addr, REGISTERS["scratch"].address)
        ctx.set(dut.bus.w_data, 1)
        await ctx.tick().repeat(2)  # no strobe, no write
        assert await bus.read("scratch") == 0xDEADBEF0

    run(bench)


@pytest.mark.parametrize("n, row_bits, count_bits", [(1, 1, 1), (2, 1, 2), (256, 8, 9)])
def test_addresses_are_as_wide_as_the_rows(n, row_bits, count_bits):
    async def bench(bus, dut, ctx):
        for name, bits_of in (("weight_row", row_bits), ("weight_count", count_bits)):
            await bus.write(name, 0xFFFFFFFF)
            assert await bus.read(name) == (1 << bits_of) - 1

    run(bench, n_addresses=n)


def test_strobes_act_once_and_levels_stay():
    async def bench(bus, dut, ctx):
        for name in ("start", "stop", "restart", "clear"):
            await bus.write("control", bits("control", name, "train"))
            assert bus.strobes() == {name}
            assert (ctx.get(dut.train), ctx.get(dut.results)) == (1, 0)
            await ctx.tick()
            assert bus.strobes() == set() and ctx.get(dut.train)
        await bus.write("control", bits("control", "results"))
        assert (ctx.get(dut.train), ctx.get(dut.results)) == (0, 1)
        assert await bus.read("control") == bits("control", "results")
        for name in ("load", "dump"):
            await bus.write("weight_command", bits("weight_command", name, "bias"))
            assert bus.strobes() == {name} and ctx.get(dut.bias)
            await bus.write("weight_command", bits("weight_command", name))
            assert bus.strobes() == {name} and not ctx.get(dut.bias)
            await ctx.tick()
            assert bus.strobes() == set()

    run(bench)


def test_an_inference_build_cannot_train():
    async def bench(bus, dut, ctx):
        await bus.write("control", bits("control", "train", "results"))
        assert not ctx.get(dut.train) and ctx.get(dut.results)
        assert not await bus.read("status") & bits("status", "can_train")

    run(bench, can_train=False)


@pytest.mark.parametrize("rates", [(5, 8), (0, 3), (13, 20)])
def test_only_rates_of_the_range(rates):
    low, high = rates

    async def bench(bus, dut, ctx):
        kept = low
        for rate in [high, low, *range(24), 32 + low, 1 << 31]:
            await bus.write("rate", rate)
            kept = rate if low <= rate <= high else kept
            assert await bus.read("rate") == kept == ctx.get(dut.rate)

    run(bench, rates=rates, rate=low)


def test_status_and_counters():
    async def bench(bus, dut, ctx):
        always = bits("status", "can_train")
        for name in ("busy", "moving"):
            ctx.set(getattr(dut, name), 1)
            await ctx.tick()  # work shows a cycle late
            assert await bus.read("status") == always | bits("status", name)
            ctx.set(getattr(dut, name), 0)
            await ctx.tick()
        counters = {"cycles_low": dut.counting, "slots_low": dut.slot, "samples_done": dut.sample}
        for length, signal in enumerate(counters.values(), 3):
            ctx.set(signal, 1)
            await ctx.tick().repeat(length)
            ctx.set(signal, 0)
        for length, name in enumerate(counters, 3):
            assert await bus.read(name) == length
        for name in ("cycles_high", "slots_high"):
            assert await bus.read(name) == 0
        ctx.set(dut.cycles, (1 << COUNTER_BITS) - 2)
        ctx.set(dut.slots, (1 << 32) - 1)
        for signal in (dut.counting, dut.slot):
            ctx.set(signal, 1)
        await ctx.tick()
        for signal in (dut.counting, dut.slot):
            ctx.set(signal, 0)
        await ctx.tick()  # the counters lie behind a register
        assert await bus.read("cycles_low") == 0xFFFFFFFF
        assert await bus.read("cycles_high") == (1 << COUNTER_BITS - 32) - 1
        assert (await bus.read("slots_high"), await bus.read("slots_low")) == (1, 0)
        counters = {"cycles_low": 0, "slots_low": 0, "samples_done": 0}
        await bus.write("control", bits("control", "clear"))
        await ctx.tick()
        assert [await bus.read(name) for name in counters] == [0, 0, 0]
        for name, value in (("predicted", 65535), ("correct", 1 << 31), ("correct_recent", 1000)):
            ctx.set(getattr(dut, name), value)
            assert await bus.read(name) == value

    run(bench)


def test_a_start_shows_as_work_at_once():
    """Until the sequencer's own sign of it, which comes two cycles after the strobe."""
    async def bench(bus, dut, ctx):
        busy = bits("status", "busy")
        await bus.write("control", bits("control", "start"))
        assert [bool(await bus.read("status") & busy) for _ in range(4)] == [1, 1, 1, 0]

    run(bench)
