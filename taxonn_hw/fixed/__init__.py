"""The law of arithmetic: formats, rounding, saturation, random words.

``model`` (numpy) and ``gates`` (Amaranth) are twins; this package re-exports the numpy half, and
the golden model uses nothing else.
"""

from .formats import Format, Pow2Format, QFormat, Rounding, parse_format
from .model import (
    RANDOM_BITS,
    finish_step,
    quantize_pow2,
    requantize,
    round_shift,
    rounding_offset,
    saturate,
)
from .random import RandomWords

__all__ = [
    "RANDOM_BITS",
    "Format",
    "Pow2Format",
    "QFormat",
    "RandomWords",
    "Rounding",
    "finish_step",
    "parse_format",
    "quantize_pow2",
    "requantize",
    "round_shift",
    "rounding_offset",
    "saturate",
]
