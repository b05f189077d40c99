"""A liberty library: read, unpacked, and checked before anything slow begins."""

import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError

__all__ = ["Liberty", "read_liberty"]

_LIBRARY = re.compile(r'^\s*library\s*\(\s*"?([\w.$:+-]+)"?\s*\)', re.M)
_CELL = re.compile(r'^\s*cell\s*\(\s*"?([\w.$:+-]+)"?\s*\)', re.M)
_COMMENT = re.compile(r"/\*.*?\*/", re.S)
#: Cells that mapping must leave alone: the library says so, or they belong between power domains.
_LEFT_ALONE = re.compile(
    r'\b(dont_use|is_isolation_cell|is_level_shifter|always_on)\s*:\s*"?true"?', re.I)
_AREA = re.compile(r"\barea\s*:\s*\"?([0-9.eE+-]+)")
_FUNCTION = re.compile(r'\bfunction\s*:\s*"([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Liberty:
    """A library of standard cells.

    Members
    -------
    name : str
        As it calls itself.
    text : str
        Without comments.
    cells : tuple of str
        All cells.
    left_alone : tuple of str
        Cells that mapping does not use.
    """

    name: str
    text: str
    cells: tuple[str, ...]
    left_alone: tuple[str, ...]


def read_liberty(path: Path) -> Liberty:
    """Read the liberty file ``path``, which may be packed with gzip.

    Raises
    ------
    UserError
        When it cannot be read, is no liberty library, or lacks cells that mapping needs: an
        inverter, a buffer (without which ABC crashes), and a flip-flop, all with areas.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        text = _COMMENT.sub("", data.decode())
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "it is a damaged gzip file"
        raise UserError(f"--liberty: cannot read {str(path)!r}: {reason}") from None
    except UnicodeDecodeError:
        raise UserError(f"--liberty: {str(path)!r} is no liberty library: it is not text") from None
    library = _LIBRARY.search(text)
    if library is None:
        raise UserError(f"--liberty: {str(path)!r} is no liberty library: it has no library group")
    starts = list(_CELL.finditer(text))
    bodies = {match[1]: text[match.end():end.start() if end else len(text)]
              for match, end in zip(starts, [*starts[1:], None], strict=True)}
    left_alone = tuple(name for name, body in bodies.items() if _LEFT_ALONE.search(body))
    usable = {name: body for name, body in bodies.items() if name not in left_alone}
    _check(path, usable.values())
    return Liberty(name=library[1], text=text, cells=tuple(bodies), left_alone=left_alone)


def _check(path: Path, bodies) -> None:
    """Refuse a library that no design can be mapped on."""
    inverter = buffer = flip_flop = False
    for body in bodies:
        area = _AREA.search(body)
        if area is None or float(area[1]) <= 0:
            continue
        if re.search(r"\bff\s*\(", body):
            flip_flop = True
            continue
        functions = _FUNCTION.findall(body)
        if len(functions) == 1 and "latch" not in body:
            bare = re.sub(r"[\s()]", "", functions[0])
            inverter |= re.fullmatch(r"!\w+|\w+'", bare) is not None
            buffer |= re.fullmatch(r"\w+", bare) is not None and not bare.isdigit()
    missing = [name for name, found in (
        ("inverter", inverter), ("buffer", buffer), ("flip-flop", flip_flop)) if not found]
    if missing:
        raise UserError(f"--liberty: {str(path)!r} has no {' and no '.join(missing)} with an area, "
                        "which mapping needs")
