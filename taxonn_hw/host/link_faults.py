"""Fault campaign: what a bad line, a dying host and a resetting board must not do to a run.

Runs on the compiled board in this process, so that every fault is seeded and time is simulated.
"""

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..golden.weights import Parameters
from ..plan.base import Plan
from .checkpoint import load_checkpoint
from .driver import Accelerator
from .resume import ResumingDevice
from .serial_link import LinkError
from .serial_model import SerialModel, Symbol
from .serial_pipe import ModelPipe

__all__ = ["KINDS", "Campaign", "FaultyPipe", "HostKilled", "run_campaign"]

#: Faults and how often each comes, relative to the others.  ``out`` is from the host to the board.
KINDS = {
    "out flip": 6, "out drop": 6, "out duplicate": 6, "out insert": 6, "out break": 4,
    "out bad stop": 2, "out glitch": 2, "out lost": 2,
    "in flip": 6, "in drop": 6, "in duplicate": 6, "in insert": 6, "in lost": 2,
    "host killed": 2, "board reset": 2,
}
_LONGEST = 40  # bytes of one fault


class HostKilled(BaseException):
    """The program on the host ends in the middle of a frame; nothing catches it on its way."""


class FaultyPipe(ModelPipe):
    """A line with faults.

    Parameters
    ----------
    share : float
        Probability of a fault for each chunk that is written or read.
    rng : random.Random
    kinds : dict
        As :data:`KINDS`.
    count : Counter
        Gets the faults that were made.
    """

    def __init__(self, model: SerialModel, *, share: float, rng: random.Random,
                 kinds: dict[str, int], count: Counter) -> None:
        super().__init__(model)
        self._share, self._rng, self._kinds, self._count = share, rng, kinds, count

    def write(self, data: bytes) -> None:
        kind = self._draw("in ")
        if kind is None:
            super().write(data)
            return
        at = self._rng.randrange(len(data))
        if kind == "host killed":
            super().write(data[:at])
            raise HostKilled
        if kind == "board reset":
            self.model.run(self._rng.randrange(2000))
            self.model.power_cycle()
            self._travelling.clear()
            super().write(data[at:])
            return
        symbols = {"out break": Symbol.BREAK, "out glitch": Symbol.GLITCH,
                   "out bad stop": Symbol.BAD_STOP | data[at]}
        if kind in symbols:
            before, after = np.frombuffer(data[:at], np.uint8), np.frombuffer(data[at:], np.uint8)
            super().write(np.concatenate([before.astype(np.uint16), [symbols[kind]], after]))
            return
        super().write(self._damage(kind.removeprefix("out "), data, at))

    def read(self, timeout_s: float) -> bytes:
        data = super().read(timeout_s)
        kind = self._draw("out ", "host", "board") if data else None
        if kind is None:
            return data
        return self._damage(kind.removeprefix("in "), data, self._rng.randrange(len(data)))

    def _draw(self, *without: str) -> str | None:
        """Return a fault, of those that do not begin with ``without``; mostly None."""
        if self._rng.random() >= self._share:
            return None
        kinds = {kind: weight for kind, weight in self._kinds.items()
                 if not kind.startswith(without)}
        if not kinds:
            return None
        kind, = self._rng.choices(list(kinds), list(kinds.values()))
        self._count[kind] += 1
        return kind

    def _damage(self, kind: str, data: bytes, at: int) -> bytes:
        size = self._rng.randrange(1, _LONGEST)
        if kind == "flip":
            return data[:at] + bytes([data[at] ^ 1 << self._rng.randrange(8)]) + data[at + 1:]
        if kind == "drop":
            return data[:at] + data[at + size:]
        if kind == "duplicate":
            return data[:at + 1] + data[max(at + 1 - size, 0):]
        if kind == "insert":
            return data[:at] + self._rng.randbytes(size) + data[at:]
        return b""


@dataclass
class Campaign:
    """What a campaign did.

    Members
    -------
    faults : Counter
        By kind.
    runs, wrong : int
        Runs, and those that did not end with the weights of an undisturbed one.
    resumed : list of str
        What was said when weights had been lost and a checkpoint was taken.
    restarted : int
        Runs that another program took up after the first was killed.
    clocks : int
        Of the board.
    """

    faults: Counter = field(default_factory=Counter)
    runs: int = 0
    wrong: int = 0
    resumed: list[str] = field(default_factory=list)
    restarted: int = 0
    clocks: int = 0

    @property
    def n_faults(self) -> int:
        """All faults."""
        return sum(self.faults.values())

    def summary(self) -> str:
        """Return the result as text."""
        kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(self.faults.items()))
        return (f"{self.n_faults} faults in {self.runs} runs ({kinds}): "
                f"{self.runs - self.wrong} runs ended with the weights of an undisturbed one, "
                f"{len(self.resumed)} times after resuming from a checkpoint, "
                f"{self.restarted} times by another program; {self.wrong} did not.")


def run_campaign(
    plan: Plan,
    model: SerialModel,
    connect: Callable[[ModelPipe], Accelerator],
    *,
    start: Parameters,
    x: np.ndarray,
    target: np.ndarray,
    expected: Parameters,
    folder: Path,
    n_faults: int,
    seed: int,
    share: float = 0.03,
    every: int = 8,
    kinds: dict[str, int] | None = None,
    resident: bool = False,
) -> Campaign:
    """Train again and again on a bad line, until so many faults were made.

    Parameters
    ----------
    connect : callable
        Opens the board at the other end of a pipe.
    start, expected : Parameters
        Weights before a run, and after an undisturbed one.
    x, target : int64 arrays
        Codes of its samples.
    folder : Path
        For checkpoints.
    share, kinds
        See :class:`FaultyPipe`.
    every : int
        Samples between two checkpoints.
    resident : bool
        Samples are kept on the board, and trained on from there.
    """
    campaign, rng = Campaign(), random.Random(seed)
    path = Path(folder, "campaign.npz")
    before = model.cycles
    while campaign.n_faults < n_faults:
        path.unlink(missing_ok=True)
        model.power_cycle()
        pipe = FaultyPipe(model, share=share, rng=rng, kinds=kinds or KINDS,
                          count=campaign.faults)
        while True:
            try:
                found = _run(plan, lambda pipe=pipe: connect(pipe), path, start, x, target, every,
                             campaign, resident)
                break
            except HostKilled:
                campaign.restarted += 1
                model.run(rng.randrange(100_000))  # until somebody starts the program again
        campaign.runs += 1
        campaign.wrong += not all(
            np.array_equal(a, b) for pair, other in zip(found, expected, strict=True)
            for a, b in zip(pair, other, strict=True))
    campaign.clocks = model.cycles - before
    return campaign


def _run(plan, connect, path, start, x, target, every, campaign, resident) -> Parameters:
    """One program's part of a run: from the checkpoint, where there is one, to the end."""
    device = None
    while device is None:
        with suppress(LinkError):  # a person would start the program again
            device = ResumingDevice(connect, plan, path=path, every=every, attempts=1000,
                                    say=campaign.resumed.append)
    if path.exists():
        checkpoint = load_checkpoint(path, plan)
        device.begin(checkpoint.parameters, checkpoint.samples)
    else:
        device.begin(start)
    done = device.samples
    if resident:
        device.keep(x, target)
        device.train_kept(np.arange(done, len(x)))
    else:
        device.train(x[done:], target[done:], results=False)
    return device.dump()
