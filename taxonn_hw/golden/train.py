"""Whole training runs of the golden model, with the float reference beside it.

:func:`sample_order` is the order that every run takes: golden, float and hardware.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from ..data import Dataset, one_hot, pad_inputs, quantize_dataset
from ..engines import engine_of
from ..errors import UserError
from ..plan.base import Plan
from .profile import RangeProfile
from .weights import Parameters

__all__ = [
    "EpochRecord",
    "TrainResult",
    "accuracy",
    "epoch_record",
    "predict",
    "sample_order",
    "train_golden",
]

_BATCH = 2000  # samples of one inference
_RECENT = 1000  # samples of the accuracy at the end of an epoch

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch: accuracies in percent.

    ``train_accuracy`` counts each sample's prediction just before it was learnt,
    ``recent_accuracy`` does so over the last 1000 samples alone.
    """

    epoch: int
    test_accuracy: float
    train_accuracy: float
    recent_accuracy: float


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """A finished training run.

    Members
    -------
    history, float_history : list of EpochRecord
        One record an epoch, from epoch 1; ``float_history`` is None without the reference.
    parameters : Parameters
        Final weights and biases, codes.
    samples : int
        Samples learnt in all.
    samples_per_s : float
        Speed of the golden model itself: without loading, testing and the reference.
    profile : dict or None
        Ranges of all signals, see :class:`taxonn_hw.golden.profile.RangeProfile`.
    """

    history: list[EpochRecord]
    float_history: list[EpochRecord] | None
    parameters: Parameters
    samples: int
    samples_per_s: float
    profile: dict | None = None

    @property
    def test_accuracy(self) -> float:
        """Percent of the test set that is right after the last epoch."""
        return self.history[-1].test_accuracy

    @property
    def float_accuracy(self) -> float | None:
        """The same of the float reference, None without it."""
        return self.float_history[-1].test_accuracy if self.float_history else None


def sample_order(seed: int, epoch: int, n: int, *, shuffle: bool = True) -> np.ndarray:
    """Return the order of the ``n`` samples in ``epoch`` (from 1), int64 [n].

    A permutation of its own for each epoch, or as they lie without ``shuffle``.
    """
    if not shuffle:
        return np.arange(n)
    return np.random.default_rng([seed, 0x0DE5, epoch]).permutation(n)


def predict(outputs: np.ndarray, one: float, *, last: bool = False) -> np.ndarray:
    """Return the class of each row of ``outputs`` [n, n_out], int64 [n].

    The first of the largest, or the last; of a single output, 1 from half of ``one`` (the code of
    1.0, or 1.0) up and else 0.
    """
    if outputs.shape[-1] == 1:
        return (2 * outputs[..., 0] >= one).astype(np.int64)
    if last:
        return outputs.shape[-1] - 1 - np.argmax(outputs[..., ::-1], axis=-1)
    return np.argmax(outputs, axis=-1)


def accuracy(outputs: np.ndarray, labels: np.ndarray, one: float, *, last: bool = False) -> float:
    """Return the percentage of rows of ``outputs`` [n, n_out] whose class is the label."""
    return 100.0 * float(np.mean(predict(outputs, one, last=last) == labels))


def epoch_record(plan: Plan, epoch: int, outputs: np.ndarray, labels: np.ndarray,
                 tested: np.ndarray, y_test: np.ndarray, one: float) -> EpochRecord:
    """Return the record of an epoch: ``outputs`` of its training samples, ``tested`` of the test
    set, and ``one`` as for :func:`predict`."""
    last = plan.last_wins
    return EpochRecord(
        epoch=epoch, test_accuracy=accuracy(tested, y_test, one, last=last),
        train_accuracy=accuracy(outputs, labels, one, last=last),
        recent_accuracy=accuracy(outputs[-_RECENT:], labels[-_RECENT:], one, last=last))


def train_golden(plan: Plan, dataset: Dataset, *, epochs: int, seed: int | None = None,
                 samples: int | None = None, progress: Progress | None = None,
                 with_float: bool = False, with_profile: bool = False) -> TrainResult:
    """Train the golden model on ``dataset``; an epoch is one run.

    Parameters
    ----------
    epochs : int
        Passes over the training samples, at least 1.
    seed : int, optional
        Of the sample order; the configuration's by default, which also made the weights.
    samples : int, optional
        Samples of an epoch: the first of the set, wrapping around when there are fewer.
    progress : callable, optional
        Called with the samples done and the samples in all, now and then and at the end.
    with_float : bool
        Train the float reference too, on the same samples.
    with_profile : bool
        Record the range of every signal (engine ``taxonn``).

    Raises
    ------
    UserError
        When a profile is asked of an engine that has none.
    """
    config, engine = plan.config, engine_of(plan)
    seed = config.seed if seed is None else seed
    codes = quantize_dataset(plan, dataset)
    n_set = len(dataset.x_train)
    n = n_set if samples is None else samples
    golden = engine.part("golden")(plan)
    if with_profile:
        if not hasattr(golden, "profile"):
            raise UserError(f"engine {config.engine} records no profile of ranges")
        golden.profile = RangeProfile(plan)
    reference = engine.part("reference")(plan) if with_float else None
    targets = one_hot(dataset.y_train, plan.output.n_out)
    history, float_history, seconds = [], [], 0.0
    for epoch in range(1, epochs + 1):
        order = sample_order(seed, epoch, n, shuffle=config.shuffle) % n_set
        labels = codes.y_train[order]
        golden.rate = config.rate_in(epoch)
        begin = perf_counter()
        outputs = golden.train_run(codes.x_train[order], codes.target_train[order],
                                   progress and _shifted(progress, (epoch - 1) * n, epochs * n))
        seconds += perf_counter() - begin
        history.append(epoch_record(plan, epoch, outputs, labels, _infer(golden, codes.x_test),
                                    codes.y_test, plan.output.formats.a.one))
        if reference is not None:
            reference.rate = golden.rate
            outputs = reference.train_run(pad_inputs(plan, dataset.x_train[order]), targets[order])
            tested = _infer(reference, pad_inputs(plan, dataset.x_test))
            float_history.append(
                epoch_record(plan, epoch, outputs, labels, tested, dataset.y_test, 1.0))
    return TrainResult(history=history, float_history=float_history if with_float else None,
                       profile=golden.profile.facts() if with_profile else None,
                       parameters=golden.parameters, samples=epochs * n,
                       samples_per_s=epochs * n / max(seconds, 1e-9))


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _: progress(before + done, total)


def _infer(model, x: np.ndarray) -> np.ndarray:
    return np.concatenate([model.infer(x[start:start + _BATCH])
                           for start in range(0, len(x), _BATCH)])
