"""The device's end of the serial link in Python, on a line with its own time and its faults.

Written from the rules in taxonn_hw/bus/protocol.py, not from the hardware: a second opinion.
"""

from collections import deque

from taxonn_hw.bus.packing import unpack
from taxonn_hw.bus.protocol import (
    PULL_STREAMS,
    Command,
    Deframer,
    Request,
    Response,
    ResponseFlag,
    encode_info,
)
from taxonn_hw.host.serial_pipe import PipeClosed

__all__ = ["Device", "Line"]

_PLAIN = ResponseFlag(0)


class Device:
    """A device that records the beats it takes and gives those it is told to.

    Parameters
    ----------
    units : sequence of StreamUnits
        Of the push streams.
    slots : int
    sizes : sequence of int
        Bytes of a beat of the pull streams.
    accepts : callable, optional
        ``accepts(stream, beat)``: False while the stream does not take it.
    """

    def __init__(self, units, *, slots=2, sizes=(1, 2), accepts=None, version=1):
        self.units, self.slots, self.sizes = list(units), slots, sizes
        self.accepts = accepts or (lambda stream, beat: True)
        self.info = bytes([version]) + encode_info(slots=slots, clock_hz=12_000_000)[1:]
        self.registers = {}
        self.writes, self.resets = [], 0
        self.taken = [[] for _ in self.units]
        self.given = {name: deque() for name in PULL_STREAMS}
        self.power_up()

    def power_up(self):
        self.session = 0
        self._deframer = Deframer()
        self._hello()

    def _hello(self):
        self.control = self.done = self.next = 0
        self._answer = b""
        self._waiting, self._work, self._beat = deque(), None, None
        self._stream, self._units = 0, []
        self._rejected = False

    def feed(self, data):
        """Take bytes of the line; return those of the responses."""
        out = b""
        for body in self._deframer.feed(data):
            if (request := Request.decode(body)) is not None:
                out += self._request(request) + self.work()
        return out

    def work(self):
        """Execute pushes as far as the streams take them; return responses."""
        out = b""
        while True:
            if self._work is None:
                if not self._waiting:
                    return out
                self._work = self._execute(self._waiting[0])
            for _ in self._work:
                return out  # a stream does not take a beat
            self._waiting.popleft()
            self._work = None
            self.done = (self.done + 1) & 0xFF
            out += self._response()

    def _execute(self, payload):
        bits = [u.bits for u in self.units]
        for stream, unit in list(unpack(payload, bits, self._stream)):
            self._stream = stream
            if unit is None:
                self._units = []
                continue
            self._units.append(unit)
            if len(self._units) == self.units[self._stream].per_beat:
                beat = sum(u << k * bits[self._stream] for k, u in enumerate(self._units))
                while not self.accepts(stream, beat):
                    yield
                self.taken[stream].append(beat)
                self._units = []

    def _response(self, flags=_PLAIN, payload=b""):
        for name, flag in zip(PULL_STREAMS, (ResponseFlag.RESULTS, ResponseFlag.WEIGHTS),
                              strict=True):
            flags |= flag if self.given[name] else _PLAIN
        return Response(session=self.session, control=self.control, done=self.done,
                        next=self.next, flags=flags, payload=payload).encode()

    def _request(self, r):
        if r.command == Command.HELLO:
            if r.session != self.session:
                self.session = r.session
                self._hello()
            return self._response()
        if r.command == Command.POLL or r.session != self.session:
            return self._response()
        if r.command == Command.PUSH:
            return self._push(r)
        if r.sequence == (self.control + 1) & 0xFF:
            self.control = r.sequence
            self._answer = self._answer_to(r)
        elif r.sequence != self.control:
            return self._response()
        return self._response(ResponseFlag.ANSWER, self._answer)

    def _push(self, r):
        ahead = (r.sequence - self.next) & 0xFF
        if ahead == 0 and len(self._waiting) < self.slots:
            self._waiting.append(r.payload)
            self.next = (self.next + 1) & 0xFF
            self._rejected = False
            return b""
        if ahead >= 128:
            return self._response()
        if self._rejected:
            return b""
        self._rejected = True
        return self._response(ResponseFlag.GAP)

    def _answer_to(self, r):
        argument, value = r.payload[0], int.from_bytes(r.payload[1:], "little")
        if r.command == Command.INFO:
            return self.info
        if r.command == Command.READ:
            return self.registers.get(argument, 0).to_bytes(4, "little")
        if r.command == Command.WRITE:
            self.writes.append((argument, value))
            self.registers[argument] = value
        if r.command == Command.RESET:
            self.resets += 1
        if r.command == Command.PULL:
            queue, size = self.given[PULL_STREAMS[argument]], self.sizes[argument]
            n = min(len(queue), 251 // size)
            return b"".join(queue.popleft().to_bytes(size, "little") for _ in range(n))
        return b""


class Line:
    """A pipe to a :class:`Device`: bytes take their time, and come damaged.

    Parameters
    ----------
    damage : callable, optional
        ``damage(data, direction)`` with direction ``"out"`` or ``"in"``, seen from the host.
    latency_s : float
        Between the device's line and the host.
    tick : callable, optional
        ``tick(now)``, whenever time passes.
    """

    def __init__(self, device, *, baud=1_000_000, damage=None, latency_s=0.0, tick=None):
        self.name, self.device, self.baud = "the line", device, baud
        self._damage = damage or (lambda data, direction: data)
        self._tick = tick or (lambda now: None)
        self._latency, self._time = latency_s, 0.0
        self._out_free = self._in_free = self.busy = 0.0
        self._out, self._in = deque(), deque()  # (time of arrival, bytes)
        self.closed = False

    def now(self):
        return self._time

    def close(self):
        self.closed = True

    def _check(self):
        if self.closed:
            raise PipeClosed("no such device")

    def write(self, data):
        self._check()
        data = self._damage(bytes(data), "out")
        seconds = len(data) * 10 / self.baud
        self._out_free = max(self._out_free, self._time) + seconds
        self.busy += seconds
        self._out.append((self._out_free, data))

    def read(self, timeout_s):
        self._check()
        end = self._time + timeout_s
        while True:
            if self._in and self._in[0][0] <= self._time:
                return self._in.popleft()[1]
            due = min([end, self._time + 1e-3, *(t for t, _ in self._out), *(t for t, _ in
                                                                             self._in)])
            self._time = max(self._time, due)
            self._tick(self._time)
            came = b""
            while self._out and self._out[0][0] <= self._time:
                came += self.device.feed(self._out.popleft()[1])
            came = self._damage(came + self.device.work(), "in")
            if came:
                self._in_free = max(self._in_free, self._time) + len(came) * 10 / self.baud
                self._in.append((self._in_free + self._latency, came))
            elif self._time >= end:
                return b""
