"""Whole training runs of the golden model, with the float reference beside it.

:func:`sample_order` is the order that every run takes: golden, float and hardware.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from ..data import Dataset, one_hot, quantize_dataset
from ..plan import Network
from .float import FloatModel
from .model import GoldenModel
from .weights import Parameters

__all__ = [
    "EpochRecord",
    "TrainResult",
    "accuracy",
    "predict",
    "sample_order",
    "train_golden",
]

_BATCH = 2000  # samples of one inference
_REPORT = 256  # samples between two calls of ``progress``

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch: accuracies in percent.

    ``train_accuracy`` counts each sample's prediction just before it was learnt.
    """

    epoch: int
    test_accuracy: float
    train_accuracy: float


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
    """

    history: list[EpochRecord]
    float_history: list[EpochRecord] | None
    parameters: Parameters
    samples: int
    samples_per_s: float

    @property
    def test_accuracy(self) -> float:
        """Percent of the test set that is right after the last epoch."""
        return self.history[-1].test_accuracy

    @property
    def float_accuracy(self) -> float | None:
        """The same of the float reference, None without it."""
        return self.float_history[-1].test_accuracy if self.float_history else None


def sample_order(seed: int, epoch: int, n: int) -> np.ndarray:
    """Return the order of the ``n`` samples in ``epoch`` (from 1), int64 [n], a permutation."""
    return np.random.default_rng([seed, 0x0DE5, epoch]).permutation(n)


def predict(outputs: np.ndarray, one: float) -> np.ndarray:
    """Return the class of each row of ``outputs`` [n, n_out], int64 [n].

    The first of the largest; of a single output, 1 from half of ``one`` (the code of 1.0, or 1.0)
    up and else 0.
    """
    if outputs.shape[-1] == 1:
        return (2 * outputs[..., 0] >= one).astype(np.int64)
    return np.argmax(outputs, axis=-1)


def accuracy(outputs: np.ndarray, labels: np.ndarray, one: float) -> float:
    """Return the percentage of rows of ``outputs`` [n, n_out] whose class is the label."""
    return 100.0 * float(np.mean(predict(outputs, one) == labels))


def train_golden(network: Network, dataset: Dataset, *, epochs: int, seed: int | None = None,
                 samples: int | None = None, progress: Progress | None = None,
                 with_float: bool = False) -> TrainResult:
    """Train the golden model on ``dataset``.

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
    """
    seed = network.config.seed if seed is None else seed
    codes = quantize_dataset(network, dataset)
    n_set = len(dataset.x_train)
    n = n_set if samples is None else samples
    golden, one = GoldenModel(network), network.output.formats.a.one
    reference = FloatModel(network) if with_float else None
    targets = one_hot(dataset.y_train, network.output.n_out)
    outputs = np.empty((n, network.output.n_out), dtype=np.int64)
    float_outputs = np.empty((n, network.output.n_out))
    history, float_history, seconds = [], [], 0.0
    for epoch in range(1, epochs + 1):
        order = sample_order(seed, epoch, n) % n_set
        labels = codes.y_train[order]
        for start in range(0, n, _REPORT):
            block = range(start, min(start + _REPORT, n))
            begin = perf_counter()
            for i in block:
                sample = order[i]
                trace = golden.train(codes.x_train[sample], codes.target_train[sample])
                outputs[i] = trace.output
            seconds += perf_counter() - begin
            if reference is not None:
                for i in block:
                    sample = order[i]
                    float_outputs[i] = reference.train(dataset.x_train[sample], targets[sample])
            if progress is not None:
                progress((epoch - 1) * n + block.stop, epochs * n)
        history.append(_record(epoch, golden, codes.x_test, codes.y_test, outputs, labels, one))
        if reference is not None:
            float_history.append(_record(epoch, reference, dataset.x_test, dataset.y_test,
                                         float_outputs, labels, 1.0))
    return TrainResult(history=history, float_history=float_history if with_float else None,
                       parameters=golden.parameters, samples=epochs * n,
                       samples_per_s=epochs * n / max(seconds, 1e-9))


def _record(epoch, model, x_test, y_test, outputs, labels, one) -> EpochRecord:
    tested = np.concatenate([model.infer(x_test[start:start + _BATCH])
                             for start in range(0, len(x_test), _BATCH)])
    return EpochRecord(epoch=epoch, test_accuracy=accuracy(tested, y_test, one),
                       train_accuracy=accuracy(outputs, labels, one))
