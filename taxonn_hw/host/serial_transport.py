"""A board as a transport: registers and streams over the serial link."""

from collections import deque
from collections.abc import Iterator, Mapping

import numpy as np

from ..bus.packing import StreamUnits, pack, select, to_units
from ..bus.protocol import PULL_STREAMS, PUSH_STREAMS, Command, ResponseFlag
from .serial_link import SerialLink

__all__ = ["SerialTransport"]

_QUEUED = 16  # payloads that are made before they can leave
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.0005, 0.05  # between two looks at an idle device
_WAITS = dict(zip(PULL_STREAMS, (ResponseFlag.RESULTS, ResponseFlag.WEIGHTS), strict=True))


class SerialTransport:
    """Implements :class:`taxonn_hw.host.transport.Transport`.

    Pushes are packed (:mod:`taxonn_hw.bus.packing`) while the line sends earlier ones; pulls are
    asked for when beats wait, so that the accelerator never waits for its results to be taken.

    Parameters
    ----------
    link : SerialLink
    streams : Mapping
        Of the accelerator: name -> ``width`` and ``element_bits``, as in the sidecar.
    stall_s : float
        Time without any progress of a device that answers, after which TimeoutError is raised; at
        least the budget's clocks.
    """

    def __init__(self, link: SerialLink, streams: Mapping[str, Mapping], *,
                 stall_s: float = 10.0) -> None:
        self.link, self.stall_s = link, stall_s
        self._units = {name: StreamUnits.of(name, streams[name]["width"],
                                            streams[name]["element_bits"])
                       for name in PUSH_STREAMS}
        self._widths = {name: streams[name]["width"] for name in PULL_STREAMS}
        self._beats: dict[str, deque[bytes]] = {name: deque() for name in PULL_STREAMS}

    def reset(self) -> None:
        if self.link.pushes.unfinished or self.link.answering:
            self.link.restart()  # the device drops what it has not taken
        self.link.control(Command.RESET)
        for beats in self._beats.values():
            beats.clear()

    def read(self, address: int) -> int:
        return int.from_bytes(self.link.control(Command.READ, address), "little")

    def write(self, address: int, value: int) -> None:
        self.link.control(Command.WRITE, address, value)

    def exchange(self, push: Mapping[str, np.ndarray], pull: Mapping[str, int],
                 budget: int) -> dict[str, np.ndarray]:
        link, before = self.link, self.link.pushes.done
        payloads, queued = self._payloads(push), 0
        asked: str | None = None  # the stream of the pull under way
        pause, idle_until = _FIRST_PAUSE_S, 0.0
        last, progress = link.pipe.now(), None
        while True:
            while link.pushes.unsent < _QUEUED:
                if (payload := next(payloads, None)) is None:
                    break
                link.push(payload)
                queued += 1
            if asked is not None and not link.answering:
                n_new = self._store(asked, link.answer())
                pause = _FIRST_PAUSE_S if n_new else min(2 * pause, _LONGEST_PAUSE_S)
                asked, idle_until = None, link.pipe.now() + (0 if n_new else pause)
            missing = [name for name, n in pull.items() if len(self._beats[name]) < n]
            if asked is None and not missing and not link.pushes.unfinished:
                return {name: self._take(name, n) for name, n in pull.items()}
            now = link.pipe.now()
            waiting = [name for name in missing if link.waiting & _WAITS[name]]
            if asked is None and (waiting or (missing and now >= idle_until)):
                asked = (waiting or missing)[0]
                link.begin(Command.PULL, PULL_STREAMS.index(asked))
            state = (link.pushes.done, [len(beats) for beats in self._beats.values()])
            if state != progress:
                last, progress = now, state
            elif now - last > self._limit_s(budget):
                raise TimeoutError(self._hang(now - last, pull, link.pushes.done - before, queued))
            link.serve(idle_until - now if missing and asked is None else self.stall_s)

    def wait(self, address: int, mask: int, value: int, budget: int) -> None:
        start, pause = self.link.pipe.now(), _FIRST_PAUSE_S
        while (last := self.read(address)) & mask != value:
            waited = self.link.pipe.now() - start
            if waited > self._limit_s(budget):
                raise TimeoutError(
                    f"register {address:#x} & {mask:#x} is {last & mask:#x}, awaited {value:#x} "
                    f"for {waited:.1f} s (whole register {last:#010x})")
            self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def close(self) -> None:
        self.link.close()

    def _sleep(self, seconds: float) -> None:
        end = self.link.pipe.now() + seconds
        while (left := end - self.link.pipe.now()) > 0:
            self.link.serve(left)

    def _limit_s(self, budget: int) -> float:
        return max(self.stall_s, budget / (1000 * max(self.link.info["clock_khz"], 1)))

    def _payloads(self, push: Mapping[str, np.ndarray]) -> Iterator[bytes]:
        for name, beats in push.items():
            units = self._units[name]
            if len(beats):
                yield from pack(to_units(beats, units), units.bits,
                                select(PUSH_STREAMS.index(name)))

    def _store(self, name: str, data: bytes) -> int:
        """Keep the beats of an answer; return how many."""
        size = -(-self._widths[name] // 8)
        self._beats[name].extend(data[at:at + size] for at in range(0, len(data), size))
        return len(data) // size

    def _take(self, name: str, n: int) -> np.ndarray:
        """Return the first ``n`` beats as words, uint32 [n, words]."""
        size = -(-self._widths[name] // 32)
        taken = [self._beats[name].popleft().ljust(4 * size, b"\0") for _ in range(n)]
        return np.frombuffer(b"".join(taken), "<u4").reshape(n, size)

    def _hang(self, seconds: float, pull: Mapping[str, int], done: int, queued: int) -> str:
        states = [f"{done} of {queued} packets were taken"] if queued else []
        states += [f"{name} gave {len(self._beats[name])} of {n} beats"
                   for name, n in pull.items()]
        return f"no progress for {seconds:.1f} s: {', '.join(states)}"
