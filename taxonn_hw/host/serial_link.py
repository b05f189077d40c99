"""The host's end of the serial link: a session, a window of pushes, control requests.

:mod:`taxonn_hw.bus.protocol` is what passes on the line.  Nothing here knows what a register or a
beat means.  There are no threads: time passes in :meth:`SerialLink.serve` only.
"""

import random
from dataclasses import dataclass

from ..bus.protocol import (
    FLAG,
    MAX_WINDOW,
    PROTOCOL_VERSION,
    Command,
    Deframer,
    Request,
    Response,
    ResponseFlag,
    decode_info,
)
from .driver import DeviceError
from .link_window import PushWindow, RoundTrip
from .serial_pipe import Pipe, PipeClosed

__all__ = ["BoardReset", "LinkError", "LinkLost", "LinkStatistics", "SerialLink"]

_AHEAD_S, _AHEAD_FRAMES = 0.01, 4  # how far the line is filled in advance
_FRAME_BYTES = 262
_STRANGE = 3  # responses of a foreign session in a row, until they are believed
_LONG_S = 3600.0
_PATIENCE = 10  # timeouts that a request may take on a line that is not silent


class LinkError(DeviceError):
    """The board does not answer, or not as it should; one line."""


class LinkLost(LinkError):
    """The line is gone, or silent."""


class BoardReset(LinkError):
    """The board was reset, or somebody else has taken it: its weights are no longer ours."""


@dataclass
class LinkStatistics:
    """What a link has seen.

    Members
    -------
    sent_bytes, received_bytes : int
    payload_bytes : int
        Payload of pushes, each counted once.
    damaged : int
        Frames that were not right.
    gaps, repeated : int
        Times that the device missed a push; requests that were sent again.
    """

    sent_bytes: int = 0
    received_bytes: int = 0
    payload_bytes: int = 0
    damaged: int = 0
    gaps: int = 0
    repeated: int = 0


