"""Bytes to and from a board: a serial port, a file descriptor, a simulation in this process."""

import os
import select
import time
from contextlib import suppress
from typing import Protocol

from .serial_model import SerialModel

__all__ = ["FilePipe", "ModelPipe", "Pipe", "PipeClosed", "SerialPipe"]

_READ = 1 << 16


class PipeClosed(OSError):
    """The other end is gone."""


class Pipe(Protocol):
    """A line of bytes both ways, with its own idea of time.

    Members
    -------
    name : str
        For messages.
    """

    name: str

    def read(self, timeout_s: float) -> bytes:
        """Return what has come; wait for it at most ``timeout_s``.  Empty: nothing came."""

    def write(self, data: bytes) -> None:
        """Send ``data``."""

    def now(self) -> float:
        """Return the time in seconds, from any origin."""

    def close(self) -> None:
        """Let go of it; further calls raise PipeClosed."""


class SerialPipe:
    """A serial port, by pyserial.

    Raises
    ------
    PipeClosed
        When the port cannot be opened.
    """

    def __init__(self, path: str, baud: int) -> None:
        import serial

        self.name = path
        self._errors = (serial.SerialException, OSError)
        try:
            self._port = serial.Serial(path, baud, timeout=0, write_timeout=10, exclusive=True)
        except (*self._errors, ValueError) as error:
            raise PipeClosed(_reason(error)) from None

    def read(self, timeout_s: float) -> bytes:
        try:
            self._port.timeout = timeout_s
            first = self._port.read(1)
            return first + self._port.read(self._port.in_waiting) if first else b""
        except (*self._errors, TypeError, AttributeError) as error:  # closed while it read
            raise PipeClosed(_reason(error)) from None

    def write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except self._errors as error:
            raise PipeClosed(_reason(error)) from None

    def now(self) -> float:
        return time.monotonic()

    def close(self) -> None:
        with suppress(*self._errors):
            self._port.close()


class FilePipe:
    """An open file descriptor: one end of a pseudo-terminal or of a socket pair; it is taken over.

    Parameters
    ----------
    fd : int
    name : str
    """

    def __init__(self, fd: int, name: str) -> None:
        self.name, self._fd = name, fd
        os.set_blocking(fd, False)

    def read(self, timeout_s: float) -> bytes:
        try:
            if not select.select([self._fd], [], [], max(timeout_s, 0))[0]:
                return b""
            data = os.read(self._fd, _READ)
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as error:
            raise PipeClosed(_reason(error)) from None
        if not data:
            raise PipeClosed("end of file")
        return data

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                with suppress(BlockingIOError):
                    view = view[os.write(self._fd, view):]
                if view and not select.select([], [self._fd], [], 10)[1]:
                    raise PipeClosed("it takes no more bytes for 10 s")
        except (OSError, ValueError) as error:
            raise PipeClosed(_reason(error)) from None

    def now(self) -> float:
        return time.monotonic()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


class ModelPipe:
    """A compiled design in this process; time is that of its clock.

    Parameters
    ----------
    model : SerialModel
    latency_s : float
        After which a byte from the device is seen here, as through a USB adapter.
    """

    def __init__(self, model: SerialModel, *, latency_s: float = 0.0) -> None:
        self.name, self.model = "the simulated line", model
        self._latency = round(latency_s * model.clock_hz)
        self._answer = -(-12 * 10 * model.clock_hz // model.baud)  # clocks of a short response
        self._travelling: list[tuple[int, bytes]] = []

    def read(self, timeout_s: float) -> bytes:
        end = self.model.cycles + max(round(timeout_s * self.model.clock_hz), 1)
        while True:
            if self._travelling and self._travelling[0][0] <= self.model.cycles:
                return self._travelling.pop(0)[1]
            if self.model.cycles >= end:
                return b""
            until = min([end, *(due for due, _ in self._travelling[:1])])
            data = self.model.run(until - self.model.cycles, until_byte=True)
            if data:
                data += self.model.run(self._answer)
                self._travelling.append((self.model.cycles + self._latency, data))

    def write(self, data: bytes) -> None:
        self.model.send(data)

    def now(self) -> float:
        return self.model.cycles / self.model.clock_hz

    def close(self) -> None:
        """Nothing to do: the model is closed by who made it."""


def _reason(error: BaseException) -> str:
    """Return in a few words what went wrong."""
    if number := getattr(error, "errno", None):
        return os.strerror(number)
    return (str(error) or type(error).__name__).splitlines()[0]
