"""From nextpnr's text to the bitstream, with icepack or ecppack; and DFU files."""

import shutil
import struct
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from .errors import ToolError
from .nextpnr_tools import find_program
from .process import run_tool

__all__ = ["SUFFIX", "dfu_file", "pack"]

#: File name ending of a bitstream by family.
SUFFIX = {"ice40": ".bin", "ecp5": ".bit"}


def pack(family: str, routed: Path, options: Sequence[str] = ()) -> bytes:
    """Return the bitstream of the routed design in the file ``routed``.

    Raises
    ------
    ToolError
        The packer is missing or fails.
    """
    packer = find_program({"ice40": "icepack", "ecp5": "ecppack"}[family])
    with tempfile.TemporaryDirectory(prefix="taxonn-pack-") as folder:
        shutil.copyfile(routed, Path(folder, "routed.txt"))
        run_tool([*packer.command, *options, "routed.txt", "packed"], cwd=Path(folder),
                 timeout_s=600)
        bitstream = Path(folder, "packed")
        if not bitstream.exists():
            raise ToolError(f"{packer.version} wrote no bitstream")
        return bitstream.read_bytes()


def dfu_file(bitstream: bytes, *, vendor: int, product: int) -> bytes:
    """Return ``bitstream`` with the suffix of the USB Device Firmware Upgrade class, version 1.1.

    The suffix lets a loader refuse a file that is for another device.
    """
    suffix = struct.pack("<HHHH3sB", 0xFFFF, product, vendor, 0x0100, b"UFD", 16)
    data = bitstream + suffix
    return data + struct.pack("<I", zlib.crc32(data) ^ 0xFFFFFFFF)
