"""The serial link, as data: what passes on the line between a host and an accelerator.

This text is enough to write another driver.  Numbers are little-endian; a byte is eight data bits,
no parity, one stop bit, the lowest bit first.

**Frames.**  A frame lies between two bytes ``FLAG`` (one flag can end a frame and begin the next;
empty frames are ignored).  Inside, ``FLAG`` and ``ESCAPE`` are sent as ``ESCAPE`` and the byte
exclusive-or ``ESCAPE_XOR``.  A flag right after an escape, a byte with a bad stop bit (a break is
one) and a wrong length drop the frame; the next flag begins afresh.  A frame ends with the CRC-32
of zlib over all bytes before it (unstuffed).  What is damaged is dropped without a word.

    request     session  command  sequence                    length  payload  crc32
    response    session  control  done     next       flags   length  payload  crc32

One byte each, but for the CRC's four and the payload's up to ``MAX_PAYLOAD``.  ``length`` counts
what follows it: payload and CRC, so 4 is an empty payload.

**Session.**  Zero after a reset of the board; the host gives it another number with ``HELLO``.  A
request of another session than the device's is answered by a response and does nothing else.  So a
host that sees session 0 in a response knows that the board was reset and has lost its weights;
one that sees a strange number, that somebody else has taken the link.

**Two sequences.**  *Pushes* carry beats to the streams, many under way at a time.  *Control*
requests do all the rest, one at a time; they pass pushes that wait for the accelerator.

A push is stored when its sequence number is ``next`` and a slot of the device is free; ``next``
then counts up (modulo 256).  Slots are executed in order, as fast as the streams take them;
``done`` counts those that are through and free again.  Whatever else comes is dropped: an old
number (a repetition) is answered by a response; a number that is too high, or a lack of slots, by a
response with the flag ``GAP``, but only once until the number ``next`` has come.  So the host has
at most 127 pushes under way and goes back to ``next`` when it sees ``GAP`` or after a while
without a response.  As many pushes as the device has slots are safe; more are a bet that the
accelerator takes them as fast as they come.

A control request is executed when its number is ``control`` + 1; ``control`` then counts up, and
the answer (flag ``ANSWER``) follows.  The same number again is not executed but answered with the
same bytes again.  Any other number is answered by a response without payload.  The host may send
the next control request only when it has the answer to the last.

Every response that is not an answer has no payload; each push that is done causes one.

**Commands** (the low three bits count).  ``POLL``: a response, whatever session and number.
``HELLO``: the device takes the session of the request; unless it is in that session already, it
forgets all slots, and ``done``, ``next`` and ``control`` are 0.  ``PUSH``: payload as
:mod:`taxonn_hw.bus.packing` says.  The others are control requests, whose payload is always five
bytes, ``argument`` and a 32-bit ``value``:

    INFO        -                   answer: INFO_FIELDS
    READ        register, -         answer: its value, four bytes
    WRITE       register, value     answer: empty
    PULL        stream, -           answer: the beats that are there, as many as fit
    RESET       -                   answer: empty; the accelerator (not the link) is reset

A pulled beat of ``w`` bits comes as ``ceil(w / 8)`` bytes, the lowest first; answers hold whole
beats.  ``PUSH_STREAMS`` and ``PULL_STREAMS`` number the streams.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag

__all__ = [
    "ESCAPE", "ESCAPE_XOR", "FLAG", "INFO_FIELDS", "MAX_PAYLOAD", "MAX_WINDOW", "PROTOCOL_VERSION",
    "PULL_STREAMS", "PUSH_STREAMS", "Command", "Deframer", "Request", "Response", "ResponseFlag",
    "decode_info", "encode_info", "stuff", "unstuff",
]

PROTOCOL_VERSION = 1
FLAG, ESCAPE, ESCAPE_XOR = 0x7E, 0x7D, 0x20
CRC_BYTES = 4
MAX_PAYLOAD = 255 - CRC_BYTES
MAX_WINDOW = 127
#: Streams by number: those that are pushed to, and those that are pulled from.
PUSH_STREAMS = ("i_samples", "i_weights")
PULL_STREAMS = ("o_results", "o_weights")
#: Answer to INFO: name -> bytes.
INFO_FIELDS = {"version": 1, "slots": 1, "clock_khz": 3}

_ESCAPED = re.compile(bytes([ESCAPE]) + b"(.?)", re.DOTALL)
_LONGEST = 2 * (6 + MAX_PAYLOAD + CRC_BYTES)  # stuffed bytes of a frame


class Command(IntEnum):
    """What a request asks for."""

    POLL = 0
    HELLO = 1
    INFO = 2
    READ = 3
    WRITE = 4
    PULL = 5
    RESET = 6
    PUSH = 7


class ResponseFlag(IntFlag):
    """Bits of a response's ``flags``."""

    ANSWER = 1   # the payload answers control request number `control`
    RESULTS = 2  # a beat waits on o_results
    WEIGHTS = 4  # a beat waits on o_weights
    GAP = 8      # a push was dropped: go back to `next`


