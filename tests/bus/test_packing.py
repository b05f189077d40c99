"""Packing of beats: nothing is lost, frames are full, and few bytes are needed."""

import numpy as np
import pytest

from taxonn_hw.bus.packing import Mode, StreamUnits, pack, select, to_units, unpack
from taxonn_hw.bus.protocol import MAX_PAYLOAD
from taxonn_hw.config import config_from_dict
from taxonn_hw.plan import Network
from taxonn_hw.plan.streams import pack_bits

BITS = (1, 3, 4, 7, 8, 9, 12, 16, 17, 24, 32)


def unpacked(payloads, bits):
    return [unit for payload in payloads for _, unit in unpack(payload, [bits], 0)]


def cases(bits, rng):
    """Units of every kind: nothing, noise, much zero, small values, single large ones."""
    top = 1 << bits
    yield np.zeros(0, np.uint32)
    yield np.full(3, top - 1, np.uint32)
    for n in (1, 7, 255, 256, 257, 3000):
        noise = rng.integers(0, top, n, dtype=np.uint64).astype(np.uint32)
        yield noise
        yield np.where(rng.random(n) < 0.9, 0, noise).astype(np.uint32)
        yield rng.integers(0, 2, n).astype(np.uint32)
        yield np.where(np.arange(n) % 97 == 5, noise, rng.integers(0, min(4, top), n)).astype(
            np.uint32)


@pytest.mark.parametrize("bits", BITS)
def test_nothing_is_lost(bits):
    for units in cases(bits, np.random.default_rng(bits)):
        payloads = list(pack(units, bits))
        assert unpacked(payloads, bits) == units.tolist()
        assert all(0 < len(payload) <= MAX_PAYLOAD for payload in payloads)


def test_tokens_by_hand():
    """One of each mode, as the docstring of the module says."""
    units = [0] * 33 + [1, 0, 0, 0, 0, 1, 1, 1] + [3, 0, 1, 2] + [15, 1] + [200]
    payload = bytes([0 << 5 | 31, 0 << 5 | 0, 1 << 5 | 1, 0b11100001, 2 << 5 | 1, 0b10010011,
                     3 << 5 | 1, 0x1F, 4 << 5 | 31, 200])
    assert unpacked([payload], 8) == units


def test_wide_units_and_selection():
    payload = bytes([7 << 5 | 1, 5 << 5 | 4, 0x34, 0xF2, 0xFF, 0x0F, 0 << 5, 7 << 5, 4 << 5 | 1, 9])
    assert list(unpack(payload, [8, 12], 0)) == [
        (1, None), (1, 0x234), (1, 0xFFF), (1, 0), (0, None), (0, 9)]
    assert select(1) == payload[:1]


@pytest.mark.parametrize(("bits", "value_bits"), [(8, 1), (8, 2), (8, 4), (8, 8), (12, 16)])
def test_dense_units_take_their_bits(bits, value_bits):
    """1024 units of small values, or of all: one byte in 30 more than their bits, at most."""
    top = min(1 << value_bits, 1 << bits)
    units = np.random.default_rng(1).integers(0, top, 1024).astype(np.uint32)
    assert sum(map(len, pack(units, bits))) <= 128 * value_bits * 31 / 30 + 2


def test_one_hot_targets_after_binary_pixels():
    """8 x 8 binary pixels and ten targets: 8 bytes of pixels, 6 or so for the targets."""
    rng = np.random.default_rng(1)
    sample = np.concatenate([rng.integers(0, 2, 64), np.eye(10)[3] * 128, [0, 0]])
    units = np.tile(sample, 100).astype(np.uint32)
    assert sum(map(len, pack(units, 8))) <= 100 * 17


def test_zeros_cost_a_byte_for_32():
    payloads = list(pack(np.zeros(10_000, np.uint32), 8))
    assert sum(map(len, payloads)) == 313 and len(payloads[0]) == MAX_PAYLOAD


def test_the_first_bytes_come_first():
    payloads = list(pack(np.arange(500, dtype=np.uint32) % 100 + 128, 8, select(1)))
    assert payloads[0][:1] == select(1) and len(payloads) == 3
    assert payloads[0][1] == Mode.P8 << 5 | 31 and len(payloads[1]) == MAX_PAYLOAD


@pytest.mark.parametrize(("elements", "bits"), [(4, 8), (1, 5), (3, 12), (8, 12), (32, 9)])
def test_units_of_beats(elements, bits):
    rng = np.random.default_rng(1)
    values = rng.integers(0, 1 << bits, (9, elements))
    beats = pack_bits(values, bits)
    units = StreamUnits.of("i_samples", bits * elements, bits)
    assert (units.bits, units.per_beat) == (bits, elements)
    np.testing.assert_array_equal(to_units(beats, units), values.reshape(-1))


def test_weights_travel_as_bytes_where_they_can():
    assert StreamUnits.of("i_weights", 96, 12) == StreamUnits(bits=8, per_beat=12)
    assert StreamUnits.of("i_weights", 36, 12) == StreamUnits(bits=12, per_beat=3)
    with pytest.raises(ValueError, match="a beat of 33 bits is not whole elements of 12"):
        StreamUnits.of("i_weights", 33, 12)
    values = np.random.default_rng(1).integers(0, 1 << 12, (5, 8))
    beats = pack_bits(values, 12)
    units = to_units(beats, StreamUnits.of("i_weights", 96, 12))
    assert units.astype(np.uint8).tobytes() == beats.tobytes()


def test_units_of_a_real_network_fit_its_elements():
    network = Network(config_from_dict({"layers": [6, 5, 3], "lanes": 4, "bits": 12}))
    assert StreamUnits.of("i_weights", network.word * 4, network.word).bits == 8
