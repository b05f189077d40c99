"""The files of a build in its folder: bitstream, report, picture of the placement."""

import hashlib
import json
import os
from pathlib import Path

from ..boards import Board
from ..config_hash import hardware_hash
from ..errors import UserError
from ..files import make_folder, write_file
from ..flow.pack import SUFFIX
from ..plan.base import Plan

__all__ = ["bitstream_path", "check_folder", "default_folder", "find_bitstream", "write_build"]

_REPORT = "report.json"


def default_folder(plan: Plan, board: Board) -> Path:
    """Return where a build goes unless ``-o`` says otherwise."""
    return Path("out", f"{plan.config.name}-{board.name}")


def check_folder(folder: Path) -> None:
    """Raise UserError when ``folder`` cannot be written, without making it."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    reason = None if there.is_dir() else "Not a directory"
    if reason is None and not os.access(there, os.W_OK | os.X_OK):
        reason = "Permission denied"
    if reason is not None:
        raise UserError(f"cannot make the folder {str(folder)!r}: {reason}")


def bitstream_path(plan: Plan, board: Board, folder: Path) -> Path:
    """Return the file of the bitstream."""
    return folder / f"{plan.config.name}{SUFFIX[board.device.family]}"


def write_build(path: Path, *, bitstream: bytes, picture: bytes, report: dict) -> None:
    """Write the bitstream to ``path`` and the rest beside it.

    The report comes last and goes first, so that it always speaks of what is there.
    """
    folder = make_folder(path.parent)
    (folder / _REPORT).unlink(missing_ok=True)
    write_file(path, bitstream)
    write_file(folder / "placement.png", picture)
    write_file(folder / _REPORT, json.dumps(report, indent=1) + "\n")


def find_bitstream(plan: Plan, board: Board, folder: Path) -> Path | None:
    """Return the bitstream in ``folder`` if it is that of ``plan`` on ``board``, else None."""
    path = bitstream_path(plan, board, folder)
    try:
        report = json.loads((folder / _REPORT).read_text())
        data = path.read_bytes()
    except (OSError, ValueError):
        return None
    expected = {"board": board.name, "config_hash": f"{hardware_hash(plan):08x}",
                "bitstream_sha256": hashlib.sha256(data).hexdigest()}
    same = isinstance(report, dict) and expected.items() <= report.items()
    return path if same else None
