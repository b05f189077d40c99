"""Shifts and saturations whose amounts are known at run time, in gates.

Twins in :mod:`taxonn_hw.fixed.model`: ``round_shift`` by ``-amount``, and ``saturate``.  A number
that loses fewer fraction bits than the hardware drops has the difference appended as zeros before;
what rounding makes of it is the same, in every mode.
"""

from amaranth.hdl import Cat, Const, Mux, Value

__all__ = ["append_zeros", "clip_code", "saturate_below"]


def append_zeros(value: Value, amount: Value, most: int) -> Value:
    """Return ``value * 2**amount`` for ``amount`` from 0 to ``most``, ``most`` bits wider.

    A multiplexer for each bit of ``amount``.
    """
    signed = value.shape().signed
    for k in range(most.bit_length()):
        longer = Cat(Const(0, 1 << k), value)
        longer = longer.as_signed() if signed else longer
        value = Mux(amount[k], longer, value)
    value = value[:len(value) - ((1 << most.bit_length()) - 1 - most)]
    return value.as_signed() if signed else value


def clip_code(value: Value, low: Value, high: Value) -> Value:
    """Return ``value``, at least ``low`` and at most ``high``."""
    return Mux(value < low, low, Mux(value > high, high, value))


def saturate_below(value: Value, high: Value) -> Value:
    """Return the signed ``value`` clipped to ``-high - 1 .. high``, for ``high = 2**k - 1``.

    The result has one bit more than ``high``; whether a value is out of range shows in the bits
    that are not below ``2**k``.
    """
    kept, negative = len(high), value[-1]
    wide = Cat(value, negative.replicate(max(kept + 1 - len(value), 0)))
    beyond = (wide[:kept] ^ negative.replicate(kept)) & ~high
    fits = ~(beyond.any() | (wide[kept:] ^ negative.replicate(len(wide) - kept)).any())
    low = Mux(fits, wide[:kept], high ^ negative.replicate(kept))
    return Cat(low[:kept], negative).as_signed()
