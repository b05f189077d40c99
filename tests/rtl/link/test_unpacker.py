"""Slots to beats: every mode and width, against the Python decoder, with stalls."""

import random

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal

from taxonn_hw.bus.packing import StreamUnits, pack, select, to_units, unpack
from taxonn_hw.rtl.link.receiver import PAYLOAD_END
from taxonn_hw.rtl.link.unpacker import Unpacker
from taxonn_hw.testing import keeps_contract, simulate

SHAPES = {  # (bits, units a beat) of the two streams
    "digits": ((8, 4), (8, 12)),
    "words": ((8, 2), (12, 3)),
    "narrow": ((3, 5), (8, 1)),
    "wide": ((12, 4), (8, 16)),
    "edge": ((9, 32), (17, 3)),
    "one": ((1, 1), (1, 1)),
    "large": ((32, 1), (24, 2)),
}


def shape(name):
    return [StreamUnits(bits=bits, per_beat=per_beat) for bits, per_beat in SHAPES[name]]


def beats_of(payloads, units):
    """The beats that a device makes of ``payloads``, as [(stream, value)]."""
    stream, held, beats = 0, [], []
    for payload in payloads:
        tokens = list(unpack(payload, [u.bits for u in units], stream))
        for stream, unit in tokens:
            if unit is None:
                held = []
                continue
            held.append(unit)
            if len(held) == units[stream].per_beat:
                beats.append((stream, sum(v << k * units[stream].bits
                                          for k, v in enumerate(held))))
                held = []
    return beats


def run(units, payloads, *, registered=False, stall=0.0, seed=0, clear_after=None,
        max_cycles=100_000):
    """Return the beats, and the clocks from the first to the last of them."""
    inner = Unpacker(units=units, registered=registered)
    clear = Signal()
    dut = ResetInserter(clear)(inner)
    rng = random.Random(seed)
    beats, state = [], {"slot": 0, "last": 0}
    outputs = [inner.o_0, inner.o_1]

    def byte(at):
        payload = payloads[state["slot"]] if state["slot"] < len(payloads) else b""
        if at == 0:
            return len(payload) + 4
        return payload[len(payload) + 4 - at] if at >= PAYLOAD_END and payload else 0xEE

    async def memory(ctx):
        ctx.set(inner.pending, bool(payloads))
        async for _, _, at, finished in ctx.tick().sample(inner.r_addr, inner.finished):
            ctx.set(inner.r_data, byte(at))
            if finished:
                state["slot"] += 1
                ctx.set(inner.pending, state["slot"] < len(payloads))

    async def take(ctx):
        for clock in range(max_cycles):
            for o in outputs:
                ctx.set(o.ready, rng.random() >= stall)
            seen = [(ctx.get(o.valid) and ctx.get(o.ready), ctx.get(o.payload)) for o in outputs]
            assert not (ctx.get(inner.o_0.valid) and ctx.get(inner.o_1.valid))
            for stream, (passes, payload) in enumerate(seen):
                if passes:
                    beats.append((stream, payload))
                    state["last"] = clock
            if clear_after is not None and clock == clear_after:
                ctx.set(clear, 1)
                await ctx.tick()
                ctx.set(clear, 0)
                return
            if state["slot"] == len(payloads):
                await ctx.tick().repeat(3)
                return
            await ctx.tick()
        raise TimeoutError(f"{state['slot']} of {len(payloads)} slots, {len(beats)} beats")

    background = [memory, *(keeps_contract(o) for o in outputs if clear_after is None)]
    simulate(dut, take, background=background, max_cycles=max_cycles + 10)
    return beats, state["last"]


def random_units(rng, bits, n):
    values = rng.integers(0, 1 << bits, n, dtype=np.uint64)
    kind = rng.integers(0, 4)
    values = np.where(rng.random(n) < [0, 0.9, 0.5, 0][kind], 0, values)
    return (values % min(1 << bits, [1 << bits, 1 << bits, 4, 2][kind])).astype(np.uint32)


