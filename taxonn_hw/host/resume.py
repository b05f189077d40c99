"""A device that survives its board: resets, unplugged cables, dead lines.

What the board was told since the last checkpoint is kept in a journal.  When the board has lost its
state it gets the checkpoint's weights, its random generator is moved on to the checkpoint's sample,
and the journal is told again.  All of it is deterministic, so the run ends with the weights of one
that was never disturbed; no sample is learnt twice or left out.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..golden.weights import Parameters
from ..plan.base import Plan
from .checkpoint import Checkpoint, save_checkpoint
from .driver import Accelerator, Counters
from .serial_link import LinkError, LinkLost

__all__ = ["ResumingDevice"]

_CHECKPOINT_SAMPLES = 5000
_PAUSE_S = 0.5
_NOTHING = Counters(cycles=0, slots=0, samples=0)


class ResumingDevice:
    """Stands in for an :class:`Accelerator`, and connects to it again and again.

    Parameters
    ----------
    connect : callable
        Opens the board and returns its driver; called anew after every loss.
    plan : Plan
    path : Path, optional
        File for the checkpoints.
    every : int
        Samples between two checkpoints, rounded up to whole batches, where the engine can pause
        there; else, after runs.
    say : callable, optional
        Gets a line for people whenever something is resumed.
    patience_s : float
        Time that a lost board may take to come back.
    attempts : int
        Losses without a checkpoint in between, after which the last error is raised.

    Members
    -------
    resumed : int
        Times that the board had lost its state.
    samples : int
        Training samples so far.
    """

    def __init__(self, connect: Callable[[], Accelerator], plan: Plan, *,
                 path: Path | None = None, every: int = _CHECKPOINT_SAMPLES,
                 say: Callable[[str], None] | None = None, patience_s: float = 60.0,
                 attempts: int = 20) -> None:
        self._connect, self.plan, self._path = connect, plan, path
        batch = plan.config.batch
        self._every, self._say = -(-max(every, 1) // batch) * batch, say or (lambda line: None)
        self._patience_s, self._attempts = patience_s, attempts
        self.resumed = self.samples = self._failed = 0
        self._checkpoint: Checkpoint | None = None
        self._journal: list[tuple[str, tuple]] = []
        self._kept: tuple[np.ndarray, np.ndarray] | None = None  # in the resident memory
        self._counted = self._counted_then = _NOTHING  # on boards that were lost; at checkpoint
        self._device = connect()
        self.rate = self._device.rate

    def close(self) -> None:
        """Let go of the board."""
        self._device.transport.close()

    # What the board remembers.

    def begin(self, parameters: Parameters, samples: int = 0) -> None:
        """See :meth:`Accelerator.begin`; these weights are the first checkpoint."""
        self._checkpoint = Checkpoint(parameters=parameters, samples=samples)
        self._counted = self._counted_then = _NOTHING
        self._journal.clear()
        self.samples = samples
        self._safely(lambda device: device.begin(parameters, samples))

    def load(self, parameters: Parameters) -> None:
        """The same: a device that remembers begins a run with its weights."""
        self.begin(parameters)

    def clear(self) -> None:
        """Zero the counters."""
        self._tell("clear", ())
        self._counted = _NOTHING

    def train(self, x: np.ndarray, target: np.ndarray, rate: int | None = None, *,
              results: bool = True, progress=None) -> np.ndarray | None:
        """See :meth:`Accelerator.train`; cut into pieces where the engine can pause."""
        return self._train("train", len(x), lambda part: (x[part], target[part], rate), results,
                           progress)

    def keep(self, x: np.ndarray, target: np.ndarray) -> None:
        """See :meth:`Accelerator.keep`; a board that comes back gets them again."""
        self._safely(lambda device: device.keep(x, target))
        self._kept = _compact(x), _compact(target)

    def train_kept(self, order: np.ndarray, rate: int | None = None, *, results: bool = False,
                   progress=None) -> np.ndarray | None:
        """See :meth:`Accelerator.train_kept`; cut into pieces like :meth:`train`."""
        return self._train("train_kept", len(order), lambda part: (order[part], rate), results,
                           progress)

    def _train(self, name: str, n: int, args_of, results: bool, progress):
        outputs, piece = [], n if self.plan.result_lag else self._every
        for start in range(0, n, max(piece, 1)):
            def report(done, _, start=start):
                if progress is not None:
                    progress(start + done, n)

            args = args_of(slice(start, start + piece))
            outputs.append(self._tell(name, args, results=results, progress=report))
            self.samples += len(args[0])
            if sum(len(args[0]) for name, args in self._journal if args) >= self._every:
                self._save()
        if not results:
            return None
        empty = np.zeros((0, self.plan.output.n_out), dtype=np.int64)
        return np.concatenate([empty, *outputs])

    # What it is only asked.

    def infer(self, x: np.ndarray) -> np.ndarray:
        """Return the output codes for input codes ``x``."""
        return self._safely(lambda device: device.infer(x))

    def dump(self) -> Parameters:
        """Read all weights and biases back."""
        return self._safely(lambda device: device.dump())

    def counters(self) -> Counters:
        """Return the counters since they were last cleared, over all losses."""
        found, before = self._safely(lambda device: device.counters()), self._counted
        return Counters(cycles=found.cycles + before.cycles, slots=found.slots + before.slots,
                        samples=found.samples + before.samples)

    def read(self, name: str) -> int:
        """Return the register ``name``."""
        return self._safely(lambda device: device.read(name))

    # Losses.

    def _tell(self, name: str, args: tuple, **keys):
        """Have the board do what it must do again after a loss."""
        result = self._safely(lambda device: getattr(device, name)(*args, **keys))
        small = tuple(_compact(arg) if isinstance(arg, np.ndarray) else arg for arg in args)
        self._journal.append((name, small))
        return result

    def _save(self) -> None:
        """Make a checkpoint of the present weights; the journal begins anew."""
        counted = self.counters()
        self._checkpoint = Checkpoint(parameters=self.dump(), samples=self.samples)
        self._counted_then = counted
        self._journal.clear()
        self._failed = 0
        if self._path is not None:
            save_checkpoint(self._path, self.plan, self._checkpoint)

    def _safely(self, action):
        """Do ``action`` on the board, after it came back as often as need be."""
        while True:
            try:
                return action(self._device)
            except LinkError as error:
                self._failed += 1
                if self._checkpoint is None or self._failed > self._attempts:
                    raise
                self._recover(error)

    def _recover(self, error: LinkError) -> None:
        """Bring a board that comes back to where the lost one was."""
        self.resumed += 1
        checkpoint = self._checkpoint
        self._say(f"{error}; resuming from the checkpoint after sample {checkpoint.samples}")
        end = time.monotonic() + self._patience_s
        while True:
            try:
                self._device.transport.close()
                self._device = device = self._connect()
                device.begin(checkpoint.parameters, checkpoint.samples)
                if self._kept is not None:
                    device.keep(*(codes.astype(np.int64) for codes in self._kept))
                self._counted = self._counted_then
                for name, args in self._journal:
                    self._repeat(device, name, args)
                return
            except LinkError as again:
                if time.monotonic() > end:
                    raise LinkLost(f"{error}, and it did not come back: {again}") from None
                time.sleep(_PAUSE_S)

    def _repeat(self, device: Accelerator, name: str, args: tuple) -> None:
        if name == "clear":
            device.clear()
            self._counted = _NOTHING
        else:
            *codes, rate = args
            getattr(device, name)(*(part.astype(np.int64) for part in codes), rate, results=False)


def _compact(codes: np.ndarray) -> np.ndarray:
    """Return ``codes`` in the smallest integers that hold them."""
    if not codes.size:
        return codes
    return codes.astype(np.promote_types(np.min_scalar_type(codes.min()),
                                         np.min_scalar_type(codes.max())))
