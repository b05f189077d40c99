"""The whole link, compiled: the rules of the protocol one by one, then garbage."""

import random

import numpy as np
import pytest

from taxonn_hw.bus.packing import Mode, select
from taxonn_hw.bus.protocol import (
    FLAG,
    MAX_PAYLOAD,
    Command,
    Request,
    ResponseFlag,
    decode_info,
)
from taxonn_hw.host.serial_link import SerialLink
from taxonn_hw.host.serial_model import Symbol
from taxonn_hw.host.serial_pipe import ModelPipe
from taxonn_hw.host.serial_transport import SerialTransport
from taxonn_hw.rtl.link import Link
from tests.dummy import BIAS, COUNT, READ

from .models import Talk, dummy_streams, open_dummy


@pytest.fixture(scope="module", params=[False, True], ids=["small", "registered"])
def model(request, tmp_path_factory, require_tool):
    require_tool("verilator")
    with open_dummy(tmp_path_factory.mktemp("link"), results=0,
                    registered=request.param) as opened:
        yield opened


@pytest.fixture
def talk(model):
    """A fresh device in session 5."""
    model.power_cycle()
    talk = Talk(model)
    talk.say(talk.request(Command.HELLO))
    return talk


def literal(*values, stream=None):
    """A payload of 32-bit beats as they are."""
    data = b"".join(value.to_bytes(4, "little") for value in values)
    return (b"" if stream is None else select(stream)) + bytes([Mode.P8 << 5 | 31]) + data


def push(talk, sequence, *values, **keys):
    return talk.request(Command.PUSH, sequence, literal(*values), **keys)


def pulled(response):
    return [int.from_bytes(response.payload[at:at + 4], "little")
            for at in range(0, len(response.payload), 4)]


def state(response):
    return (response.session, response.control, response.done, response.next)


def test_a_board_without_a_session(model):
    model.power_cycle()
    talk = Talk(model)
    assert state(talk.ask(Command.WRITE, BIAS, 7)) == (0, 0, 0, 0)
    response, = talk.say(push(talk, 0, 1))
    assert state(response) == (0, 0, 0, 0) and not response.flags
    talk.say(talk.request(Command.HELLO))
    assert talk.ask(Command.READ, BIAS, sequence=1).payload == bytes(4)


def test_hello_forgets_and_a_second_one_does_not(talk):
    assert state(talk.ask(Command.WRITE, BIAS, 7)) == (5, 1, 0, 0)
    talk.say(push(talk, 0, 1))
    response, = talk.say(talk.request(Command.HELLO))
    assert state(response) == (5, 1, 1, 1) and response.payload == b""
    response, = talk.say(talk.request(Command.HELLO, session=6))
    assert state(response) == (6, 0, 0, 0)
    assert talk.ask(Command.READ, BIAS, sequence=1, session=6).payload == b"\7\0\0\0"


def test_information(talk):
    answer = talk.ask(Command.INFO)
    assert decode_info(answer.payload) == {"version": 1, "slots": 2, "clock_khz": 12000}


def test_a_repeated_request_is_answered_and_not_done_again(talk):
    for value in (3, 4):
        talk.say(push(talk, value - 3, value))
    first = talk.ask(Command.PULL, 0)
    assert pulled(first) == [3] and first.flags & ResponseFlag.ANSWER
    again = [talk.ask(Command.PULL, 0, sequence=1) for _ in range(3)]
    assert {response.payload for response in again} == {first.payload}
    assert pulled(talk.ask(Command.PULL, 0, sequence=2)) == [4]
    assert pulled(talk.ask(Command.PULL, 0, sequence=3)) == []


@pytest.mark.parametrize("sequence", [0, 2, 3, 4, 100, 255])
def test_control_requests_of_other_numbers_do_nothing(talk, sequence):
    """The last was 3: only 4 is executed, 3 is answered again, others get a plain response."""
    for k in range(3):
        talk.ask(Command.WRITE, BIAS, 10 + k)
    response = talk.ask(Command.WRITE, BIAS, 99, sequence=sequence)
    executed = sequence == 4
    assert response.control == (4 if executed else 3)
    assert bool(response.flags & ResponseFlag.ANSWER) == (sequence in (3, 4))
    assert talk.ask(Command.READ, BIAS, sequence=response.control + 1).payload[0] == (
        99 if executed else 12)


def test_a_push_is_done_once(talk):
    for _ in range(3):
        response, = talk.say(push(talk, 0, 1))
        assert state(response) == (5, 0, 1, 1)
    assert pulled(talk.ask(Command.PULL, 0)) == [1]
    assert pulled(talk.ask(Command.PULL, 0)) == []


def test_a_push_is_done_when_its_last_beat_is_taken(talk):
    """The dummy holds one result, so the second beat waits in the link."""
    assert talk.say(push(talk, 0, 1, 2)) == []
    response = talk.say(talk.request(Command.POLL))[0]
    assert state(response) == (5, 0, 0, 1)
    answers = talk.say(Request.control(5, Command.PULL, 1))
    assert pulled(answers[0]) == [1] and state(answers[-1]) == (5, 1, 1, 1)


