"""Samples a second of a build: as fast as the array can, and as fast as the serial line can."""

import numpy as np

from ..bus.packing import StreamUnits, pack, to_units
from ..bus.protocol import Command, Request
from ..plan.base import Plan
from ..plan.streams import element_width, pack_bits, sample_beats

__all__ = ["line_bytes", "line_rate"]

_BITS_A_BYTE = 10  # start bit, eight data bits, stop bit


def line_bytes(plan: Plan, x: np.ndarray, target: np.ndarray | None) -> float:
    """Return the mean bytes that a sample takes on the line to the board, frames included.

    Parameters
    ----------
    x, target : int64 arrays
        Codes of samples; zeros and small numbers take fewer bytes.
    """
    width = element_width(plan)
    units = StreamUnits.of("i_samples", width * plan.samples_per_clock, width)
    beats = pack_bits(sample_beats(plan, x, target), width)
    payloads = pack(to_units(beats, units), units.bits)
    frames = (Request(session=1, command=Command.PUSH, payload=payload) for payload in payloads)
    return sum(len(frame.encode()) for frame in frames) / len(x)


def line_rate(bytes_per_sample: float, baud: int) -> float:
    """Return the samples a second that a line of ``baud`` carries."""
    return baud / _BITS_A_BYTE / bytes_per_sample
