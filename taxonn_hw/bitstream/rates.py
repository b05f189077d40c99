"""Samples a second of a build: as fast as the array can, and as fast as the serial line can.

Of resident samples the line carries the places only.
"""

import numpy as np

from ..bus.packing import StreamUnits, pack, to_units
from ..bus.protocol import Command, Request
from ..plan.base import Plan
from ..plan.resident import resident_layout
from ..plan.streams import element_width, pack_bits, sample_beats

__all__ = ["line_bytes", "line_rate", "resident_facts"]

_BITS_A_BYTE = 10  # start bit, eight data bits, stop bit


def line_bytes(plan: Plan, x: np.ndarray, target: np.ndarray | None) -> float:
    """Return the mean bytes that a sample takes on the line to the board, frames included.

    Parameters
    ----------
    x, target : int64 arrays
        Codes of samples; zeros and small numbers take fewer bytes.
    """
    return _bytes(plan, sample_beats(plan, x, target)) / len(x)


def resident_facts(plan: Plan, x: np.ndarray, target: np.ndarray | None, baud: int) -> dict:
    """Return how many such samples are resident, and how many of them a line asks for a second.

    Keys ``resident_words``, ``resident_words_per_sample``, ``resident_samples`` (that fit) and
    ``samples_per_s_link_resident``; without a resident memory None and 0.
    """
    layout = resident_layout(plan)
    if not layout.words:
        return {"resident_words": 0, "resident_samples": 0, "resident_words_per_sample": None,
                "samples_per_s_link_resident": None}
    elements, starts = layout.encode(plan, x, target)
    each = len(elements) / 2 / len(x)
    asked = _bytes(plan, layout.addresses(plan, np.tile(starts, -(-1000 // len(x)))))
    return {"resident_words": layout.words, "resident_words_per_sample": each,
            "resident_samples": int(layout.words // each),
            "samples_per_s_link_resident": line_rate(
                asked / (-(-1000 // len(x)) * len(x)), baud)}


def _bytes(plan: Plan, elements: np.ndarray) -> int:
    """Return the bytes on the line of beats of the sample stream."""
    width = element_width(plan)
    units = StreamUnits.of("i_samples", width * plan.samples_per_clock, width)
    payloads = pack(to_units(pack_bits(elements, width), units), units.bits)
    frames = (Request(session=1, command=Command.PUSH, payload=payload) for payload in payloads)
    return sum(len(frame.encode()) for frame in frames)


def line_rate(bytes_per_sample: float, baud: int) -> float:
    """Return the samples a second that a line of ``baud`` carries."""
    return baud / _BITS_A_BYTE / bytes_per_sample
