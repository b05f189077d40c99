"""The host's end of the link against a device written from the rules, on lines good and bad."""

import random

import pytest

from taxonn_hw.bus.packing import Mode, StreamUnits
from taxonn_hw.bus.protocol import Command, Request, Response
from taxonn_hw.host.serial_link import BoardReset, LinkError, LinkLost, SerialLink
from taxonn_hw.host.serial_pipe import PipeClosed

from .link_device import Device, Line

UNITS = [StreamUnits(bits=8, per_beat=1), StreamUnits(bits=8, per_beat=2)]


def connect(*, device=None, line=None, **keys):
    """Return (link, line, device)."""
    device = device or Device(UNITS)
    line = Line(device, **(line or {}))
    return SerialLink(line, baud=line.baud, rng=random.Random(1), **keys), line, device


def literal(data):
    return bytes([Mode.P8 << 5 | 31]) + bytes(data)


def push_all(link, payloads):
    for payload in payloads:
        link.push(payload)
    while link.pushes.unfinished:
        link.serve(1.0)


class Noise:
    """Damages a share of the chunks in one or both directions."""

    def __init__(self, seed, share, directions=("in", "out")):
        self.rng, self.share, self.directions = random.Random(seed), share, directions
        self.hits = 0

    def __call__(self, data, direction):
        rng = self.rng
        if not data or direction not in self.directions or rng.random() >= self.share:
            return data
        self.hits += 1
        at = rng.randrange(len(data))
        kind = rng.randrange(6)
        if kind == 0:
            return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]
        if kind == 1:
            return data[:at] + data[at + rng.randrange(1, 5):]
        if kind == 2:
            return data[:at] + rng.randbytes(rng.randrange(1, 40)) + data[at:]
        if kind == 3:
            return data[:at] + data[max(at - 30, 0):]  # some bytes twice
        if kind == 4:
            return b""
        return data + data


def test_opening():
    link, _, device = connect()
    assert link.info == {"version": 1, "slots": 2, "clock_khz": 12000}
    assert device.session and link.pushes.slots == 2


def test_every_host_takes_a_session_of_its_own():
    device, sessions = Device(UNITS), set()
    for seed in range(40):
        before = device.session
        SerialLink(Line(device), baud=1_000_000, rng=random.Random(seed % 2))
        assert device.session not in (0, before)
        sessions.add(device.session)
    assert len(sessions) > 2


def test_a_session_that_is_taken_by_chance_is_not_used():
    """The first look at the device is an old response: its session is not the present one."""
    class Stale(Line):
        def read(self, timeout_s):
            if not self.told:
                self.told = True
                return Response(session=77, control=0, done=0, next=0).encode()
            return super().read(timeout_s)

    class First:
        """Chooses the device's own session, then another."""

        sessions = iter([9, 10])

        def choice(self, _):
            return next(self.sessions)

    device = Device(UNITS)
    device.session, device.control = 9, 3
    line = Stale(device)
    line.told = False
    link = SerialLink(line, baud=1_000_000, rng=First())
    assert device.session == 10 and link.info["slots"] == 2


def test_registers_and_pulls():
    link, _, device = connect()
    assert link.control(Command.WRITE, 5, 0x89ABCDEF) == b""
    assert link.control(Command.READ, 5) == bytes.fromhex("efcdab89")
    device.given["o_weights"].extend([0x1234, 0x5678])
    assert link.control(Command.PULL, 1) == bytes.fromhex("34127856")
    link.control(Command.RESET)
    assert (device.writes, device.resets) == ([(5, 0x89ABCDEF)], 1)


def test_one_control_request_at_a_time():
    link, _, _ = connect()
    link.begin(Command.READ, 1)
    with pytest.raises(ValueError, match="under way"):
        link.begin(Command.READ, 1)


