"""Sums of the law that take one carry chain where the plain expression would take two or three.

Each function equals an expression in :mod:`taxonn_hw.fixed.gates`, named in its docstring; tests
hold the two together.
"""

from amaranth.hdl import Cat, Const, Mux, Value

from .formats import Rounding
from .gates import round_shift
from .model import RANDOM_BITS

__all__ = ["add_carry", "flip", "narrow_product", "negate", "rounding_term",
           "subtract_flipped", "subtract_rounded", "times_pow2"]

#: Widest factors whose product is made of look-up tables, never of a multiplier block.
_DIGITS, _FACTOR = 4, 6


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


def negate(value: Value, negative: Value) -> Value:
    """Return ``Mux(negative, -value, value)``; the choice is before the carry chain."""
    return add_carry(flip(value, negative), Const(0, 1).as_signed(), negative)


def subtract_rounded(value: Value, acc: Value, shift: int, mode: Rounding,
                     random: Value | None = None, negative: Value | None = None) -> Value:
    """Return ``value - round_shift(acc, shift, mode, random)`` for a signed ``value``.

    With ``negative``, ``acc`` is the magnitude and the sign beside it: ``-acc`` is rounded.
    """
    minus = Const(1, 1) if negative is None else ~negative
    aligned = round_shift(acc, min(shift, 0), Rounding.FLOOR)
    return subtract_flipped(value, flip(aligned, minus), minus, max(shift, 0), mode, random)


def subtract_flipped(value: Value, flipped: Value, carry: Value, shift: int, mode: Rounding,
                     random: Value | None = None) -> Value:
    """Return ``value - round_shift(acc, shift, mode, random)`` where ``-acc = flipped + carry``.

    For who has the number by :func:`flip`; ``shift`` is not negative.  Since
    ``value - floor((acc + r) / 2**s)`` is ``floor((value 2**s + (2**s - 1 - r) - acc) / 2**s)``,
    the inverted rounding term lies below ``value`` and the whole is one sum.
    """
    if mode is Rounding.HALF_EVEN and shift > 0:
        return value - round_shift(-add_carry(flipped, Const(0, 1).as_signed(), carry), shift,
                                   mode, random)
    term = rounding_term(shift, mode, random)
    tail = Const((1 << shift) - 1 - term, shift) if isinstance(term, int) else ~term
    wide = Cat(tail[:shift], value).as_signed()
    return add_carry(wide, flipped, carry)[shift:].as_signed()


def narrow_product(a: Value, b: Value) -> Value:
    """Return ``a * b``; where both are narrow, by digits of two bits.

    Two choices among 0, 1, 2 and 3 times the other factor and a sum: less than half the look-up
    tables that synthesis makes of a ``*`` of four bits, and no multiplier block, of which there are
    not enough for hundreds of small products.  Wide factors, and two signed ones, give ``a * b``.
    """
    if a.shape().signed or (not b.shape().signed and len(b) < len(a)):
        a, b = b, a
    if a.shape().signed or len(a) > _DIGITS or len(b) > _FACTOR:
        return a * b
    signed = b.shape().signed
    triple = b + Cat(Const(0, 1), b).as_signed() if signed else b + Cat(Const(0, 1), b)
    double = Cat(Const(0, 1), b).as_signed() if signed else Cat(Const(0, 1), b)
    low, high = [], None
    for place in range(0, len(a), 2):
        digit = a[place:place + 2]
        term = Mux(digit[0], b, 0)
        if len(digit) == 2:
            term = Mux(digit[1], Mux(digit[0], triple, double), term)
        total = term if high is None else high + term
        low.append(total[:len(digit)])
        high = total[len(digit):].as_signed() if signed else total[len(digit):]
    result = Cat(*low, high)
    return result.as_signed() if signed else result


def times_pow2(value: Value, exponent: Value, live: Value, highest: int | None = None) -> Value:
    """Return ``value * 2**(exponent - 1)`` where ``live`` (then ``exponent >= 1``), else 0.

    ``highest`` is the largest exponent that comes; by default what ``exponent`` can hold.
    """
    kept = (value & live.replicate(len(value)))[:len(value)]
    if value.shape().signed:
        kept = kept.as_signed()
    shifted = kept << exponent
    if highest is not None:
        shifted = shifted[:len(value) + highest]
        shifted = shifted.as_signed() if value.shape().signed else shifted
    return shifted[1:].as_signed() if value.shape().signed else shifted[1:]
