"""Small files in the formats of published data sets."""

import numpy as np

__all__ = ["cifar_records", "write_svhn"]


def cifar_records(images: np.ndarray, labels) -> bytes:
    """Return CIFAR-10 records of ``images`` uint8 [n, 32, 32, 3] and their labels."""
    return b"".join(bytes([label]) + b"".join(image[:, :, c].tobytes() for c in range(3))
                    for image, label in zip(images, labels, strict=True))


def write_svhn(path, images: np.ndarray, labels) -> None:
    """Write ``images`` uint8 [n, 32, 32, 3] as SVHN does, with the label 10 for the digit 0."""
    from scipy.io import savemat

    y = np.where(np.asarray(labels) == 0, 10, labels).astype(np.uint8)[:, None]
    savemat(path, {"X": np.moveaxis(images, 0, 3), "y": y}, do_compression=True)
