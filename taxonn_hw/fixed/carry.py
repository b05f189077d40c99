"""Sums of the law that take one carry chain where the plain expression would take two or three.

Each function equals an expression in :mod:`taxonn_hw.fixed.gates`, named in its docstring; tests
hold the two together.
"""

from amaranth.hdl import Cat, Const, Mux, Value

from .formats import Rounding
from .gates import round_shift
from .model import RANDOM_BITS

__all__ = ["add_carry", "flip", "rounding_term", "subtract_rounded", "times_pow2"]


def rounding_term(shift: int, mode: Rounding, random: Value | None = None):
    """Return what ``round_shift(acc, shift, mode, random)`` adds to ``acc`` before it drops bits.

    An integer, or an unsigned expression below ``2**shift`` in mode ``STOCHASTIC``, so that it can
    be added to something that is known earlier than ``acc``.

    Raises
    ------
    ValueError
        In mode ``HALF_EVEN``, where the term depends on ``acc``.
    """
    if mode is Rounding.HALF_EVEN and shift > 0:
        raise ValueError("half_even adds a term that depends on the number that it rounds")
    if shift <= 0 or mode is Rounding.FLOOR:
        return 0
    if mode is Rounding.HALF_UP:
        return 1 << shift - 1
    if shift <= RANDOM_BITS:
        return random[RANDOM_BITS - shift:RANDOM_BITS]
    return Cat(Const(0, shift - RANDOM_BITS), random[:RANDOM_BITS])


def flip(value: Value, negative: Value) -> Value:
    """Return ``value``, or its bits inverted where ``negative``: a signed number, one wider when
    ``value`` is unsigned.  With ``negative`` as a carry it adds like ``-value``."""
    wide = value if value.shape().signed else Cat(value, Const(0, 1))
    return (wide ^ negative.replicate(len(wide)))[:len(wide)].as_signed()


def add_carry(a: Value, b: Value, carry: Value) -> Value:
    """Return ``a + b + carry`` for signed ``a`` and ``b``."""
    total = Cat(Const(1, 1), a).as_signed() + Cat(carry, b).as_signed()
    return total[1:].as_signed()


def subtract_rounded(value: Value, acc: Value, shift: int, mode: Rounding,
                     random: Value | None = None, negative: Value | None = None) -> Value:
    """Return ``value - round_shift(acc, shift, mode, random)`` for a signed ``value``.

    With ``negative``, ``acc`` is the magnitude and the sign beside it: ``-acc`` is rounded.  Since
    ``value - floor((acc + r) / 2**s)`` is ``floor((value 2**s + (2**s - 1 - r) - acc) / 2**s)``,
    the inverted rounding term lies below ``value`` and the whole is one difference.
    """
    if mode is Rounding.HALF_EVEN and shift > 0:
        exact = acc if negative is None else Mux(negative, -acc, acc)
        return value - round_shift(exact, shift, mode, random)
    if shift <= 0:
        wide, acc, shift = value, round_shift(acc, shift, mode), 0
    else:
        term = rounding_term(shift, mode, random)
        tail = Const((1 << shift) - 1 - term, shift) if isinstance(term, int) else ~term
        wide = Cat(tail[:shift], value).as_signed()
    minus = Const(1, 1) if negative is None else ~negative
    total = add_carry(wide, flip(acc, minus), minus)
    return total[shift:].as_signed()


def times_pow2(value: Value, exponent: Value, live: Value) -> Value:
    """Return ``value * 2**(exponent - 1)`` where ``live`` (then ``exponent >= 1``), else 0."""
    kept = (value & live.replicate(len(value)))[:len(value)]
    if value.shape().signed:
        kept = kept.as_signed()
    shifted = kept << exponent
    return shifted[1:].as_signed() if shifted.shape().signed else shifted[1:]
