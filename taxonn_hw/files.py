"""Write files so that nobody ever sees half of one."""

import os
import tempfile
from pathlib import Path

from .errors import UserError

__all__ = ["make_folder", "write_file"]


def write_file(path: Path, content: str | bytes) -> bool:
    """Write ``content`` at ``path`` in one step; return whether the file changed.

    A file that already holds ``content`` is left alone, with its time of change.

    Raises
    ------
    UserError
        When the file cannot be written; what was there before is still there.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    scratch = None
    try:
        if path.is_file() and path.read_bytes() == data:
            return False
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(scratch, 0o666 & ~umask)
        os.replace(scratch, path)
        scratch = None
        return True
    except OSError as error:
        raise UserError(f"cannot write {str(path)!r}: {error.strerror}") from None
    finally:
        if scratch is not None:
            Path(scratch).unlink(missing_ok=True)


def make_folder(path: Path) -> Path:
    """Make the folder ``path`` where it is missing, and return it."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {str(path)!r}: {error.strerror}") from None
    return Path(path)
