"""Frames: encoding, stuffing, and what a damaged line makes of them."""

import random
import re
import zlib

import pytest

from taxonn_hw.bus import protocol
from taxonn_hw.bus.protocol import (
    ESCAPE,
    FLAG,
    MAX_PAYLOAD,
    Command,
    Deframer,
    Request,
    Response,
    ResponseFlag,
    decode_info,
    encode_info,
    stuff,
    unstuff,
)


def bodies(data: bytes, cut: int | None = None) -> list[bytes]:
    """Return the frames in ``data``, fed whole or in pieces of ``cut`` bytes."""
    deframer = Deframer()
    step = cut or len(data) or 1
    return [body for start in range(0, len(data), step)
            for body in deframer.feed(data[start:start + step])]


def test_a_request_byte_by_byte():
    """The layout that the docstring of the module promises, by hand."""
    request = Request(session=0x22, command=Command.PUSH, sequence=0x102, payload=b"\x01\x7e\x7d")
    body = bytes([0x22, 7, 0x02, 7, 0x01, 0x7E, 0x7D])
    crc = zlib.crc32(body).to_bytes(4, "little")
    assert not set(crc) & {FLAG, ESCAPE}
    line = bytes([0x7E, 0x22, 7, 0x02, 7, 0x01, 0x7D, 0x5E, 0x7D, 0x5D]) + crc + b"\x7e"
    assert request.encode() == line
    assert Request.decode(body + crc) == Request(session=0x22, command=Command.PUSH, sequence=2,
                                                 payload=b"\x01\x7e\x7d")


def test_a_response_byte_by_byte():
    response = Response(session=1, control=2, done=3, next=4, payload=b"\x05\x06",
                        flags=ResponseFlag.ANSWER | ResponseFlag.GAP)
    body = bytes([1, 2, 3, 4, 9, 6, 5, 6])
    assert response.encode() == b"\x7e" + body + zlib.crc32(body).to_bytes(4, "little") + b"\x7e"
    assert Response.decode(body + zlib.crc32(body).to_bytes(4, "little")) == response


def test_a_control_request_has_five_bytes():
    request = Request.control(9, Command.WRITE, 4, 0x10, 0x1_2345_6789)
    assert request.payload == bytes([0x10, 0x89, 0x67, 0x45, 0x23])


@pytest.mark.parametrize("cut", [None, 1, 2, 3, 7])
def test_frames_survive_any_cut(cut):
    rng = random.Random(1)
    requests = [Request(session=rng.randrange(256), command=Command(rng.randrange(8)),
                        sequence=rng.randrange(256),
                        payload=bytes(rng.choices([0, FLAG, ESCAPE, 0x5E, 0x5D, 255],
                                                  k=rng.choice([0, 1, 5, MAX_PAYLOAD]))))
                for _ in range(50)]
    line = b"\x01\x02" + b"".join(request.encode() for request in requests)
    assert [Request.decode(body) for body in bodies(line, cut)] == requests


def test_neighbours_may_share_a_flag():
    line = Request(session=1, command=Command.POLL).encode()
    assert len(bodies(line + line[1:])) == 2


def test_what_precedes_the_first_flag_is_dropped():
    line = Request(session=1, command=Command.POLL).encode()
    assert bodies(line[1:]) == []


def test_a_flag_after_an_escape_aborts():
    line = Request(session=1, command=Command.POLL).encode()
    assert bodies(line[:-1] + bytes([ESCAPE]) + line[-1:]) == []
    assert len(bodies(line[:-1] + bytes([ESCAPE]) + line)) == 1


def test_a_line_without_flags_is_not_kept():
    deframer = Deframer()
    assert list(deframer.feed(b"\x7e" + bytes(100_000))) == []
    assert len(list(deframer.feed(b"\x7eab\x7e"))) == 1


@pytest.mark.parametrize("body", [b"", b"\x7d", b"\x7e", b"\x7d\x7e\x5e\x5d", bytes(range(256))])
def test_stuffing(body):
    stuffed = stuff(body)
    assert FLAG not in stuffed and unstuff(stuffed) == body
    assert unstuff(stuffed + bytes([ESCAPE])) is None


def test_every_damaged_byte_is_noticed():
    request = Request(session=3, command=Command.PUSH, sequence=9, payload=b"payload")
    body, = bodies(request.encode())
    for k in range(len(body)):
        for damaged in (body[:k] + bytes([body[k] ^ 1]) + body[k + 1:], body[:k] + body[k + 1:],
                        body[:k + 1] + body[k:]):
            assert Request.decode(damaged) is None, (k, damaged)
    assert Request.decode(b"") is None and Response.decode(b"\x00" * 9) is None


def test_a_right_crc_does_not_excuse_a_wrong_length():
    body = bytes([1, 7, 0, 5])
    assert Request.decode(body + zlib.crc32(body).to_bytes(4, "little")) is None


def test_info():
    payload = encode_info(slots=2, clock_hz=16_125_000)
    assert payload == bytes([1, 2, 0xFD, 0x3E, 0])
    assert decode_info(payload) == {"version": 1, "slots": 2, "clock_khz": 16125}
    with pytest.raises(ValueError, match="an answer to INFO has 5 bytes, not 4"):
        decode_info(payload[:4])


def test_a_payload_that_is_too_long():
    with pytest.raises(ValueError, match="at most 251 bytes, not 252"):
        Request(session=1, command=Command.PUSH, payload=bytes(252)).encode()


def test_every_command_is_documented():
    for command in Command:
        assert re.search(rf"\b{command.name}\b", protocol.__doc__), command
