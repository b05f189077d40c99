"""Where samples come from: ``digits``, ``xor``, ``random``, or a folder with a published set.

Inputs are real numbers from 0 to 1: pixels / 256 of published sets, / 16 of the bundled digits.
Pixels of an image come in raster order, the channels of a pixel together.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..errors import UserError
from ..plan.base import Plan
from .folder import FOLDER_SETS, read_folder_set

__all__ = ["BUILT_IN", "Dataset", "load_dataset", "load_for", "load_or_random"]

#: Sets that need no file.
BUILT_IN = ("digits", "random", "xor")
_DIGITS_TRAIN = 1437
_RANDOM_TRAIN, _RANDOM_TEST = 1024, 256


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Samples for training and for testing.

    Members
    -------
    x_train, x_test : float32 [n, n_in]
        Inputs from 0 to 1.
    y_train, y_test : int64 [n]
        Labels from 0.
    image_shape : tuple of int or None
        Height and width where the inputs are pixels; channels before them where there are several.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    n_classes: int
    image_shape: tuple[int, ...] | None = None

    @property
    def n_in(self) -> int:
        """Inputs of a sample."""
        return self.x_train.shape[1]


def load_for(plan: Plan, *, data: str | None = None, samples: int | None = None,
             seed: int | None = None) -> Dataset:
    """Return the set that ``plan`` trains on: ``data`` if given, else the configuration's.

    Seed and samples are the configuration's unless given.
    """
    config = plan.config
    prefer = config.data if config.data in FOLDER_SETS else "mnist"
    dataset = load_dataset(
        config.data if data is None else data, n_in=plan.n_inputs, n_out=plan.output.n_out,
        prefer=prefer, fewer=plan.pads_data, seed=config.seed if seed is None else seed,
        samples=config.samples if samples is None else samples)
    found, wanted = dataset.image_shape, config.input_shape
    if found and wanted and (1, *found)[-3:] != wanted:
        raise UserError(f"data {dataset.name} has images of {_by((1, *found)[-3:])}, the network "
                        f"takes {_by(wanted)} (channels, height, width)")
    return dataset


def load_or_random(plan: Plan, *, data: str | None, samples: int,
                   say: Callable[[str], None] = lambda text: None) -> tuple[Dataset, str]:
    """Return a set and its name: made-up samples where the set of the configuration is not there.

    ``say`` is told why.  What is named by ``data`` must be there.

    Raises
    ------
    UserError
        ``data`` cannot be read.
    """
    try:
        return load_for(plan, data=data, samples=samples), data or plan.config.data
    except UserError as error:
        if data is not None:
            raise
        say(str(error))
    return load_for(plan, data="random", samples=samples), "random"


def load_dataset(source: str | os.PathLike, *, n_in: int, n_out: int, samples: int | None = None,
                 seed: int = 1, prefer: str = "mnist", fewer: bool = False) -> Dataset:
    """Return the data set ``source`` for a network of ``n_in`` inputs and ``n_out`` outputs.

    Parameters
    ----------
    source : str or path
        ``digits``, ``xor``, ``random``, a name of :data:`FOLDER_SETS`, or a folder with the files
        of one (or with a subfolder of such a name that has them).
    n_in, n_out : int
        Sizes of the network; one output takes labels 0 and 1.
    samples : int, optional
        Training samples: the first of the set, wrapping around when there are fewer.
    seed : int
        Makes the set ``random``; no other set depends on it.
    prefer : str
        The subfolder that is looked for first.
    fewer : bool
        Samples may have fewer inputs than the network.

    Raises
    ------
    UserError
        One line that names the file or the rule, and the value.
    """
    if samples is not None and samples < 1:
        raise UserError(f"samples must be at least 1, not {samples}")
    match source:
        case "digits":
            dataset = _digits()
        case "xor":
            dataset = _xor()
        case "random":
            dataset = _random(n_in, max(n_out, 2), seed)
        case _:
            dataset = _folder(source, max(n_out, 2), prefer)
    _check(dataset, n_in, n_out, fewer)
    if samples is None:
        return dataset
    wrapped = np.arange(samples) % len(dataset.x_train)
    return replace(dataset, x_train=dataset.x_train[wrapped], y_train=dataset.y_train[wrapped])


def _check(dataset: Dataset, n_in: int, n_out: int, fewer: bool) -> None:
    if dataset.n_in != n_in and not (fewer and dataset.n_in < n_in):
        shape = f"{_by(dataset.image_shape)} = " if dataset.image_shape else ""
        raise UserError(f"data {dataset.name} has {shape}{dataset.n_in} inputs a sample, "
                        f"the network takes {n_in}")
    if dataset.n_classes > max(n_out, 2):
        raise UserError(f"data {dataset.name} has {dataset.n_classes} classes, the network "
                        f"tells {max(n_out, 2)} apart")


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _digits() -> Dataset:
    """scikit-learn's 1797 digits of 8 x 8 pixels, in one fixed order: 1437 train, 360 test.

    The order is a constant shuffle, because the bundled one puts some writers in the test set only.
    """
    from sklearn.datasets import load_digits  # slow to import, and few runs need it

    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    x = (bunch.data[order] / 16).astype(np.float32)
    y = bunch.target[order].astype(np.int64)
    return Dataset(name="digits", n_classes=10, image_shape=(8, 8),
                   x_train=x[:_DIGITS_TRAIN], y_train=y[:_DIGITS_TRAIN],
                   x_test=x[_DIGITS_TRAIN:], y_test=y[_DIGITS_TRAIN:])


def _xor() -> Dataset:
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
    y = np.array([0, 1, 1, 0], dtype=np.int64)
    return Dataset(name="xor", n_classes=2, x_train=x, y_train=y, x_test=x, y_test=y)


def _random(n_in: int, n_classes: int, seed: int) -> Dataset:
    """Return noisy copies of one random pattern a class; half of each pattern is exactly zero."""
    rng = np.random.default_rng([seed, 0xDA7A])
    patterns = rng.random((n_classes, n_in)) * rng.integers(0, 2, (n_classes, n_in))
    n = _RANDOM_TRAIN + _RANDOM_TEST
    y = rng.permutation(n) % n_classes
    noisy = patterns[y] * rng.uniform(0.75, 1.25, (n, n_in)) + rng.normal(0, 0.02, (n, n_in))
    x = (np.floor(np.clip(noisy, 0, 255 / 256) * 256) / 256).astype(np.float32)
    return Dataset(name="random", n_classes=n_classes, x_train=x[:_RANDOM_TRAIN],
                   y_train=y[:_RANDOM_TRAIN], x_test=x[_RANDOM_TRAIN:], y_test=y[_RANDOM_TRAIN:])


def _folder(source: str | os.PathLike, n_labels: int, prefer: str) -> Dataset:
    found = read_folder_set(source, n_labels=n_labels, prefer=prefer, built_in=BUILT_IN)
    parts = {}
    for part in ("train", "test"):
        parts[f"x_{part}"] = found.images[part].astype(np.float32) / 256
        parts[f"y_{part}"] = found.labels[part]
    n_classes = int(max(parts["y_train"].max(), parts["y_test"].max())) + 1
    return Dataset(name=found.name, n_classes=n_classes, image_shape=found.shape, **parts)
