"""Control requests: registers, pulls, information, reset; what lies in the answer memory."""

import random

import pytest

from taxonn_hw.bus.protocol import MAX_PAYLOAD, Command
from taxonn_hw.rtl.link.executor import RESET_CLOCKS, Executor
from taxonn_hw.rtl.link.transmitter import ANSWER_AT
from taxonn_hw.testing import simulate

INFO = b"\x01\x02\xfd\x3e\x00"


class Bench:
    """An executor with 16 registers and queues of beats behind it."""

    def __init__(self, widths=(8, 12), queues=((), ()), gaps=()):
        self.dut = Executor(widths=widths, info=INFO)
        self.registers = list(range(0x1000_0000, 0x1000_0010))
        self.queues = [list(queue) for queue in queues]
        self.gaps, self.strobes, self.resets = gaps, [], 0
        self.memory = {}

    def run(self, *requests):
        """Return the answers to ``requests`` (command, argument, value)."""
        answers, dut = [], self.dut

        async def talk(ctx):
            for command, argument, value in requests:
                for name, word in (("command", command), ("argument", argument),
                                   ("value", value), ("execute", 1)):
                    ctx.set(getattr(dut, name), word)
                await ctx.tick()
                ctx.set(dut.execute, 0)
                for clock in range(600):
                    if ctx.get(dut.answered):
                        break
                    if clock == 4:  # the next frame's bytes may come
                        for name in ("command", "argument", "value"):
                            ctx.set(getattr(dut, name), 0xA5)
                    await ctx.tick()
                assert ctx.get(dut.answered)
                end = ctx.get(dut.end)
                await ctx.tick()
                assert not ctx.get(dut.answered) and ctx.get(dut.end) == end
                answers.append(bytes(self.memory[at] for at in range(ANSWER_AT, end)))
                self.memory.clear()
            await ctx.tick().repeat(RESET_CLOCKS)

        async def device(ctx):
            clock = 0
            while True:
                for k, queue in enumerate(self.queues):
                    i = getattr(dut, f"i_{k}")
                    ctx.set(i.valid, bool(queue) and clock not in self.gaps)
                    ctx.set(i.payload, queue[0] if queue else 0)
                taken = [ctx.get(getattr(dut, f"i_{k}").ready & getattr(dut, f"i_{k}").valid)
                         for k in range(2)]
                if ctx.get(dut.w_en):
                    self.memory[ctx.get(dut.w_addr)] = ctx.get(dut.w_data)
                self.resets += ctx.get(dut.reset)
                bus = dut.csr
                address = ctx.get(bus.addr)
                w_stb, r_stb, data = ctx.get(bus.w_stb), ctx.get(bus.r_stb), ctx.get(bus.w_data)
                await ctx.tick()
                clock += 1
                for k, take in enumerate(taken):
                    if take:
                        del self.queues[k][0]
                if w_stb:
                    self.strobes.append(("w", address))
                    self.registers[address] = data
                if r_stb:
                    self.strobes.append(("r", address))
                    ctx.set(bus.r_data, self.registers[address])

        simulate(dut, talk, background=[device], max_cycles=10_000)
        return answers


def test_registers():
    bench = Bench()
    answers = bench.run((Command.READ, 3, 0), (Command.WRITE, 5, 0x89ABCDEF), (Command.READ, 5, 0))
    assert answers == [b"\x03\0\0\x10", b"", b"\xef\xcd\xab\x89"]
    assert bench.strobes == [("r", 3), ("w", 5), ("r", 5)]  # each exactly once


def test_information():
    assert Bench().run((Command.INFO, 0, 0), (Command.READ, 1, 0)) == [INFO, b"\x01\0\0\x10"]


def test_a_reset_takes_its_clocks():
    bench = Bench()
    assert bench.run((Command.READ, 1, 0), (Command.RESET, 0, 0)) == [b"\x01\0\0\x10", b""]
    assert bench.resets == RESET_CLOCKS


@pytest.mark.parametrize("widths", [(8, 12), (1, 96), (9, 16), (12, 100), (16, 288)])
def test_pulls(widths):
    """All beats that are there, whole and in order; the next pull goes on."""
    rng = random.Random(str(widths))
    queues = [[rng.getrandbits(width) for _ in range(800)] for width in widths]
    bench = Bench(widths, queues)
    sizes = [-(-width // 8) for width in widths]
    requests = [(Command.PULL, k, 0) for k in (0, 1, 0, 1, 1)]
    at = [0, 0]
    for (_, k, _), answer in zip(requests, bench.run(*requests), strict=True):
        n = MAX_PAYLOAD // sizes[k]
        assert len(answer) == n * sizes[k]
        assert answer == b"".join(beat.to_bytes(sizes[k], "little")
                                  for beat in queues[k][at[k]:at[k] + n])
        at[k] += n


def test_a_pull_takes_what_is_there():
    bench = Bench(queues=[[1, 2, 3], []])
    assert bench.run((Command.PULL, 0, 0), (Command.PULL, 0, 0), (Command.PULL, 1, 0)) == [
        b"\1\2\3", b"", b""]
    assert bench.queues == [[], []]


def test_a_pull_ends_where_the_stream_pauses():
    bench = Bench(queues=[[], [0x123, 0x456, 0x789]], gaps=(5, 6))
    assert bench.run((Command.PULL, 1, 0), (Command.PULL, 1, 0)) == [b"\x23\1\x56\4", b"\x89\7"]


def test_a_beat_must_fit_into_an_answer():
    with pytest.raises(ValueError, match="1 to 2008 bits, not 2009"):
        Executor(widths=[8, 2009], info=INFO)
