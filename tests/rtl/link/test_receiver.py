"""Frames against the Python decoder: good ones are handed on whole, others not at all."""

import random
import zlib

import pytest

from taxonn_hw.bus.protocol import ESCAPE, FLAG, MAX_PAYLOAD, Command, Deframer, Request
from taxonn_hw.rtl.link.receiver import FrameReceiver
from taxonn_hw.testing import simulate

CLOCKS = 12  # of a byte; the line gives at least 40
SESSION, CONTROL, NEXT = 0x21, 0x40, 0xFE


def receive(line, *, room=lambda k: 1, errors=()):
    """Return the (frame, memory, outputs) of each frame in ``line``, and the damaged ones."""
    dut = FrameReceiver()
    memory, frames, damaged = {}, [], []

    async def talk(ctx):
        for name, value in (("session", SESSION), ("control", CONTROL), ("next", NEXT)):
            ctx.set(getattr(dut, name), value)
        for k, byte in enumerate(line):
            ctx.set(dut.room, room(k))
            ctx.set(dut.error if k in errors else dut.valid, 1)
            ctx.set(dut.data, byte)
            await ctx.tick()
            ctx.set(dut.error, 0)
            ctx.set(dut.valid, 0)
            ctx.set(dut.data, 0xA5)
            for _ in range(CLOCKS - 1):
                await ctx.tick()

    async def watch(ctx):
        names = ("command", "requested_session", "in_session", "stored", "same", "following",
                 "behind", "argument", "value")
        async for _, _, en, addr, data, frame, bad, *values in ctx.tick().sample(
                dut.w_en, dut.w_addr, dut.w_data, dut.frame, dut.damaged,
                *(getattr(dut, name) for name in names)):
            if en:
                memory[addr] = data
            if frame:
                frames.append((dict(zip(names, values, strict=True)), dict(memory)))
            if bad:
                damaged.append(len(frames))

    simulate(dut, talk, background=[watch], max_cycles=CLOCKS * len(line) + 10)
    return frames, damaged


def payload_of(memory):
    """The payload in a slot: from the place that is its length down to 5."""
    return bytes(memory[at] for at in range(memory[0], 4, -1))


def push(payload, sequence=NEXT, session=SESSION):
    return Request(session=session, command=Command.PUSH, sequence=sequence, payload=payload)


@pytest.mark.parametrize("n", [0, 1, 5, 100, MAX_PAYLOAD])
def test_a_push_lies_in_the_slot(n):
    payload = bytes(random.Random(n).choices([0, 1, FLAG, ESCAPE, 0x5E, 255], k=n))
    (seen, memory), = receive(push(payload).encode())[0]
    assert payload_of(memory) == payload
    assert seen["command"] == Command.PUSH and seen["in_session"] and seen["stored"]
    assert seen["same"] and not seen["following"]


@pytest.mark.parametrize("sequence", [0, 1, 0x3F, 0x40, 0x41, 0xBF, 0xC0, 0xFD, 0xFE, 0xFF])
@pytest.mark.parametrize("command", [Command.PUSH, Command.READ])
def test_numbers(command, sequence):
    request = Request.control(SESSION, command, sequence, 0x12, 0x89ABCDEF)
    (seen, _), = receive(request.encode())[0]
    difference = (sequence - (NEXT if command is Command.PUSH else CONTROL)) & 0xFF
    assert (seen["same"], seen["following"], seen["behind"]) == (
        difference == 0, difference == 1, difference >= 128)
    assert (seen["argument"], seen["value"]) == (0x12, 0x89ABCDEF)


def test_sessions():
    sessions = (SESSION, 0x20, 0xFF, 0)
    line = b"".join(Request(session=session, command=Command.HELLO).encode()
                    for session in sessions)
    frames, _ = receive(line)
    assert [(seen["requested_session"], seen["in_session"]) for seen, _ in frames] == [
        (session, session == SESSION) for session in sessions]


def test_only_a_slot_that_was_free_from_the_start_holds_it():
    """A slot that becomes free while a frame comes lacks its first bytes."""
    line = push(b"abc").encode()
    for first in range(len(line)):
        frames, _ = receive(line, room=lambda k, first=first: k >= first)
        (seen, memory), = frames
        assert seen["stored"] == (first <= 1)
        assert bool(memory) == (first <= 1)


def test_a_slot_is_not_written_after_a_flag_without_room():
    """The frame before had room, this one has not: not even its first byte is written."""
    line = push(b"abc").encode()
    n = len(line) - 1
    frames, _ = receive(line[:-1] + line, room=lambda k: k < n)
    assert [seen["stored"] for seen, _ in frames] == [1, 0]
    assert frames[1][1] == frames[0][1]


def as_python(line):
    frames = [Request.decode(body) for body in Deframer().feed(line)]
    return [request for request in frames if request is not None]


@pytest.mark.parametrize("seed", range(6))
def test_random_damage(seed):
    """Frames with bytes changed, dropped, doubled, inserted: as the Python decoder has them."""
    rng = random.Random(seed)
    line = bytearray()
    for _ in range(25):
        frame = bytearray(push(rng.randbytes(rng.randrange(20)), rng.randrange(256)).encode())
        if rng.random() < 0.6:
            at = rng.randrange(len(frame))
            damage = rng.randrange(5)
            if damage == 0:
                frame[at] ^= 1 << rng.randrange(8)
            elif damage == 1:
                del frame[at]
            elif damage == 2:
                frame.insert(at, frame[at])
            elif damage == 3:
                frame.insert(at, rng.choice([FLAG, ESCAPE, 0]))
            else:
                del frame[at:]
        line += frame
    frames, damaged = receive(bytes(line))
    expected = as_python(bytes(line))
    assert 5 < len(expected) < 25 and len(damaged) >= 5
    assert [payload_of(memory) for _, memory in frames] == [r.payload for r in expected]
    assert [seen["command"] for seen, _ in frames] == [r.command for r in expected]


@pytest.mark.parametrize("at", range(13))
def test_a_bad_stop_bit_anywhere_drops_the_frame(at):
    line = push(b"abc").encode()
    assert len(line) == 13
    frames, damaged = receive(line + push(b"d").encode(), errors=[at])
    assert [payload_of(memory) for _, memory in frames] == [b"d"]
    assert len(damaged) == 1


@pytest.mark.parametrize("length", [0, 3, 5, 7, 255])
def test_a_right_crc_does_not_excuse_a_wrong_length(length):
    body = bytes([SESSION, Command.PUSH, NEXT, length, 1, 2])
    frame = bytes([FLAG]) + body + zlib.crc32(body).to_bytes(4, "little") + bytes([FLAG])
    assert FLAG not in frame[1:-1] and ESCAPE not in frame
    assert receive(frame) == ([], [0])


def test_a_long_frame_does_not_wrap():
    """300 bytes, with the CRC of what they would be when the counter wrapped."""
    rng = random.Random(1)
    body = bytes([SESSION, Command.PUSH, NEXT, 20]) + bytes(b for b in rng.randbytes(320)
                                                            if b not in (FLAG, ESCAPE))[:272]
    frame = bytes([FLAG]) + body + zlib.crc32(body).to_bytes(4, "little") + bytes([FLAG])
    frames, damaged = receive(frame + push(b"d").encode())
    assert len(frames) == 1 and damaged == [0]


def test_flags_and_aborts():
    line = push(b"abc").encode()
    assert len(receive(bytes([FLAG] * 5) + line + line[1:])[0]) == 2
    assert receive(line[:-1] + bytes([ESCAPE, FLAG])) == ([], [0])
    assert receive(line[1:]) == ([], [])  # before the first flag, nothing is a frame
