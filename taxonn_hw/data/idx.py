"""Reader of the idx format: MNIST and everything published in its shape.

A file is a big-endian header (two zero bytes, the type byte 0x08 for unsigned bytes, the number of
dimensions, then each dimension as 32 bits) and the elements, the last dimension fastest; plain or
gzipped.
"""

import struct
from math import prod
from pathlib import Path

import numpy as np

from ..errors import UserError
from .open_file import find_file, open_file

__all__ = ["find_idx", "missing_files", "read_idx", "read_pair"]

_STEMS = {
    ("train", "images"): "train-images-idx3-ubyte",
    ("train", "labels"): "train-labels-idx1-ubyte",
    ("test", "images"): "t10k-images-idx3-ubyte",
    ("test", "labels"): "t10k-labels-idx1-ubyte",
}


def find_idx(folder: Path, part: str, kind: str) -> Path | None:
    """Return the file of ``part`` (train, test) and ``kind`` (images, labels), or None."""
    stem = _STEMS[part, kind]
    return find_file(folder, stem, stem.replace("-idx", ".idx"))


def missing_files(folder: Path) -> list[str]:
    """Return the names of the four files that ``folder`` lacks."""
    return [f"{stem}.gz" for key, stem in _STEMS.items() if find_idx(folder, *key) is None]


def read_pair(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray, Path]:
    """Return ``(images, labels, label file)``: uint8 [n, height, width] and [n].

    Raises
    ------
    UserError
        When a file is damaged or the two do not belong together.
    """
    image_path, label_path = find_idx(folder, part, "images"), find_idx(folder, part, "labels")
    images, labels = read_idx(image_path, 3), read_idx(label_path, 1)
    if len(images) != len(labels):
        raise UserError(f"{image_path.name} has {len(images)} images but {label_path.name} has "
                        f"{len(labels)} labels")
    return images, labels, label_path


def read_idx(path: Path, n_dimensions: int) -> np.ndarray:
    """Return the unsigned bytes of an idx file, uint8 with ``n_dimensions`` axes, none empty.

    Raises
    ------
    UserError
        When the file cannot be read, is damaged, or holds something else.
    """
    magic = 0x0800 | n_dimensions
    with open_file(path) as file:
        header = file.read(4 + 4 * n_dimensions)
        if len(header) >= 4 and struct.unpack(">I", header[:4])[0] != magic:
            raise UserError(f"{path.name} must begin with the idx magic 0x{magic:08x}, "
                            f"not 0x{header[:4].hex()}")
        if len(header) < 4 + 4 * n_dimensions:
            raise UserError(f"{path.name} is truncated: {len(header)} bytes do not hold an "
                            f"idx header of {4 + 4 * n_dimensions}")
        shape = struct.unpack(f">{n_dimensions}I", header[4:])
        payload = file.read(prod(shape) + 1)
    if 0 in shape:
        raise UserError(f"{path.name} must hold at least one element, its header says "
                        f"{' x '.join(map(str, shape))}")
    if len(payload) < prod(shape):
        raise UserError(f"{path.name} is truncated: its header promises {prod(shape)} bytes, "
                        f"{len(payload)} are there")
    if len(payload) > prod(shape):
        raise UserError(f"{path.name} has bytes after the {prod(shape)} that its header promises")
    return np.frombuffer(payload, dtype=np.uint8).reshape(shape)