_PLAIN = ResponseFlag(0)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A frame from the host."""

    session: int
    command: Command
    sequence: int = 0
    payload: bytes = b""

    def encode(self) -> bytes:
        """Return the bytes on the line, flags included."""
        if len(self.payload) > MAX_PAYLOAD:
            raise ValueError(f"a payload has at most {MAX_PAYLOAD} bytes, not {len(self.payload)}")
        head = bytes([self.session, self.command, self.sequence & 0xFF,
                      len(self.payload) + CRC_BYTES])
        return _frame(head + self.payload)

    @classmethod
    def control(cls, session: int, command: Command, sequence: int, argument: int = 0,
                value: int = 0) -> "Request":
        """Return a control request."""
        payload = bytes([argument]) + (value & 0xFFFF_FFFF).to_bytes(4, "little")
        return cls(session=session, command=command, sequence=sequence, payload=payload)

    @classmethod
    def decode(cls, body: bytes) -> "Request | None":
        """Return the request in ``body``, an unstuffed frame; None when it is damaged."""
        if (payload := _payload(body, 3)) is None:
            return None
        return cls(session=body[0], command=Command(body[1] & 7), sequence=body[2],
                   payload=payload)


@dataclass(frozen=True, kw_only=True)
class Response:
    """A frame from the device; ``done`` and ``next`` count pushes, modulo 256."""

    session: int
    control: int
    done: int
    next: int
    flags: ResponseFlag = _PLAIN
    payload: bytes = b""

    def encode(self) -> bytes:
        """Return the bytes on the line, flags included."""
        head = bytes([self.session, self.control, self.done, self.next, self.flags,
                      len(self.payload) + CRC_BYTES])
        return _frame(head + self.payload)

    @classmethod
    def decode(cls, body: bytes) -> "Response | None":
        """Return the response in ``body``, an unstuffed frame; None when it is damaged."""
        if (payload := _payload(body, 5)) is None:
            return None
        session, control, done, following, flags = body[:5]
        return cls(session=session, control=control, done=done, next=following,
                   flags=ResponseFlag(flags), payload=payload)


class Deframer:
    """Cuts the bytes of a line into unstuffed frames; what comes before the first flag is dropped.

    Members
    -------
    n_bytes, n_frames : int
        Bytes seen, and frames that were not empty, damaged ones included.
    """

    def __init__(self) -> None:
        self.n_bytes = self.n_frames = 0
        self._stuffed: bytearray | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the frames that ``data`` completes."""
        self.n_bytes += len(data)
        *ends, rest = data.split(bytes([FLAG]))
        for part in ends:
            self._append(part)
            if self._stuffed:
                self.n_frames += 1
                if (body := unstuff(bytes(self._stuffed))) is not None:
                    yield body
            self._stuffed = bytearray()
        self._append(rest)

    def _append(self, part: bytes) -> None:
        if self._stuffed is not None:
            self._stuffed += part
            if len(self._stuffed) > _LONGEST:
                self._stuffed = None


def stuff(body: bytes) -> bytes:
    """Return ``body`` with its flags and escapes replaced."""
    for byte in (ESCAPE, FLAG):
        body = body.replace(bytes([byte]), bytes([ESCAPE, byte ^ ESCAPE_XOR]))
    return body


def unstuff(stuffed: bytes) -> bytes | None:
    """Undo :func:`stuff`; None when the last byte is an escape."""
    aborted = False

    def restore(match):
        nonlocal aborted
        aborted |= not match[1]
        return bytes(byte ^ ESCAPE_XOR for byte in match[1])

    body = _ESCAPED.sub(restore, stuffed)
    return None if aborted else body


def encode_info(*, slots: int, clock_hz: int) -> bytes:
    """Return the answer to INFO."""
    values = {"version": PROTOCOL_VERSION, "slots": slots, "clock_khz": round(clock_hz / 1000)}
    return b"".join(values[name].to_bytes(size, "little") for name, size in INFO_FIELDS.items())


def decode_info(payload: bytes) -> dict[str, int]:
    """Return the fields of an answer to INFO; raise ValueError when it has another length."""
    if len(payload) != sum(INFO_FIELDS.values()):
        raise ValueError(f"an answer to INFO has {sum(INFO_FIELDS.values())} bytes, "
                         f"not {len(payload)}")
    fields, start = {}, 0
    for name, size in INFO_FIELDS.items():
        fields[name] = int.from_bytes(payload[start:start + size], "little")
        start += size
    return fields


def _frame(body: bytes) -> bytes:
    flag = bytes([FLAG])
    return flag + stuff(body + zlib.crc32(body).to_bytes(CRC_BYTES, "little")) + flag


def _payload(body: bytes, length_at: int) -> bytes | None:
    """Return the payload of an unstuffed frame whose length and CRC are right."""
    start = length_at + 1
    if len(body) < start + CRC_BYTES or len(body) - start != body[length_at]:
        return None
    payload, crc = body[start:-CRC_BYTES], body[-CRC_BYTES:]
    return payload if zlib.crc32(body[:-CRC_BYTES]) == int.from_bytes(crc, "little") else None
