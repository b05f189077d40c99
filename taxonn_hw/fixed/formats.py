"""Number formats: fixed point (``s8.7``, ``u4.2``) and signed powers of two (``p4.6``).

A *code* is an integer; the number it stands for is ``code * 2**-frac``.  Formats are written sign,
width, fraction bits.  ``frac`` may exceed the width or be negative.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

__all__ = ["Format", "Pow2Format", "QFormat", "Rounding", "parse_format"]


class Rounding(StrEnum):
    """How a number loses fraction bits.

    ``FLOOR`` drops them, ``HALF_UP`` and ``HALF_EVEN`` go to the nearest code, ``STOCHASTIC`` adds
    a random word below the kept bits and drops, so that the mean is exact.
    """

    FLOOR = "floor"
    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    STOCHASTIC = "stochastic"


@dataclass(frozen=True)
class QFormat:
    """Fixed point, two's complement when ``signed``.

    Parameters
    ----------
    width : int
        Bits of a code, 1 to 32.
    frac : int
        Fraction bits, any integer.
    signed : bool
        Two's complement when true, unsigned otherwise.

    Raises
    ------
    ValueError
        When ``width`` is out of range.
    """

    width: int
    frac: int
    signed: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.width <= 32:
            raise ValueError(f"format width must be 1 to 32 bits, not {self.width}")

    @property
    def lo(self) -> int:
        """Lowest code."""
        return -(1 << self.width - 1) if self.signed else 0

    @property
    def hi(self) -> int:
        """Highest code."""
        return (1 << self.width - self.signed) - 1

    @property
    def code_width(self) -> int:
        """Bits that store one code."""
        return self.width

    @property
    def one(self) -> int:
        """Code of 1.0, or the highest code where 1.0 is out of range."""
        return max(min(1 << self.frac, self.hi), 0) if self.frac >= 0 else 0

    def quantize(self, values: np.ndarray) -> np.ndarray:
        """Return the codes nearest to real ``values`` (half up), saturated, int64."""
        codes = np.floor(np.asarray(values, dtype=np.float64) * 2.0**self.frac + 0.5)
        return np.clip(codes, self.lo, self.hi).astype(np.int64)

    def to_real(self, codes: np.ndarray) -> np.ndarray:
        """Return the real values of ``codes``, float64."""
        return np.asarray(codes) * 2.0**-self.frac

    def __str__(self) -> str:
        return f"{'s' if self.signed else 'u'}{self.width}.{self.frac}"


@dataclass(frozen=True)
class Pow2Format:
    """Signed powers of two with zero; products with it are shifts.

    A stored word is a sign bit above a magnitude field ``m`` of ``width - 1`` bits: ``m = 0`` is
    zero, ``m >= 1`` stands for ``2**(m - 1)``.  Codes are the plain integers ``+-2**(m - 1)``, in
    units of ``2**-frac``; :meth:`encode` and :meth:`decode` go between words and codes.

    Parameters
    ----------
    width : int
        Bits of a stored word, 2 to 5 (1, 3, 7 or 15 magnitudes).
    frac : int
        Fraction bits of the smallest magnitude, any integer.
    """

    width: int
    frac: int
    signed: bool = True

    def __post_init__(self) -> None:
        if not 2 <= self.width <= 5:
            raise ValueError(f"power-of-two format width must be 2 to 5 bits, not {self.width}")

    @property
    def n_magnitudes(self) -> int:
        """Number of magnitudes beside zero."""
        return (1 << self.width - 1) - 1

    @property
    def hi(self) -> int:
        """Highest code."""
        return 1 << self.n_magnitudes - 1

    @property
    def lo(self) -> int:
        """Lowest code."""
        return -self.hi

    @property
    def code_width(self) -> int:
        """Bits that store one word."""
        return self.width

    def encode(self, codes: np.ndarray) -> np.ndarray:
        """Return the stored words of ``codes`` (each 0 or a signed power of two), int64."""
        codes = np.asarray(codes, dtype=np.int64)
        magnitude = np.zeros_like(codes)
        nonzero = codes != 0
        magnitude[nonzero] = np.round(np.log2(np.abs(codes[nonzero]))).astype(np.int64) + 1
        return magnitude + ((codes < 0).astype(np.int64) << self.width - 1)

    def decode(self, words: np.ndarray) -> np.ndarray:
        """Return the codes of stored ``words``, int64."""
        words = np.asarray(words, dtype=np.int64)
        magnitude = words & self.n_magnitudes
        code = np.where(magnitude > 0, 1 << np.maximum(magnitude - 1, 0), 0)
        return np.where(words >> self.width - 1 & 1, -code, code)

    def to_real(self, codes: np.ndarray) -> np.ndarray:
        """Return the real values of ``codes``, float64."""
        return np.asarray(codes) * 2.0**-self.frac

    def __str__(self) -> str:
        return f"p{self.width}.{self.frac}"


Format = QFormat | Pow2Format


def parse_format(text: str) -> Format:
    """Return the format written as ``text``: ``s8.7``, ``u4.2`` or ``p4.6``.

    Raises
    ------
    ValueError
        When the text is not of that form or the width is out of range.
    """
    match = re.fullmatch(r"([sup])(\d{1,3})\.(-?\d{1,3})", text.strip())
    if match is None:
        raise ValueError(f"a format is written s8.7, u4.2 or p4.6, not {text!r}")
    kind, width, frac = match[1], int(match[2]), int(match[3])
    if kind == "p":
        return Pow2Format(width, frac)
    return QFormat(width, frac, kind == "s")