class SerialLink:
    """A session with a device.

    Parameters
    ----------
    pipe : Pipe
        The line; closed with the link.
    baud : int
        Its rate, from which the time that bytes take is estimated.
    timeout_s : float
        A device that is asked and silent for so long is lost.
    window : int
        Most pushes under way, at most 127.
    rng : random.Random, optional
        Chooses the session.

    Members
    -------
    info : dict
        The device's answer to INFO.
    waiting : ResponseFlag
        RESULTS and WEIGHTS, as of the last response.
    pushes : PushWindow
    statistics : LinkStatistics

    Raises
    ------
    LinkLost
        When nothing, or nothing sensible, answers.
    """

    def __init__(self, pipe: Pipe, *, baud: int, timeout_s: float = 3.0,
                 window: int = MAX_WINDOW, rng: random.Random | None = None) -> None:
        self.pipe, self.baud, self.timeout_s = pipe, baud, timeout_s
        self.statistics, self.waiting = LinkStatistics(), ResponseFlag(0)
        self._deframer, self._rng, self._most = Deframer(), rng or random.Random(), window
        self._line_free = self._heard = pipe.now()  # when what was written is on the line
        self._other_session: int | None = None
        self.restart()

    def close(self) -> None:
        """Close the pipe; the device keeps its session until another one begins."""
        self.pipe.close()

    # Requests.

    def push(self, payload: bytes) -> None:
        """Queue a push; it leaves in :meth:`serve`."""
        self.pushes.queue(payload)
        self.statistics.payload_bytes += len(payload)

    def begin(self, command: Command, argument: int = 0, value: int = 0) -> None:
        """Send a control request; :meth:`serve` gets the answer.  One at a time."""
        if self.answering:
            raise ValueError("a control request is under way")
        self._awaken()
        self._control = (self._control + 1) & 0xFF
        self._request = Request.control(self._session, command, self._control, argument,
                                        value).encode()
        self._answer = None
        self._control_sent = self._control_begun = max(self.pipe.now(), self._line_free)
        self._send_control()

    @property
    def answering(self) -> bool:
        """Whether a control request is under way."""
        return self._request is not None

    def answer(self) -> bytes | None:
        """Return the answer to the last request, once; None while there is none."""
        answer, self._answer = self._answer, None
        return answer

    def control(self, command: Command, argument: int = 0, value: int = 0) -> bytes:
        """Send a control request and return its answer."""
        self.begin(command, argument, value)
        while self.answering:
            self.serve(_LONG_S)
        return self.answer()

    # Time.

    def serve(self, wait_s: float) -> None:
        """Send what may be sent; take what comes, waiting at most ``wait_s`` for it.

        Raises
        ------
        LinkLost, BoardReset
        """
        self._fill()
        wait_s = min(wait_s, self._next_event() - self.pipe.now())
        for response in self._read(max(wait_s, 0.0)):
            self._take(response)
        self._fill()
        self._check_timers()

    def _next_event(self) -> float:
        """Return when there is something to do although nothing comes."""
        events = [self.pipe.now() + _LONG_S]
        if self.answering:
            events.append(self._control_due)
        if self.pushes.awaits:
            events.append(self._push_due)
        if self.pushes.open:
            events.append(self._line_free - self._ahead_s + 1e-6)  # not just before, for ever
        return min(events)

    @property
    def _ahead_s(self) -> float:
        return max(_AHEAD_S, _AHEAD_FRAMES * _FRAME_BYTES * 10 / self.baud)

    def _awaken(self) -> None:
        """Count silence from now on, unless something is awaited already."""
        if not self.answering and not self.pushes.awaits:
            self._heard = self.pipe.now()

    def _fill(self) -> None:
        """Send pushes while window and line have room."""
        while self.pushes.open and self._line_free - self.pipe.now() < self._ahead_s:
            self._awaken()
            starts = not self.pushes.awaits
            number, payload, again = self.pushes.take(max(self.pipe.now(), self._line_free))
            self.statistics.repeated += again
            self._send(Command.PUSH, number & 0xFF, payload)
            if starts:
                self._restart_push_timer()

    def _check_timers(self) -> None:
        """Ask again for what has not come in time."""
        now = self.pipe.now()
        late_answer = self.answering and now >= self._control_due
        late_push = self.pushes.awaits and now >= self._push_due
        if not late_answer and not late_push:
            return
        if now - self._heard > self.timeout_s or (
                late_answer and now - self._control_begun > _PATIENCE * self.timeout_s):
            raise LinkLost(self._silence())
        self._trip.expired()
        if late_answer:
            self._control_sent = None
            self.statistics.repeated += 1
            self._send_control()
        if late_push:
            if not self.pushes.go_back():  # the device has it all, and works
                self._send(Command.POLL)
            self._fill()
            self._restart_push_timer()

    def _restart_push_timer(self) -> None:
        self._push_due = max(self.pipe.now(), self._line_free) + self._trip.wait_s

    def _send_control(self) -> None:
        self._write(self._request)
        self._control_due = max(self.pipe.now(), self._line_free) + self._trip.wait_s

    # Responses.

    def _take(self, response: Response) -> None:
        """Learn from a response of any session."""
        now = self.pipe.now()
        if response.session != self._session:
            self._other_session = response.session
            self._strange += 1
            if self._session is not None and self._strange >= _STRANGE:
                raise BoardReset(f"{self.pipe.name}: " + (
                    "the board was reset" if response.session == 0
                    else "another program has taken the board"))
            if self._session is not None:
                self._send(Command.POLL)
            return
        self._strange = 0
        self.waiting = response.flags & (ResponseFlag.RESULTS | ResponseFlag.WEIGHTS)
        progress, missed = self.pushes.saw(
            response.next, response.done, bool(response.flags & ResponseFlag.GAP), now)
        self.statistics.gaps += missed
        if progress or missed:
            self._restart_push_timer()
        if (self.answering and response.control == self._control
                and response.flags & ResponseFlag.ANSWER):
            if self._control_sent is not None:
                self._trip.saw(now - self._control_sent)
            self._answer, self._request = response.payload, None

    # Bytes.

    def _send(self, command: Command, sequence: int = 0, payload: bytes = b"") -> None:
        self._write(Request(session=self._session or 0, command=command, sequence=sequence,
                            payload=payload).encode())

    def _write(self, data: bytes) -> None:
        try:
            self.pipe.write(data)
        except PipeClosed as error:
            raise LinkLost(f"{self.pipe.name} is gone: {error}") from None
        self.statistics.sent_bytes += len(data)
        self._line_free = max(self._line_free, self.pipe.now()) + len(data) * 10 / self.baud

    def _read(self, wait_s: float) -> list[Response]:
        """Return the responses that come; what is damaged is counted."""
        try:
            data = self.pipe.read(wait_s)
        except PipeClosed as error:
            raise LinkLost(f"{self.pipe.name} is gone: {error}") from None
        self.statistics.received_bytes += len(data)
        before, responses = self._deframer.n_frames, []
        for body in self._deframer.feed(data):
            if (response := Response.decode(body)) is not None:
                responses.append(response)
        self.statistics.damaged += self._deframer.n_frames - before - len(responses)
        if responses:
            self._heard = self.pipe.now()
        return responses

    # The beginning.

    def restart(self) -> None:
        """Begin a session; forget all requests, and have the device forget them."""
        self._trip = RoundTrip(self.timeout_s / 12)
        self._session: int | None = None
        self._strange = 0
        self.pushes = PushWindow(slots=1, most=1, trip=self._trip)
        self._push_due = self._control_due = 0.0
        self._control, self._request, self._answer = 0, None, None
        self._control_sent: float | None = None  # when the request was sent, once
        self._control_begun = 0.0
        self._open()
        self.pushes = PushWindow(slots=self.info["slots"], most=self._most, trip=self._trip)

    def _open(self) -> None:
        self._write(bytes([FLAG]))  # ends whatever was there
        self._repeat(Command.POLL, 0, lambda response: True)
        fresh = False
        while not fresh:
            session = self._rng.choice([s for s in range(1, 256) if s != self._other_session])
            hello = self._repeat(Command.HELLO, session,
                                 lambda response, wanted=session: response.session == wanted)
            # A session that was the device's already, by chance, has counted on.
            fresh = hello.control == hello.done == hello.next == 0
        self._session, self._strange = session, 0
        self.info = decode_info(self.control(Command.INFO))
        if self.info["version"] != PROTOCOL_VERSION:
            raise LinkError(f"{self.pipe.name}: the board speaks version {self.info['version']} of "
                            f"the link's protocol, this is version {PROTOCOL_VERSION}")

    def _repeat(self, command: Command, session: int, accepts) -> Response:
        """Send a request until a response that it accepts comes, and return that."""
        self._heard = self.pipe.now()
        while True:
            self._write(Request(session=session, command=command).encode())
            due = self._line_free + self._trip.wait_s
            while (now := self.pipe.now()) < due:
                for response in self._read(due - now):
                    self._take(response)
                    if accepts(response):
                        return response
            if now - self._heard > self.timeout_s:
                raise LinkLost(self._silence())
            self._trip.expired()

    def _silence(self) -> str:
        """Say what was awaited, and what may be wrong."""
        what = "a board" if self._session is None else "an answer"
        text = f"awaited {what} on {self.pipe.name} at {self.baud} baud for {self.timeout_s:g} s, "
        if not self._deframer.n_bytes:
            return text + ("and not a byte came: is the board powered and loaded, is this its "
                           "port, and are RX and TX not swapped?")
        if self._session is None:
            return text + (f"and {self._deframer.n_bytes} bytes came but nothing that makes "
                           "sense: is this the baud rate that the board was built for?")
        return text + "and none came: is it still connected, is the line very noisy?"