def test_a_gap_is_told_once(talk):
    """Number 0 is missing: 1, 2 and 3 are dropped, one response says so; then 0 closes it."""
    responses = talk.say(*(push(talk, k, k) for k in (1, 2, 3)))
    assert [(state(r), r.flags) for r in responses] == [((5, 0, 0, 0), ResponseFlag.GAP)]
    response, = talk.say(push(talk, 0, 100))
    assert state(response) == (5, 0, 1, 1) and not response.flags & ResponseFlag.GAP
    response, = talk.say(push(talk, 2, 2))
    assert response.flags & ResponseFlag.GAP
    assert pulled(talk.ask(Command.PULL, 0)) == [100]


def test_an_old_number_is_answered(talk):
    for k in range(3):
        talk.say(push(talk, k, k))
        talk.ask(Command.PULL, 0)
    for old in (0, 1, 2, 2 - 127 & 0xFF):
        response, = talk.say(push(talk, old, 77))
        assert state(response)[2:] == (3, 3) and not response.flags & ResponseFlag.GAP
    assert pulled(talk.ask(Command.PULL, 0)) == []


def test_slots_fill_and_control_passes_them(talk):
    """The dummy holds one result: pushes of two beats stop there; registers work all the same."""
    responses = talk.say(*(push(talk, k, 10 * k, 10 * k + 1) for k in range(4)))
    # One is half done, one waits; the third finds no room, the fourth comes after a gap.
    assert state(responses[-1])[2:] == (0, 2) and responses[-1].flags & ResponseFlag.GAP
    assert len(responses) == 1
    assert talk.ask(Command.WRITE, BIAS, 0).next == 2
    assert talk.say(talk.request(Command.POLL))[0].done == 0
    got = []
    for _ in range(4):
        got += pulled(talk.ask(Command.PULL, 0))
    assert got == [0, 1, 10, 11]
    assert talk.say(push(talk, 2, 20))[-1].next == 3


def test_hello_drops_what_waits(talk):
    talk.say(*(push(talk, k, 10 * k, 10 * k + 1) for k in range(2)))
    talk.say(talk.request(Command.HELLO, session=6))
    fresh = Talk(talk.model, 6)
    assert pulled(fresh.ask(Command.PULL, 0)) == [0]  # it had left the link
    assert pulled(fresh.ask(Command.PULL, 0)) == []
    fresh.say(push(fresh, 0, 5))
    assert pulled(fresh.ask(Command.PULL, 0)) == [5]


def test_hello_begins_a_beat(talk):
    half = bytes([Mode.P8 << 5 | 2, 1, 2])
    talk.say(talk.request(Command.PUSH, 0, select(1) + half))
    talk.say(talk.request(Command.HELLO, session=6))
    fresh = Talk(talk.model, 6)
    fresh.say(push(fresh, 0, 5))
    assert pulled(fresh.ask(Command.PULL, 0)) == [5]


def test_the_accelerator_can_be_reset(talk):
    talk.ask(Command.WRITE, BIAS, 7)
    talk.say(push(talk, 0, 1))
    answer = talk.ask(Command.RESET)
    assert answer.flags & ResponseFlag.ANSWER and state(answer) == (5, 2, 1, 1)
    assert talk.ask(Command.READ, BIAS).payload == bytes(4)
    assert pulled(talk.ask(Command.PULL, 0)) == []


def test_a_reset_drops_weights_on_their_way(talk):
    weights = select(1) + bytes([Mode.P8 << 5 | 27]) + bytes(range(27))
    talk.say(talk.request(Command.PUSH, 0, weights))
    talk.ask(Command.WRITE, READ, 1)
    assert talk.say(talk.request(Command.POLL))[0].flags & ResponseFlag.WEIGHTS
    assert not talk.ask(Command.RESET).flags & ResponseFlag.WEIGHTS
    assert talk.ask(Command.PULL, 1).payload == b""


def test_hints(talk):
    assert not talk.say(talk.request(Command.POLL))[0].flags
    talk.say(push(talk, 0, 1))
    assert talk.say(talk.request(Command.POLL))[0].flags == ResponseFlag.RESULTS
    weights = select(1) + bytes([Mode.P8 << 5 | 9]) + bytes(range(9))
    assert talk.say(talk.request(Command.PUSH, 1, weights))[0].next == 2
    assert talk.ask(Command.READ, COUNT).payload[0] == 1
    talk.ask(Command.WRITE, READ, 1)
    assert talk.say(talk.request(Command.POLL))[0].flags == (
        ResponseFlag.RESULTS | ResponseFlag.WEIGHTS)
    assert talk.ask(Command.PULL, 1).payload == bytes(range(9))


