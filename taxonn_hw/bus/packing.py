"""How beats are packed into the payload of a push, so that the line carries few bytes.

A stream is filled *unit* by unit, the lowest bits of a beat first: an element on the sample stream;
on the weight stream a byte, or a word where a beat is not whole bytes (:class:`StreamUnits`).
A payload is a list of tokens.  A token is a byte ``mode << 5 | count``, with data in most modes:

    ZERO     `count` + 1 units that are zero; no data
    P1 P2    `count` bytes of data, each 8, 4, 2 or 1 units of 1, 2, 4 or 8 bits,
    P4 P8    the first in the lowest bits; units are filled up with zeros
    WIDE     `count` bytes of data; a unit is as many bytes as it needs, the lowest first
    SELECT   what follows goes to push stream `count`, and begins a new beat

With data, ``count`` is 1 to 30, or ``REST``: the data goes on to the end of the payload.  A payload
begins with a token; a beat may begin in one payload and end in another.  HELLO selects stream 0
and begins a new beat.

:func:`pack` finds the tokens: the cheapest way through all modes, by dynamic programming over rows
of units, all rows at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from .protocol import MAX_PAYLOAD

__all__ = ["COUNT_BITS", "MAX_ZEROS", "REST", "Mode", "StreamUnits", "pack", "select", "to_units",
           "unpack"]

COUNT_BITS = 5
REST = (1 << COUNT_BITS) - 1
MAX_ZEROS = 1 << COUNT_BITS
_ROW = 256  # units whose tokens are found together
_BLOCK = 512 * _ROW  # units whose tokens are found before the first payload goes out
_TOKEN_COST, _ZERO_COST = 1.0, 1 / MAX_ZEROS  # bytes


class Mode(IntEnum):
    """What a token says about the units that follow."""

    ZERO = 0
    P1 = 1
    P2 = 2
    P4 = 3
    P8 = 4
    WIDE = 5
    SELECT = 7


#: Bits of a unit on the line, for the modes that pack units into bytes.
BITS = {Mode.P1: 1, Mode.P2: 2, Mode.P4: 4, Mode.P8: 8}


@dataclass(frozen=True, kw_only=True)
class StreamUnits:
    """How a stream of beats is filled.

    Members
    -------
    bits : int
        Of a unit, 1 to 32.
    per_beat : int
        Units of a beat.
    """

    bits: int
    per_beat: int

    @classmethod
    def of(cls, name: str, width: int, element_bits: int) -> "StreamUnits":
        """Return the units of push stream ``name`` with beats of ``width`` bits."""
        if width % element_bits:
            raise ValueError(f"{name}: a beat of {width} bits is not whole elements of "
                             f"{element_bits} bits")
        whole_bytes = name == "i_weights" and width % 8 == 0
        bits = 8 if whole_bytes else element_bits
        return cls(bits=bits, per_beat=width // bits)

    @property
    def n_bytes(self) -> int:
        """Bytes of a unit in mode WIDE."""
        return -(-self.bits // 8)


def to_units(beats: np.ndarray, units: StreamUnits) -> np.ndarray:
    """Return the units of ``beats``, uint32 [n, words], in order: uint32 [n * per_beat]."""
    raw = np.ascontiguousarray(beats, dtype="<u4").view(np.uint8)
    if units.bits == 8:
        return raw[:, :units.per_beat].astype(np.uint32).reshape(-1)
    bits = np.unpackbits(raw, axis=1, bitorder="little")[:, :units.bits * units.per_beat]
    weights = np.uint32(1) << np.arange(units.bits, dtype=np.uint32)
    grouped = bits.reshape(-1, units.bits).astype(np.uint32)
    return (grouped * weights).sum(axis=1, dtype=np.uint32)


def select(stream: int) -> bytes:
    """Return the token that selects push stream ``stream``."""
    return bytes([Mode.SELECT << COUNT_BITS | stream])


def pack(units: np.ndarray, bits: int, first: bytes = b"") -> Iterator[bytes]:
    """Yield payloads that carry ``units``, uint32 [n] of ``bits`` bits each, after ``first``."""
    payload = bytearray(first)
    for mode, part in _segments(units, bits):
        if mode is Mode.ZERO:
            for start in range(0, len(part), MAX_ZEROS):
                if len(payload) == MAX_PAYLOAD:
                    yield bytes(payload)
                    payload.clear()
                payload.append(min(MAX_ZEROS, len(part) - start) - 1)
            continue
        data, step = _to_bytes(mode, part, bits)
        while data:
            room = (MAX_PAYLOAD - len(payload) - 1) // step * step
            if room <= 0:
                yield bytes(payload)
                payload.clear()
                continue
            fills = len(data) >= room  # then REST is short for all that fits
            take = room if fills else min(len(data), (REST - 1) // step * step)
            payload.append(mode << COUNT_BITS | (REST if fills else take))
            payload += data[:take]
            data = data[take:]
            if fills:
                yield bytes(payload)
                payload.clear()
    if payload:
        yield bytes(payload)


def unpack(payload: bytes, bits: Iterable[int], stream: int) -> Iterator[tuple[int, int | None]]:
    """Yield the units in ``payload`` as (stream, unit); (stream, None) for a SELECT.

    ``bits`` are those of a unit of each push stream, ``stream`` the one selected so far.
    """
    bits = list(bits)
    position = 0
    while position < len(payload):
        mode, count = payload[position] >> COUNT_BITS, payload[position] & REST
        position += 1
        if mode == Mode.SELECT:
            stream = count % len(bits)
            yield stream, None
        elif mode == Mode.ZERO:
            yield from [(stream, 0)] * (count + 1)
        else:
            data = payload[position:] if count == REST else payload[position:position + count]
            position += len(data)
            if mode == Mode.WIDE:
                size = -(-bits[stream] // 8)
                values = [int.from_bytes(data[k:k + size], "little")
                          for k in range(0, len(data) - size + 1, size)]
            else:
                width = BITS[Mode(mode)]
                values = [byte >> at & (1 << width) - 1 for byte in data
                          for at in range(0, 8, width)]
            yield from ((stream, value & (1 << bits[stream]) - 1) for value in values)


def _to_bytes(mode: Mode, part: np.ndarray, bits: int) -> tuple[bytes, int]:
    """Return the data of ``part`` in ``mode``, and the bytes that must stay together."""
    if mode is Mode.WIDE:
        size = -(-bits // 8)
        return part.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :size].tobytes(), size
    width = BITS[mode]
    grouped = part.reshape(-1, 8 // width)
    shifts = np.arange(0, 8, width, dtype=np.uint32)
    return (grouped << shifts).sum(axis=1).astype(np.uint8).tobytes(), 1


def _segments(units: np.ndarray, bits: int) -> Iterator[tuple[Mode, np.ndarray]]:
    """Cut ``units`` into pieces of one mode each."""
    for first in range(0, len(units), _BLOCK):
        block = units[first:first + _BLOCK]
        modes = _cheapest_modes(block, bits)
        edges = np.flatnonzero(np.diff(modes)) + 1
        starts, ends = [0, *edges.tolist()], [*edges.tolist(), len(block)]
        for start, end in zip(starts, ends, strict=True):
            yield Mode(int(modes[start])), block[start:end]


def _cheapest_modes(units: np.ndarray, bits: int) -> np.ndarray:
    """Return the mode of every unit, uint8 [n], that makes the fewest bytes (very nearly)."""
    row = min(_ROW, len(units))
    full = len(units) // row * row
    pieces = [_rows(units[:full].reshape(-1, row), bits).reshape(-1)]
    if full < len(units):
        pieces.append(_rows(units[full:][None], bits)[0])
    return np.concatenate(pieces)


def _rows(rows: np.ndarray, bits: int) -> np.ndarray:
    """Return the modes of ``rows`` [n, size], each row on its own.

    ``best[i][m]`` is the cost of the first ``i`` units when mode ``m`` ends there; a step of mode
    ``m`` takes the units of one byte.
    """
    n, size = rows.shape
    columns = np.ascontiguousarray(rows.T)
    steps = _steps(bits)
    infinite = np.full(n, np.inf, np.float32)
    best = np.full((size + 1, len(steps), n), np.inf, np.float32)
    least = np.zeros((size + 1, n), np.float32)
    for i in range(1, size + 1):
        for k, (_, length, below, cost) in enumerate(steps):
            if length <= i:
                fits = columns[i - 1] < below
                for j in range(i - length, i - 1):
                    fits &= columns[j] < below
                before = np.minimum(best[i - length, k], least[i - length] + _TOKEN_COST)
                best[i, k] = np.where(fits, before + np.float32(cost), infinite)
        least[i] = best[i].min(axis=0)
    modes = np.zeros((n, size), np.uint8)
    numbers = np.array([mode for mode, *_ in steps], np.uint8)
    lengths = np.array([length for _, length, _, _ in steps])
    everyone = np.arange(n)
    at, now = np.full(n, size), best[size].argmin(axis=0)
    while (left := everyone[at > 0]).size:
        mode, end = now[left], at[left]
        begin = end - lengths[mode]
        for offset in range(lengths.max()):
            inside = begin + offset < end
            modes[left[inside], begin[inside] + offset] = numbers[mode[inside]]
        stays = best[begin, mode, left] <= least[begin, left] + _TOKEN_COST
        now[left] = np.where(stays, mode, best[begin, :, left].argmin(axis=1))
        at[left] = begin
    return modes


def _steps(bits: int) -> list[tuple[Mode, int, int, float]]:
    """Return (mode, units of a step, bound of their values, bytes) of the modes of a unit."""
    steps = [(Mode.ZERO, 1, 1, _ZERO_COST)]
    steps += [(mode, 8 // width, 1 << width, 1.0 + 1 / REST) for mode, width in BITS.items()]
    if bits > 8:
        steps.append((Mode.WIDE, 1, 1 << bits, -(-bits // 8) * (1 + 1 / REST)))
    return steps
