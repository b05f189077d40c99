"""Beats and registers over the link: nothing waits for something else that waits for it."""

import random

import numpy as np
import pytest

from taxonn_hw.bus.packing import StreamUnits
from taxonn_hw.bus.protocol import PULL_STREAMS, PUSH_STREAMS
from taxonn_hw.host.serial_link import SerialLink
from taxonn_hw.host.serial_transport import SerialTransport

from .link_device import Device, Line

STREAMS = {"i_samples": {"width": 32, "element_bits": 8},
           "i_weights": {"width": 36, "element_bits": 12},
           "o_results": {"width": 9, "element_bits": 9},
           "o_weights": {"width": 36, "element_bits": 12}}
UNITS = [StreamUnits.of(name, STREAMS[name]["width"], STREAMS[name]["element_bits"])
         for name in PUSH_STREAMS]
SIZES = [-(-STREAMS[name]["width"] // 8) for name in PULL_STREAMS]


def connect(*, line=None, stall_s=1.0, **device):
    """Return (transport, device, line)."""
    device = Device(UNITS, sizes=SIZES, **device)
    line = Line(device, **(line or {}))
    link = SerialLink(line, baud=line.baud, rng=random.Random(1))
    return SerialTransport(link, STREAMS, stall_s=stall_s), device, line


def beats(rng, n, bits):
    words = rng.integers(0, 1 << 32, (n, -(-bits // 32)), dtype=np.uint64).astype(np.uint32)
    words[:, -1] &= (1 << (bits % 32 or 32)) - 1
    return words


def values(words):
    return [sum(int(word) << 32 * k for k, word in enumerate(beat)) for beat in words]


def test_registers():
    transport, device, _ = connect()
    transport.write(3, 0x1_0000_0007)
    assert device.writes == [(3, 7)] and transport.read(3) == 7
    transport.reset()
    assert device.resets == 1


@pytest.mark.parametrize("name", PUSH_STREAMS)
def test_pushes(name):
    transport, device, _ = connect()
    rng = np.random.default_rng(1)
    sent = beats(rng, 500, STREAMS[name]["width"])
    assert transport.exchange({name: sent}, {}, 1000) == {}
    assert device.taken[PUSH_STREAMS.index(name)] == values(sent)


def test_both_streams_in_turn():
    transport, device, _ = connect()
    rng = np.random.default_rng(1)
    for turn in range(3):
        samples, weights = beats(rng, 5, 32), beats(rng, 7, 36)
        transport.exchange({"i_samples": samples, "i_weights": weights}, {}, 1000)
        assert device.taken[0][-5:] == values(samples), turn
        assert device.taken[1][-7:] == values(weights)


@pytest.mark.parametrize("name", PULL_STREAMS)
def test_pulls(name):
    transport, device, _ = connect()
    width = STREAMS[name]["width"]
    rng = np.random.default_rng(1)
    there = beats(rng, 600, width)
    device.given[name].extend(values(there))
    first = transport.exchange({}, {name: 400}, 1000)[name]
    assert first.dtype == np.uint32 and first.shape == (400, -(-width // 32))
    np.testing.assert_array_equal(first, there[:400])
    # What came too early is kept.
    np.testing.assert_array_equal(transport.exchange({}, {name: 200}, 1000)[name], there[400:])


def test_nothing_at_all():
    transport, _, line = connect()
    before = line.now()
    assert transport.exchange({}, {"o_results": 0}, 10)["o_results"].shape == (0, 1)
    assert line.now() == before


@pytest.mark.parametrize("slots", [2, 8])
def test_a_device_that_wants_its_results_taken_first(slots):
    """Four beats give a result; it takes nothing while eight results wait."""
    results = []

    def accepts(stream, beat):
        if len(device.given["o_results"]) >= 8:
            return False
        results.append(beat & 0x1FF)
        if len(results) % 4 == 0:
            device.given["o_results"].append(results[-1])
        return True

    transport, device, line = connect(slots=slots, accepts=accepts,
                                      line={"latency_s": 0.001})
    sent = beats(np.random.default_rng(1), 4000, 32)
    got = transport.exchange({"i_samples": sent}, {"o_results": 1000}, 1000)["o_results"]
    assert got[:, 0].tolist() == [value & 0x1FF for value in values(sent)[3::4]]
    # 16 kB at 1 Mbaud is 0.16 s; eight results for each round trip of 1.3 ms are 0.16 s too.
    assert line.now() < 0.5


def test_results_that_take_their_time():
    """The last results come long after the last beat: the pauses between pulls grow, to 50 ms."""
    due = {"at": 3.0}

    def tick(now):
        if now >= due["at"] and not device.given["o_results"] and due["at"] < 5:
            device.given["o_results"].append(7)
            due["at"] += 0.5

    transport, device, line = connect(line={"tick": tick}, stall_s=10.0)
    got = transport.exchange({}, {"o_results": 3}, 1000)["o_results"]
    assert got[:, 0].tolist() == [7, 7, 7]
    assert line.now() < 4.1
    assert transport.link.statistics.sent_bytes < 5000


def test_wait():
    transport, device, _ = connect()
    reads = iter([1, 1, 1, 0x10])
    device.registers[5] = 1
    original = device._answer_to

    def answer(r):
        if r.command == 3:
            device.registers[5] = next(reads)
        return original(r)

    device._answer_to = answer
    transport.wait(5, 0x11, 0x10, 1000)
    assert next(reads, None) is None


def test_a_hang_says_what_was_awaited():
    transport, device, line = connect(accepts=lambda stream, beat: len(device.taken[0]) < 500)
    device.given["o_results"].extend([1, 2, 3])
    before = line.now()
    with pytest.raises(TimeoutError) as error:
        transport.exchange({"i_samples": beats(np.random.default_rng(1), 1000, 32)},
                           {"o_results": 5}, 1000)
    assert str(error.value) == ("no progress for 1.0 s: 8 of 17 packets were taken, "
                                "o_results gave 3 of 5 beats")
    assert line.now() - before < 1.5
    assert transport.read(3) == 0  # the link itself is alive


def test_the_budget_stretches_the_patience():
    """A device of 12 MHz may take 36 million clocks."""
    transport, _, line = connect()
    before = line.now()
    with pytest.raises(TimeoutError, match=r"no progress for 3\.0 s: o_weights gave 0 of 1 beats"):
        transport.exchange({}, {"o_weights": 1}, 36_000_000)
    assert 3 <= line.now() - before < 3.2


def test_a_wait_in_vain():
    transport, _, _ = connect()
    with pytest.raises(TimeoutError, match=r"register 0x5 & 0x3 is 0x0, awaited 0x1 for 1\.0 s"):
        transport.wait(5, 3, 1, 1000)


def test_a_reset_ends_a_hang():
    """What was not taken is dropped, here and in the device."""
    transport, device, _ = connect(accepts=lambda stream, beat: False)
    with pytest.raises(TimeoutError):
        transport.exchange({"i_samples": beats(np.random.default_rng(1), 1000, 32)}, {}, 1000)
    transport.reset()
    assert device.resets == 1
    device.accepts = lambda stream, beat: True
    transport.exchange({"i_samples": np.array([[7], [8]], np.uint32)}, {}, 1000)
    assert device.taken[0] == [7, 8]


def test_a_reset_drops_what_was_kept():
    transport, device, _ = connect()
    device.given["o_results"].extend([1, 2])
    transport.exchange({}, {"o_results": 1}, 1000)
    transport.reset()
    device.given["o_results"].append(3)
    assert transport.exchange({}, {"o_results": 1}, 1000)["o_results"].tolist() == [[3]]