@pytest.mark.parametrize("slots", [2, 8])
def test_pushes_arrive_once_and_in_order(slots):
    link, _, device = connect(device=Device(UNITS, slots=slots))
    data = random.Random(1).randbytes(100_000)
    push_all(link, [literal(data[at:at + 250]) for at in range(0, len(data), 250)])
    assert bytes(device.taken[0]) == data
    assert link.pushes.done == 400 and link.statistics.repeated == 0
    assert link.statistics.payload_bytes == 100_400


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(8))
def test_noise(seed, share):
    """Whatever the line does: every push and every write once, in order; every answer right."""
    noise = Noise(seed, share)
    link, _, device = connect(line={"damage": noise}, timeout_s=20.0)
    rng = random.Random(seed)
    data, written, read = rng.randbytes(3000), [], []
    for k in range(0, len(data), 40):
        link.push(literal(data[k:k + 40]))
        if rng.random() < 0.4:
            written.append((rng.randrange(16), rng.getrandbits(32)))
            link.control(Command.WRITE, *written[-1])
            value = int.from_bytes(link.control(Command.READ, written[-1][0]), "little")
            assert value == written[-1][1]
        if rng.random() < 0.3:
            beat = rng.getrandbits(16)
            device.given["o_weights"].append(beat)
            read.append((beat, link.control(Command.PULL, 1)))
    while link.pushes.unfinished:
        link.serve(1.0)
    assert bytes(device.taken[0]) == data
    assert device.writes == written
    assert all(answer == beat.to_bytes(2, "little") for beat, answer in read)
    assert noise.hits > 2


@pytest.mark.parametrize("latency_s", [0.0, 0.001, 0.016])
@pytest.mark.parametrize("slots", [2, 16])
def test_the_line_is_kept_full(latency_s, slots):
    """A device that keeps up: two slots do, even behind a slow adapter."""
    link, line, _ = connect(device=Device(UNITS, slots=slots),
                            line={"baud": 3_000_000, "latency_s": latency_s})
    push_all(link, [literal(bytes(250))] * 300)  # the window grows
    start, busy = line.now(), line.busy
    push_all(link, [literal(bytes(250))] * 500)
    assert line.busy - busy > 0.9 * (line.now() - start - 2 * latency_s)
    assert link.statistics.repeated == 0


@pytest.mark.parametrize("slots", [2, 4])
def test_a_slow_device_sets_the_pace(slots):
    """It takes a push in ten times the time of the line, and hardly waits for one."""
    clock = {"now": 0.0, "free": 0.0, "idle": 0.0, "due": 0.0}

    def accepts(stream, beat):
        if clock["now"] < clock["due"]:
            return False
        clock["idle"] += clock["now"] - clock["due"]
        clock["due"] = clock["now"] + 1e-4
        return True

    link, line, device = connect(
        device=Device(UNITS, slots=slots, accepts=accepts),
        line={"latency_s": 0.001, "tick": lambda now: clock.update(now=now)})
    push_all(link, [literal(bytes(250))] * 40)
    assert len(device.taken[0]) == 10_000
    assert link.statistics.repeated < 10
    assert line.now() < 1.2 * 10_000 * 1e-3


def test_a_gap_is_closed_at_once():
    """The fifth push is lost: the device says so, no timer runs out."""
    lost = []

    def damage(data, direction):
        if direction == "out" and len(data) > 100:
            lost.append(data)
            return b"" if len(lost) == 5 else data
        return data

    link, _, device = connect(device=Device(UNITS, slots=8), line={"damage": damage})
    push_all(link, [literal(bytes([k] * 200)) for k in range(12)])
    assert device.taken[0] == [k for k in range(12) for _ in range(200)]
    assert link.statistics.gaps == 1 and 1 <= link.statistics.repeated <= 8


def test_a_reset_board_is_noticed():
    link, _, device = connect()
    link.control(Command.WRITE, 1, 1)
    device.power_up()
    with pytest.raises(BoardReset, match="the line: the board was reset"):
        link.control(Command.READ, 1)
    assert device.writes == [(1, 1)]


