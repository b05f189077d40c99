"""A data set in the codes of a network: inputs as ``plan.input``, targets as the output."""

from dataclasses import dataclass

import numpy as np

from ..plan.base import Plan
from .dataset import Dataset

__all__ = ["QuantizedDataset", "input_codes", "one_hot", "pad_inputs",
           "quantize_dataset", "target_codes"]

_CHUNK = 4096  # samples quantised at once, so that the temporaries stay small


@dataclass(frozen=True, kw_only=True)
class QuantizedDataset:
    """Codes of a data set.

    Members
    -------
    x_train, x_test : int64 [n, n_in]
        Input codes, ``plan.input``.
    target_train, target_test : int64 [n, n_out]
        Target codes, the format of the output's activation.
    y_train, y_test : int64 [n]
        Labels.
    """

    x_train: np.ndarray
    target_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    target_test: np.ndarray
    y_test: np.ndarray


def quantize_dataset(plan: Plan, dataset: Dataset) -> QuantizedDataset:
    """Return ``dataset`` in the codes of ``plan``."""
    return QuantizedDataset(
        x_train=input_codes(plan, dataset.x_train),
        target_train=target_codes(plan, dataset.y_train),
        y_train=dataset.y_train,
        x_test=input_codes(plan, dataset.x_test),
        target_test=target_codes(plan, dataset.y_test),
        y_test=dataset.y_test,
    )


def input_codes(plan: Plan, x: np.ndarray) -> np.ndarray:
    """Return the input codes of real inputs ``x``, int64 [n, n_inputs]."""
    codes = np.zeros((len(x), plan.n_inputs), dtype=np.int64)
    for start in range(0, len(x), _CHUNK):
        chunk = x[start:start + _CHUNK]
        codes[start:start + _CHUNK, :chunk.shape[1]] = plan.input.quantize(chunk)
    return codes


def pad_inputs(plan: Plan, x: np.ndarray) -> np.ndarray:
    """Return ``x`` [n, inputs of the data], filled up with zeros to ``plan.n_inputs``."""
    return np.pad(x, ((0, 0), (0, plan.n_inputs - x.shape[1])))


def target_codes(plan: Plan, y: np.ndarray) -> np.ndarray:
    """Return the target codes of labels ``y``, int64 [n, n_out], in the output's format."""
    return one_hot(y, plan.output.n_out) * plan.output.formats.a.one


def one_hot(y: np.ndarray, n_out: int) -> np.ndarray:
    """Return 1 at the label and 0 elsewhere, int64 [n, n_out].

    A single output takes the label itself, 0 or 1.
    """
    return (y[:, None] == (np.arange(n_out) if n_out > 1 else 1)).astype(np.int64)