@pytest.mark.parametrize(("registered", "stall"), [(False, 0.0), (False, 0.6), (True, 0.4)])
@pytest.mark.parametrize("name", SHAPES)
def test_packed_beats_come_back(name, registered, stall):
    """Both streams in turn; frames end in the middle of beats."""
    units = shape(name)
    rng = np.random.default_rng(len(name))
    payloads, expected = [], []
    for turn in range(4):
        stream = turn % 2
        u = units[stream]
        values = random_units(rng, u.bits, u.per_beat * int(rng.integers(1, 300 // u.per_beat + 2)))
        payloads += pack(values, u.bits, select(stream))
        expected += [(stream, sum(int(v) << k * u.bits for k, v in enumerate(beat)))
                     for beat in values.reshape(-1, u.per_beat)]
    assert beats_of(payloads, units) == expected
    assert run(units, payloads, registered=registered, stall=stall, seed=1)[0] == expected


def test_tokens_by_hand():
    """As in tests/bus/test_packing.py: every mode, through to the beats."""
    payload = bytes([0 << 5 | 31, 0 << 5 | 0, 1 << 5 | 1, 0b11100001, 2 << 5 | 1, 0b10010011,
                     3 << 5 | 1, 0x1F, 4 << 5 | 1, 200, 4 << 5 | 31, 7, 8, 9, 10])
    units = [StreamUnits(bits=8, per_beat=1), StreamUnits(bits=8, per_beat=2)]
    values = [0] * 33 + [1, 0, 0, 0, 0, 1, 1, 1] + [3, 0, 1, 2] + [15, 1] + [200, 7, 8, 9, 10]
    assert run(units, [payload])[0] == [(0, value) for value in values]


def test_a_selection_begins_a_new_beat():
    """Three units of four, then SELECT: they are dropped; a whole beat before it is not."""
    units = [StreamUnits(bits=8, per_beat=4), StreamUnits(bits=8, per_beat=2)]
    payload = bytes([4 << 5 | 7, 1, 2, 3, 4, 5, 6, 7, 7 << 5 | 1, 4 << 5 | 2, 8, 9, 7 << 5,
                     4 << 5 | 4, 10, 11, 12, 13])
    expected = [(0, 0x04030201), (1, 0x0908), (0, 0x0D0C0B0A)]
    assert run(units, [payload])[0] == expected
    assert run(units, [payload], stall=0.9, seed=3)[0] == expected


def test_empty_slots_pass():
    units = shape("digits")
    assert run(units, [b"", bytes([4 << 5 | 4, 1, 2, 3, 4]), b""])[0] == [(0, 0x04030201)]


@pytest.mark.parametrize("seed", range(8))
def test_random_bytes_do_not_hang(seed):
    """Any payload ends; where it is legal it means what the decoder says."""
    rng = random.Random(seed)
    units = shape("digits")
    payloads = [bytes(byte for byte in rng.randbytes(60)) for _ in range(5)]
    legal = [payload for payload in payloads if _is_legal(payload)]
    run(units, payloads)
    assert run(units, legal)[0] == beats_of(legal, units)


def _is_legal(payload):
    at = 0
    while at < len(payload):
        mode, count = payload[at] >> 5, payload[at] & 31
        if mode in (5, 6) or (mode in (1, 2, 3, 4) and count == 0) or (mode == 7 and count > 1):
            return False
        at += 1 + (0 if mode in (0, 7) else len(payload) if count == 31 else count)
    return True


def test_a_reset_drops_everything():
    units = shape("digits")
    payload = bytes([4 << 5 | 31, *range(200)])
    beats, _ = run(units, [payload], clear_after=100)
    assert 0 < len(beats) < 10
    inner = Unpacker(units=units)
    clear = Signal()

    async def bench(ctx):
        ctx.set(inner.pending, 1)
        ctx.set(inner.r_data, 4 << 5 | 31)
        await ctx.tick().until(inner.o_0.valid)
        ctx.set(clear, 1)
        await ctx.tick()
        ctx.set(clear, 0)
        assert not ctx.get(inner.o_0.valid) and ctx.get(inner.r_addr) == 0

    simulate(ResetInserter(clear)(inner), bench)


@pytest.mark.parametrize("mode", [1, 2, 3, 4])
def test_the_line_is_never_faster(mode):
    """A byte of data takes at most 12 clocks where the stream takes a beat a clock."""
    units = [StreamUnits(bits=8, per_beat=4), StreamUnits(bits=8, per_beat=12)]
    n = 100
    _, last = run(units, [bytes([mode << 5 | 31]) + bytes(n)])
    assert (n - 1) * 10 <= last <= n * 12
    _, last = run(units, [bytes([31] * n)])  # 32 zeros a byte
    assert last <= n * (32 + 8 + 4)


@pytest.mark.parametrize("bad", [(0, 1), (33, 1), (8, 0)])
def test_impossible_units(bad):
    with pytest.raises(ValueError, match="a unit must have 1 to 32 bits"):
        Unpacker(units=[StreamUnits(bits=bad[0], per_beat=bad[1])])


def test_units_of_a_beat_match_its_bits():
    """The unpacker's beat is the beat: to_units and Unpacker are each other's inverse."""
    units = StreamUnits.of("i_weights", 36, 12)
    beats = np.array([[0x89ABCDEF, 0x5]], np.uint32)
    payloads = list(pack(to_units(beats, units), units.bits))
    assert run([units, units], payloads)[0] == [(0, 0x589ABCDEF)]
