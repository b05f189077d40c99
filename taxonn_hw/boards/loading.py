"""Which program loads a bitstream into a board, and how to get one that is missing."""

import shutil
from pathlib import Path

from ..errors import UserError
from .definition import Board, Loader

__all__ = ["INSTALL", "choose_loader", "load_command"]

#: How to install each program on Debian and its relatives, and where else it is from.
INSTALL = {
    "openFPGALoader": "apt-get install openfpgaloader, or github.com/trabucayre/openFPGALoader",
    "iceprog": "apt-get install fpga-icestorm",
    "dfu-util": "apt-get install dfu-util",
    "fujprog": "apt-get install fujprog, or github.com/kost/fujprog",
}


def choose_loader(board: Board) -> Loader:
    """Return the first of the board's loaders that is on the PATH.

    Raises
    ------
    UserError
        There is none; the message says how to install each.
    """
    for loader in board.loaders:
        if shutil.which(loader.program):
            return loader
    ways = " or ".join(f"{loader.program} ({INSTALL[loader.program]})" for loader in board.loaders)
    raise UserError(f"no program to load {board.name} is installed: install {ways}")


def load_command(loader: Loader, bitstream: Path) -> list[str]:
    """Return the command that loads ``bitstream`` (for DFU: the file with its suffix)."""
    return [loader.program, *loader.arguments, str(loader_file(loader, bitstream))]


def loader_file(loader: Loader, bitstream: Path) -> Path:
    """Return the file that ``loader`` takes."""
    return bitstream.with_suffix(".dfu") if loader.file == "dfu" else bitstream