@pytest.mark.parametrize("disturbance", [
    [Symbol.BREAK], [Symbol.GLITCH], [Symbol.BAD_STOP | 0x55, Symbol.PAUSE], [FLAG], [0x7D, FLAG],
    list(range(100)), [*range(100), Symbol.BREAK], [0] * 1000,
])
def test_a_flag_makes_good(talk, disturbance):
    """Half a frame and what disturbs it; the next whole frame is taken."""
    frame = push(talk, 0, 1).encode()
    for k, cut in enumerate((1, 3, 5, len(frame) - 2)):
        talk.say(frame[:cut], np.array(disturbance, np.uint16))
        assert talk.ask(Command.WRITE, BIAS, k).next == 0
    assert talk.say(push(talk, 0, 1))[-1].next == 1


def garbage(talk, n, seed):
    """Random bytes, a tenth of them flags, escapes, and beginnings of frames; no state changes."""
    rng = random.Random(seed)
    talk.ask(Command.WRITE, BIAS, 0xABCD)
    talk.say(push(talk, 0, 1))
    before = talk.say(talk.request(Command.POLL))[0]
    for _ in range(n // 10_000):
        data = np.frombuffer(rng.randbytes(10_000), np.uint8).copy()
        places = np.frombuffer(rng.randbytes(2000), np.uint16) % 9000
        for place in places.tolist():
            head = rng.choice([b"\x7e", b"\x7d", b"\x7e\x05\x07", b"\x7e\x05\x04\x02\x09",
                               b"\x7e\x00\x01", b"\x7e\x05\x06\x02"])
            data[place:place + len(head)] = np.frombuffer(head, np.uint8)
        talk.say(data.tobytes())
    after = talk.say(talk.request(Command.POLL))[-1]
    assert after == before
    assert talk.ask(Command.READ, BIAS, sequence=before.control + 1).payload == b"\xcd\xab\0\0"
    assert pulled(talk.ask(Command.PULL, 0, sequence=before.control + 2)) == [0xABCE]
    assert talk.model.bad_stops == 0


def test_garbage(talk):
    garbage(talk, 50_000, seed=1)


@pytest.mark.slow
def test_a_million_bytes_of_garbage(talk):
    garbage(talk, 1_000_000, seed=2)


@pytest.mark.parametrize(("options", "clock_hz", "baud"), [
    ({"weight_bits": 96, "slots": 2}, 16_125_000, 3_000_000),
    ({"weight_bits": 36, "slots": 16, "results": 16}, 12_000_000, 3_000_000),
    ({"sample_bits": 288, "weight_bits": 288, "slots": 4}, 50_000_000, 3_686_400),
    ({"sample_bits": 8, "weight_bits": 12}, 24_000_000, 6_000_000),
])
def test_streams_of_any_width(tmp_path, require_tool, options, clock_hz, baud):
    require_tool("verilator")
    sample_bits, weight_bits = options.get("sample_bits", 32), options.get("weight_bits", 72)
    rng = np.random.default_rng(1)

    def beats(n, bits):
        words = rng.integers(0, 2**32, (n, -(-bits // 32)), dtype=np.uint64).astype(np.uint32)
        words[rng.random(words.shape) < 0.3] = 0
        words[:, -1] >>= -bits % 32
        return words

    samples, weights = beats(150, sample_bits), beats(40, weight_bits)
    with open_dummy(tmp_path, clock_hz=clock_hz, baud=baud, **options) as model:
        link = SerialLink(ModelPipe(model), baud=baud, rng=random.Random(1))
        transport = SerialTransport(link, dummy_streams(sample_bits, weight_bits))
        for bias in (5, 6):  # twice, with a reset in between
            transport.write(BIAS, bias)
            got = transport.exchange({"i_samples": samples}, {"o_results": 150}, 10_000)
            sums = (samples.sum(axis=1, dtype=np.uint64) + bias).astype(np.uint32)
            np.testing.assert_array_equal(got["o_results"][:, 0], sums)
            transport.exchange({"i_weights": weights}, {}, 10_000)
            transport.write(READ, 1)
            got = transport.exchange({}, {"o_weights": 40}, 10_000)
            np.testing.assert_array_equal(got["o_weights"], weights)
            transport.reset()
        assert link.statistics.damaged == 0 and link.info["slots"] == options.get("slots", 2)


@pytest.mark.parametrize(("keys", "message"), [
    ({"slots": 3}, "slots must be a power of two, 2 to 64, not 3"),
    ({"slots": 128}, "not 128"),
    ({"results": 100}, "depth must be a power of two, at least 2, not 100"),
    ({"baud": 4_000_000}, "at most 3000000 baud, not 4000000"),
])
def test_refusals(keys, message):
    with pytest.raises(ValueError, match=message):
        Link(**{"streams": dummy_streams(), "clock_hz": 12_000_000, "baud": 1_000_000, **keys})


def test_the_longest_frame(talk):
    """251 bytes of payload, all of them flags and escapes."""
    values = [0x7E7D7E7D] * 62
    payload = literal(*values) + b"\x7e\x7d"
    assert len(payload) == MAX_PAYLOAD
    talk.say(Request(session=5, command=Command.PUSH, sequence=0, payload=payload))
    got = []
    for k in range(len(values)):
        got += pulled(talk.say(Request.control(5, Command.PULL, k + 1))[0])
    assert got == values
