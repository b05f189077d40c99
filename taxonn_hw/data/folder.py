"""Sets that lie in a folder, in the files that their authors publish.

Each kind of set says which of its files a folder lacks and reads them; a folder is looked through
for itself and for subfolders with the names of sets.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from . import cifar, idx, svhn

__all__ = ["DATA_VARIABLE", "FOLDER_SETS", "FolderImages", "read_folder_set"]

#: The variable that names the folder of data when ``--data`` does not.
DATA_VARIABLE = "TAXONN_DATA"


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """Files of a set.

    Members
    -------
    missing : Path -> list of str
        Names of the files that a folder lacks.
    read : (Path, part) -> (uint8 images, labels, label file)
        Images [n, height, width] or [n, height, width, channels].
    files : tuple of str
        All files, for the message that says what to put where.
    """

    missing: Callable[[Path], list[str]]
    read: Callable[[Path, str], tuple[np.ndarray, np.ndarray, Path]]
    files: tuple[str, ...]


_IDX = _Kind(missing=idx.missing_files, read=idx.read_pair, files=(
    "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz"))
_CIFAR = _Kind(missing=cifar.missing_batches, read=cifar.read_batches, files=(
    "data_batch_1.bin (to 5)", "test_batch.bin"))
_SVHN = _Kind(missing=svhn.missing_mats, read=svhn.read_mat, files=(
    "train_32x32.mat", "test_32x32.mat"))

#: Sets that lie in a folder, and so the folder names that are looked for.
FOLDER_SETS = {"mnist": _IDX, "fashion-mnist": _IDX, "cifar10": _CIFAR, "svhn": _SVHN}
#: Names that authors' archives unpack to.
_ALIASES = {"cifar10": ("cifar-10-batches-bin",)}


@dataclass(frozen=True, kw_only=True)
class FolderImages:
    """Images and labels of one set.

    Members
    -------
    shape : tuple of int
        Height and width, or channels, height and width.
    images : dict
        ``train`` and ``test``: uint8 [n, pixels], in raster order, channels of a pixel together.
    labels : dict
        Likewise int64 [n].
    """

    name: str
    shape: tuple[int, ...]
    images: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]


def read_folder_set(source: str | os.PathLike, *, n_labels: int, prefer: str,
                    built_in: tuple[str, ...]) -> FolderImages:
    """Return the set that ``source`` names or that lies in the folder ``source``.

    Parameters
    ----------
    n_labels : int
        Labels from here on are refused.
    prefer : str
        The set that is looked for first.
    built_in : tuple of str
        Other words that ``source`` may be, for the message.

    Raises
    ------
    UserError
        One line that names the file or the rule, and the value.
    """
    root = Path(source)
    names = dict.fromkeys((prefer, *FOLDER_SETS))
    if source in FOLDER_SETS and (os.environ.get(DATA_VARIABLE) or not root.is_dir()):
        if not os.environ.get(DATA_VARIABLE):
            raise UserError(
                f"data {source} is read from a folder: put {_listed(FOLDER_SETS[source].files)} "
                f"into DIR/{source} and say --data DIR (or set {DATA_VARIABLE}=DIR)")
        root, prefer, names = Path(os.environ[DATA_VARIABLE]), str(source), [str(source)]
    if not root.is_dir():
        raise UserError(f"data must be {', '.join((*built_in, *FOLDER_SETS))} or a folder; "
                        f"there is no folder {str(root)!r}")
    # the folder that lacks least: so a set with one file gone is named, not passed over
    folder, name = min(_candidates(root, list(names)), key=lambda c: _share_missing(*c))
    missing = FOLDER_SETS[name].missing(folder)
    if _share_missing(folder, name) == 1:
        folder, missing = root, FOLDER_SETS[prefer].missing(root / prefer)
    if missing:
        plain = " (or the same without .gz)" if missing[0].endswith(".gz") else ""
        raise UserError(f"data folder {str(folder)!r} lacks {', '.join(missing)}{plain}")
    return _read(folder, name, n_labels)


def _candidates(root: Path, names: list[str]) -> list[tuple[Path, str]]:
    """Return the folders that are looked at, and the set that each may be."""
    called = root.resolve().name  # a folder that is called like a set holds that set
    own = names if called not in FOLDER_SETS else [called] if called in names else []
    inside = [(root / folder, name) for name in names
              for folder in (name, *_ALIASES.get(name, ()))]
    return [*((root, name) for name in own), *inside]


def _share_missing(folder: Path, name: str) -> float:
    kind = FOLDER_SETS[name]
    return len(kind.missing(folder)) / len(kind.files)


def _listed(files: tuple[str, ...]) -> str:
    return f"{', '.join(files[:-1])} and {files[-1]}"


def _read(folder: Path, name: str, n_labels: int) -> FolderImages:
    shape, all_images, all_labels = None, {}, {}
    for part in ("train", "test"):
        images, labels, label_path = FOLDER_SETS[name].read(folder, part)
        if labels.max() >= n_labels:
            raise UserError(f"{label_path.name} has label {labels.max()}, the network tells labels "
                            f"0 to {n_labels - 1} apart")
        found = images.shape[1:3] if images.ndim == 3 else (images.shape[3], *images.shape[1:3])
        if shape is not None and found != shape:
            raise UserError(f"the test images in {str(folder)!r} are {_by(found)}, the "
                            f"training images {_by(shape)}")
        shape = found
        all_images[part] = images.reshape(len(images), -1)
        all_labels[part] = labels.astype(np.int64)
    return FolderImages(name=name, shape=shape, images=all_images, labels=all_labels)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
