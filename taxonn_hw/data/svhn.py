"""Reader of SVHN in its cropped form: ``train_32x32.mat`` and ``test_32x32.mat``, MATLAB v5.

``X`` is uint8 [32, 32, 3, n] (row, column, channel, sample), ``y`` [n, 1]; the label 10 stands for
the digit 0.
"""

from pathlib import Path

import numpy as np

from ..errors import UserError
from .open_file import find_file, open_file

__all__ = ["missing_mats", "read_mat"]

_FILES = {"train": "train_32x32.mat", "test": "test_32x32.mat"}


def missing_mats(folder: Path) -> list[str]:
    """Return the names of the two files that ``folder`` lacks."""
    return [name for name in _FILES.values() if find_file(folder, name) is None]


def read_mat(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray, Path]:
    """Return ``(images, labels, file)`` of ``part`` (train, test): uint8 [n, 32, 32, 3] and [n].

    Raises
    ------
    UserError
        When the file is damaged or holds something else.
    """
    from scipy.io import loadmat  # slow to import, and few runs need it
    from scipy.io.matlab import MatReadError, matfile_version

    path = find_file(folder, _FILES[part])
    try:
        with open_file(path) as file:
            if matfile_version(file)[0] == 2:
                raise UserError(f"{path.name} is MATLAB v7.3 (HDF5); SVHN is published as v5")
            content = loadmat(file, variable_names=("X", "y"))
    except UserError:
        raise  # ours, with its own reason; it is a ValueError, which below means a damaged file
    except (MatReadError, ValueError, TypeError, KeyError, IndexError) as error:
        raise UserError(f"{path.name} is no MATLAB v5 file: {error}") from None
    for name in ("X", "y"):
        if name not in content:
            raise UserError(f"{path.name} has no variable {name}")
    images, labels = content["X"], content["y"].ravel()
    if images.ndim != 4 or images.shape[2] != 3 or images.dtype != np.uint8 or 0 in images.shape:
        raise UserError(f"{path.name}: X must be uint8 [height, width, 3, n], not {images.dtype} "
                        f"{list(images.shape)}")
    if labels.dtype.kind not in "iuf" or len(labels) != images.shape[3]:
        raise UserError(f"{path.name} has {images.shape[3]} images but {len(labels)} labels")
    if not np.isin(labels, np.arange(1, 11)).all():
        raise UserError(f"{path.name}: labels must be 1 to 10, not {labels.min()} to "
                        f"{labels.max()}")
    return images.transpose(3, 0, 1, 2), labels.astype(np.int64) % 10, path
