"""The device's end of the serial link; :mod:`taxonn_hw.bus.protocol` says what passes on it."""

from .link import Link

__all__ = ["Link"]
