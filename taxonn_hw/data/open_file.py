"""Opening a data file, plain or gzipped, with every way it can be damaged as one line."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import UserError

__all__ = ["find_file", "open_file"]


def find_file(folder: Path, *names: str) -> Path | None:
    """Return the first file of ``names`` in ``folder``, plain or with ``.gz``; None without any."""
    for name in names:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    return None


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Open ``path`` for reading bytes, unpacking ``.gz``.

    Raises
    ------
    UserError
        When the file cannot be read or is damaged gzip, also while it is read.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            yield file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path.name} is damaged gzip: {error}") from None
    except OSError as error:
        raise UserError(f"cannot read {path.name}: {error.strerror or error}") from None
