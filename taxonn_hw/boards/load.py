"""Where the boards lie: ``fpga`` of a checkout, else the wheel; one folder a board.

A wheel carries the same folder as the package ``taxonn_hw.board_files`` (setup.py).  The folder's
``board.py`` defines ``BOARD``; ``results.json`` beside it holds what was measured.
"""

import importlib.util
from functools import cache
from pathlib import Path

from ..errors import UserError
from .definition import Board

__all__ = ["board_dir", "board_names", "load_board"]

_PACKAGE = Path(__file__).resolve().parent.parent


def board_dir() -> Path:
    """Return the folder with the folders of the boards."""
    checkout = _PACKAGE.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "fpga").is_dir():
        return checkout / "fpga"
    return _PACKAGE / "board_files"


def board_names() -> list[str]:
    """Return the names of all boards, sorted."""
    return sorted(path.parent.name for path in board_dir().glob("*/board.py"))


@cache
def load_board(name: str) -> Board:
    """Return the board ``name``; raise UserError with all names when there is none."""
    names = board_names()
    if name not in names:
        raise UserError(f"--board: no board is named {name!r}; boards: {', '.join(names)}")
    path = board_dir() / name / "board.py"
    spec = importlib.util.spec_from_file_location(f"taxonn_board_{name.replace('-', '_')}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if module.BOARD.name != name:
        raise ValueError(f"{path} defines the board {module.BOARD.name!r}, not {name!r}")
    return module.BOARD
