"""Responses against the Python encoder."""

import random

import pytest

from taxonn_hw.bus.protocol import MAX_PAYLOAD, Deframer, Response, ResponseFlag
from taxonn_hw.rtl.link.transmitter import ANSWER_AT, FrameTransmitter
from taxonn_hw.testing import keeps_contract, simulate

CLOCKS = 12  # of a byte on the line; really at least 40


def transmit(steps, *, answer=b"", n_frames=1, fields=None):
    """Do ``steps`` (clock -> what to set for a clock); return the bytes that come."""
    dut = FrameTransmitter()
    out = bytearray()
    fields = fields or {"session": 1, "control": 2, "done": 3, "next": 4}

    async def memory(ctx):
        async for _, _, at in ctx.tick().sample(dut.r_addr):
            place = at - ANSWER_AT
            ctx.set(dut.r_data, answer[place] if 0 <= place < len(answer) else 0xEE)

    async def talk(ctx):
        for name, value in fields.items():
            ctx.set(getattr(dut, name), value)
        ctx.set(dut.end, ANSWER_AT + len(answer))
        clock = since = 0
        deframer, frames = Deframer(), 0
        while frames < n_frames:
            for name in ("respond", "answer", "gap"):
                ctx.set(getattr(dut, name), name in steps.get(clock, ()))
            for name in ("results", "weights"):
                if name in steps.get(clock, ()):
                    ctx.set(getattr(dut, name), 1)
            ctx.set(dut.o.ready, since >= CLOCKS)
            if ctx.get(dut.o.valid) and ctx.get(dut.o.ready):
                byte = ctx.get(dut.o.payload)
                out.append(byte)
                frames += len(list(deframer.feed(bytes([byte]))))
                since = 0
            await ctx.tick()
            clock, since = clock + 1, since + 1
        for _ in range(30 * CLOCKS):
            assert not ctx.get(dut.o.valid)
            await ctx.tick()

    simulate(dut, talk, background=[memory, keeps_contract(dut.o)], max_cycles=20_000)
    return bytes(out)


def response(flags=0, payload=b"", **fields):
    return Response(flags=ResponseFlag(flags), payload=payload,
                    **{"session": 1, "control": 2, "done": 3, "next": 4, **fields})


@pytest.mark.parametrize("fields", [
    {"session": 0, "control": 0, "done": 0, "next": 0},
    {"session": 0x7E, "control": 0x7D, "done": 0x5E, "next": 0xFF},
])
def test_a_plain_response(fields):
    assert transmit({3: ["respond"]}, fields=fields) == response(**fields).encode()


@pytest.mark.parametrize("n", [0, 1, 4, 100, MAX_PAYLOAD])
def test_an_answer(n):
    answer = bytes(random.Random(n).choices([0x7E, 0x7D, 0, 1, 255], k=n))
    assert transmit({0: ["answer"]}, answer=answer) == response(1, answer).encode()


def test_every_crc_is_stuffed():
    """Enough responses that each byte of a CRC is a flag or an escape somewhere."""
    rng = random.Random(1)
    found = set()
    while len(found) < 8:
        fields = {name: rng.randrange(256) for name in ("session", "control", "done", "next")}
        body = next(Deframer().feed(response(**fields).encode()))
        new = {(k, byte) for k, byte in enumerate(body[-4:]) if byte in (0x7D, 0x7E)} - found
        if new:
            found |= new
            assert transmit({0: ["respond"]}, fields=fields) == response(**fields).encode()


def test_flags():
    steps = {0: ["results", "respond"], 400: ["weights"], 401: ["respond"]}
    assert transmit(steps, n_frames=2) == response(2).encode() + response(6).encode()
    assert transmit({0: ["respond", "gap"]}) == response(8).encode()


def test_what_comes_meanwhile_becomes_one():
    """The answer's frame is under way; then a gap, twice, and the answer again."""
    steps = {0: ["answer"], 20: ["respond", "gap"], 50: ["respond"], 60: ["answer"]}
    assert transmit(steps, answer=b"ab", n_frames=2) == (
        response(1, b"ab").encode() + response(9, b"ab").encode())


def test_a_strobe_as_a_frame_begins_is_not_lost():
    for clock in range(1, 6):
        got = transmit({0: ["respond"], clock: ["respond", "gap"]}, n_frames=2)
        assert got == response().encode() + response(8).encode(), clock


def test_an_answer_and_a_response_at_once_are_an_answer():
    assert transmit({0: ["respond", "answer"]}, answer=b"x") == response(1, b"x").encode()
