"""The law of arithmetic, Amaranth half: twins of :mod:`taxonn_hw.fixed.model`.

Every function takes and returns Amaranth expressions wide enough for any value, so that nothing
is lost before the one named saturation.
"""

from amaranth.hdl import Cat, Const, Mux, Value, signed, unsigned

from .formats import Format, Pow2Format, QFormat, Rounding
from .model import RANDOM_BITS

__all__ = [
    "absolute",
    "finish_step",
    "leading_field",
    "mask_below",
    "pow2_decode",
    "pow2_round",
    "requantize",
    "round_shift",
    "rounding_offset",
    "saturate",
    "shape_of",
]


def shape_of(fmt: Format):
    """Return the Amaranth shape that stores a code (a word, for powers of two)."""
    if isinstance(fmt, QFormat) and fmt.signed:
        return signed(fmt.width)
    return unsigned(fmt.code_width)


def _shift_right(value: Value, shift: int) -> Value:
    """Floor division by ``2**shift`` without the dropped bits."""
    if shift == 0:
        return value
    if shift >= len(value):
        return Mux(value < 0, Const(-1, signed(2)), 0) if value.shape().signed else Const(0, 1)
    kept = value[shift:]
    return kept.as_signed() if value.shape().signed else kept


def _shift_left(value: Value, shift: int) -> Value:
    """Multiplication by ``2**shift``."""
    if shift == 0:
        return value
    wide = Cat(Const(0, shift), value)
    return wide.as_signed() if value.shape().signed else wide


def round_shift(acc: Value, shift: int, mode: Rounding, random: Value | None = None) -> Value:
    """Drop ``shift`` fraction bits of ``acc``; a negative ``shift`` appends zeros.

    The nearest codes are the kept bits plus one bit, so that no adder runs over the dropped ones.
    """
    if shift <= 0:
        return _shift_left(acc, -shift)
    if mode is Rounding.FLOOR:
        return _shift_right(acc, shift)
    if mode is Rounding.HALF_UP:
        return _shift_right(acc, shift) + _bit(acc, shift - 1)
    if mode is Rounding.HALF_EVEN:
        beyond = acc[:shift - 1].any() if shift > 1 else Const(0, 1)
        return _shift_right(acc, shift) + (_bit(acc, shift - 1) & (beyond | _bit(acc, shift)))
    if shift <= RANDOM_BITS:
        return _shift_right(acc + random[RANDOM_BITS - shift:RANDOM_BITS], shift)
    return _shift_right(_shift_right(acc, shift - RANDOM_BITS) + random[:RANDOM_BITS], RANDOM_BITS)


def _bit(value: Value, place: int) -> Value:
    """Return bit ``place`` of ``value`` with its sign continued."""
    if place < len(value):
        return value[place]
    return value[-1] if value.shape().signed else Const(0, 1)


def saturate(value: Value, q: QFormat) -> Value:
    """Clip ``value`` to the codes of ``q``; the result has the shape of ``q``.

    Whether a value is out of range shows in the bits above those of ``q``; no comparison.
    """
    is_signed = value.shape().signed
    kept = q.width - q.signed  # bits without the sign
    if len(value) - is_signed <= kept:  # never too large
        wide = (value + Const(0, shape_of(q)))[:q.width] if len(value) < q.width else value
        bits = wide[:q.width]
        if is_signed and not q.signed:
            bits = bits & ~value[-1].replicate(q.width)
    else:
        negative = value[-1] if is_signed else Const(0, 1)
        above = value[kept:len(value) - 1] if is_signed else value[kept:]
        if not is_signed:
            low = value[:kept] | above.any().replicate(kept)
        elif q.signed:
            fits = Mux(negative, above.all(), ~above.any())
            low = Mux(fits, value[:kept], ~negative.replicate(kept))
        else:
            low = (value[:kept] | above.any().replicate(kept)) & ~negative.replicate(kept)
        bits = Cat(low[:kept], negative) if q.signed else low[:kept]
    return bits[:q.width].as_signed() if q.signed else bits[:q.width]


