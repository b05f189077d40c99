"""The law of arithmetic once more, in exact fractions and plain loops: what the models must equal.

Nothing here shifts or masks; every rule is written as what it means.
"""

from fractions import Fraction
from math import floor

from taxonn_hw.fixed import Pow2Format, QFormat, Rounding

WORDS = 1 << 16  # number of random words


def exact_round(x: Fraction, mode: Rounding, word: int = 0) -> int:
    """Round the real number ``x`` to an integer."""
    if mode is Rounding.FLOOR:
        return floor(x)
    if mode is Rounding.HALF_UP:
        return floor(x + Fraction(1, 2))
    if mode is Rounding.HALF_EVEN:
        return round(x)  # of a Fraction: half to even
    return floor(x + Fraction(word, WORDS))


def exact_store(x: Fraction, q: QFormat, mode: Rounding, word: int = 0) -> int:
    """Return the code of ``q`` for the real number ``x``: one rounding, one saturation."""
    return min(max(exact_round(x * Fraction(2) ** q.frac, mode, word), q.lo), q.hi)


def exact_pow2(x: Fraction, frac: int, p: Pow2Format, mode: Rounding, word: int = 0) -> int:
    """Return the code of ``p`` for the real number ``x``, a multiple of ``2**-frac``."""
    # units of the smallest magnitude; no finer than a random word below the largest
    grain = Fraction(p.hi, WORDS)
    size = floor(abs(x) * Fraction(2) ** p.frac / grain) * grain
    sign = -1 if x < 0 else 1
    grid = [0] + [2**m for m in range(p.n_magnitudes)]
    if size >= p.hi:
        return sign * p.hi
    lower = max(g for g in grid if g <= size)
    upper = grid[grid.index(lower) + 1]
    gap = upper - lower
    if mode is Rounding.FLOOR:
        up = False
    elif mode is Rounding.HALF_UP:
        up = size - lower >= Fraction(gap, 2)
    elif mode is Rounding.HALF_EVEN:
        tie, odd = size - lower == Fraction(gap, 2), grid.index(lower) % 2
        up = odd if tie else size - lower > Fraction(gap, 2)
    else:  # the low bits of the word, at the resolution of the number
        step = max(Fraction(2) ** (p.frac - frac), grain) if frac > p.frac else Fraction(1)
        draw = word % int(gap / step) * step
        up = size - lower + draw >= gap
    return sign * (upper if up else lower)