def test_a_reset_is_noticed_while_pushes_are_under_way():
    link, _, device = connect()
    for _ in range(50):
        link.push(literal(bytes(250)))
    for _ in range(10):
        link.serve(0.01)
    device.power_up()
    taken = len(device.taken[0])
    with pytest.raises(BoardReset):
        push_all(link, [])
    assert len(device.taken[0]) == taken


def test_another_program_takes_the_board():
    link, _, device = connect()
    SerialLink(Line(device), baud=1_000_000, rng=random.Random(9))
    with pytest.raises(BoardReset, match="another program has taken the board"):
        link.control(Command.READ, 1)


def test_an_old_response_is_not_a_reset():
    """A line that repeats what it carried before the session: the board was not reset."""
    old = Response(session=0, control=0, done=0, next=0).encode()

    def damage(data, direction):
        return old + data if direction == "in" and data else data

    link, _, _ = connect(line={"damage": damage})
    for k in range(20):
        link.control(Command.WRITE, 1, k)


def test_a_fresh_session_forgets_what_was_under_way():
    link, _, device = connect(device=Device(UNITS, accepts=lambda stream, beat: False))
    for _ in range(5):
        link.push(literal(bytes(250)))
    link.serve(0.01)
    link.begin(Command.READ, 1)
    before = device.session
    link.restart()
    assert not link.pushes.unfinished and not link.answering and device.session != before
    device.accepts = lambda stream, beat: True
    push_all(link, [literal(b"abc")])
    assert bytes(device.taken[0]) == b"abc"


class Silent:
    """A pipe that only gives what it is told to."""

    name = "/dev/ttyUSB9"

    def __init__(self, data=b""):
        self.data, self.time = data, 0.0

    def now(self):
        return self.time

    def write(self, data):
        pass

    def read(self, timeout_s):
        self.time += timeout_s
        data, self.data = self.data[:20], self.data[20:]
        return data

    def close(self):
        pass


def test_messages():
    with pytest.raises(LinkLost) as error:
        SerialLink(Silent(), baud=115200)
    assert str(error.value) == (
        "awaited a board on /dev/ttyUSB9 at 115200 baud for 3 s, and not a byte came: is the board "
        "powered and loaded, is this its port, and are RX and TX not swapped?")
    with pytest.raises(LinkLost, match="30 bytes came but nothing that makes sense: is this the "
                                       "baud rate"):
        SerialLink(Silent(bytes(range(30))), baud=115200)


def test_silence_later():
    link, line, _ = connect()
    line._damage = lambda data, direction: b""
    with pytest.raises(LinkLost, match=r"awaited an answer on the line .* and none came"):
        link.control(Command.READ, 1)
    assert line.now() < 8


def test_an_idle_link_is_not_a_silent_one():
    link, line, _ = connect()
    line._time += 100
    link.control(Command.READ, 1)
    line._time += 100
    push_all(link, [literal(b"1")])


def test_a_line_that_is_gone():
    link, line, _ = connect()
    line.closed = True
    with pytest.raises(LinkLost, match="the line is gone: no such device"):
        link.control(Command.READ, 1)
    with pytest.raises(LinkLost, match="is gone"):
        link.serve(1.0)
    assert issubclass(PipeClosed, OSError)


def test_another_version():
    with pytest.raises(LinkError, match="the board speaks version 9 of the link's protocol, this "
                                        "is version 1"):
        connect(device=Device(UNITS, version=9))


def test_a_request_that_is_never_answered():
    """The device answers polls, but no request: no endless loop."""
    link, _, device = connect(timeout_s=0.5)
    device._request = lambda r: Device._request(
        device, Request(session=r.session, command=Command.POLL))
    with pytest.raises(LinkLost, match="none came"):
        link.control(Command.READ, 1)