def requantize(acc: Value, shift: int, q: QFormat, mode: Rounding, random=None) -> Value:
    """Drop ``shift`` fraction bits, then saturate: one rounding, one saturation."""
    return saturate(round_shift(acc, shift, mode, random), q)


def rounding_offset(shift: int, mode: Rounding, random: Value | None = None) -> Value:
    """Return the ``shift`` bits that rounding adds below the kept ones.

    For ``HALF_EVEN`` without the kept bit, that :func:`finish_step` puts in.
    """
    match mode:
        case Rounding.FLOOR:
            return Const(0, shift)
        case Rounding.HALF_UP:
            return Const(1 << shift >> 1, shift)
        case Rounding.HALF_EVEN:
            return Const((1 << shift - 1) - 1 if shift else 0, shift)
    zeros = max(shift - RANDOM_BITS, 0)
    return Cat(Const(0, zeros), random[RANDOM_BITS - shift + zeros:RANDOM_BITS])


def finish_step(total: Value, shift: int, mode: Rounding, word_lsb: Value) -> Value:
    """Return ``word - round_shift(step, shift, mode)``.

    ``total`` is ``word * 2**shift - step + 2**shift - 1 - offset``: one sum, for ``word`` and the
    complement of the offset lie side by side.  ``word_lsb`` is the lowest bit of ``word``.
    """
    result = _shift_right(total, shift)
    if mode is not Rounding.HALF_EVEN or not shift:
        return result
    return result - (~total[:shift].any() & (word_lsb ^ result[0]))


def absolute(value: Value) -> Value:
    """Return the magnitude of ``value``, unsigned, of the same width."""
    if not value.shape().signed:
        return value
    return Mux(value < 0, -value, value)[:len(value)]


def pow2_decode(word: Value, p: Pow2Format) -> Value:
    """Return the signed integer code of a stored ``word``."""
    field = word[:p.width - 1]
    code = Cat(field == m + 1 for m in range(p.n_magnitudes))
    return Mux(word[p.width - 1], -code, code)


def mask_below(magnitude: Value, low: int) -> Value:
    """Return the mask of the bits below the leading one of ``magnitude``, at least ``low`` bits."""
    bits = [Const(1, 1) if i < low else magnitude[i + 1:].any()
            for i in range(max(len(magnitude) - 1, low))]
    return Cat(*bits) if bits else Const(0, 1)


def pow2_round(acc: Value, shift: int, p: Pow2Format, mode: Rounding, random=None):
    """Return ``(total, low)``: the rounded magnitude, whose leading one is the result.

    First half of :func:`taxonn_hw.fixed.model.quantize_pow2`; :func:`leading_field` is the second,
    so that a pipeline may put a register between.
    """
    top = shift + p.n_magnitudes - 1
    drop = max(top - RANDOM_BITS, 0)
    low = shift - drop
    magnitude = absolute(acc)
    magnitude = _shift_right(magnitude, drop)
    if low < 0:
        magnitude, low = _shift_left(magnitude, -low), 0
    limit = low + p.n_magnitudes - 1  # bit of the largest magnitude
    # Beside the adder, not before or behind it: whatever lies above, one more bit says enough.
    beyond = magnitude[limit:].any() if len(magnitude) > limit else None
    magnitude = magnitude[:limit]
    below = mask_below(magnitude, low)
    if mode is Rounding.STOCHASTIC:
        total = magnitude + (random & below)
    elif mode is Rounding.HALF_UP:
        total = magnitude + (below + 1)[1:]
    elif mode is Rounding.HALF_EVEN:
        field = leading_field(magnitude, low, p)
        total = magnitude + Mux(below.any(), below[1:] + field[0], 0)
    else:
        total = magnitude
    if beyond is not None:
        total = Cat(Cat(total, Const(0, 1))[:limit + 1], beyond)
    return total, low


def leading_field(total: Value, low: int, p: Pow2Format) -> Value:
    """Return the magnitude field (0 for zero) of the leading one of ``total``, saturated."""
    field = Const(0, p.width - 1)
    for m in range(1, p.n_magnitudes + 1):
        if low + m - 1 < len(total):
            field = Mux(total[low + m - 1:].any(), m, field)
    return field[:p.width - 1]
