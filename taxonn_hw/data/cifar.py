"""Reader of CIFAR-10 in its binary form: records of a label byte and 3 x 1024 bytes of pixels.

Files are ``data_batch_1.bin`` to ``data_batch_5.bin`` (those that are there) and
``test_batch.bin``, plain or gzipped, of any number of records.  The pixels of a record are the red,
green and blue plane, each in raster order.
"""

from pathlib import Path

import numpy as np

from ..errors import UserError
from .open_file import find_file, open_file

__all__ = ["missing_batches", "read_batches", "read_records"]

_RECORD = 1 + 3 * 32 * 32
_TRAIN = tuple(f"data_batch_{n}.bin" for n in range(1, 6))
_TEST = ("test_batch.bin",)


def missing_batches(folder: Path) -> list[str]:
    """Return the names of the files that ``folder`` lacks: a training batch, the test batch."""
    return [f"{names[0]}.gz" for names in (_TRAIN, _TEST) if find_file(folder, *names) is None]


def read_batches(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray, Path]:
    """Return ``(images, labels, a file)`` of ``part`` (train, test): uint8 [n, 32, 32, 3] and [n].

    Raises
    ------
    UserError
        When a file is damaged or holds something else.
    """
    paths = [find_file(folder, name) for name in (_TRAIN if part == "train" else _TEST)]
    records = [read_records(path) for path in paths if path is not None]
    images, labels = (np.concatenate(parts) for parts in zip(*records, strict=True))
    return images, labels, next(path for path in paths if path is not None)


def read_records(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images uint8 [n, 32, 32, 3], channels last, and labels uint8 [n]."""
    with open_file(path) as file:
        content = file.read()
    if not content or len(content) % _RECORD:
        raise UserError(f"{path.name} must hold records of {_RECORD} bytes, not {len(content)} "
                        "bytes")
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, _RECORD)
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return images, records[:, 0]
