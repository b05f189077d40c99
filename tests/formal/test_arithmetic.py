"""requantize, saturate and the power-of-two quantiser, for every input.

The specification is written as inequalities that leave one result only, without a shift or a mask
of the code under proof.
"""

from itertools import pairwise, product

import pytest
from amaranth.hdl import Assert, Const, Module, Shape, Signal, Value, signed, unsigned

from taxonn_hw.fixed import RANDOM_BITS, Pow2Format, QFormat, Rounding
from taxonn_hw.fixed.gates import absolute, leading_field, pow2_round, requantize, saturate
from taxonn_hw.flow.formal import Method, Verdict
from tests.formal.harness import implies, verdict

HOLDS, REFUTED = Verdict.HOLDS, Verdict.REFUTED


def held(m, value):
    """``value`` as a signal, so that many conditions share one copy of its logic."""
    signal = Signal(Value.cast(value).shape(), name="held")
    m.d.comb += signal.eq(value)
    return signal


def scaled(value, power: int):
    """``value * 2**power``, exact."""
    return value * Const(1 << power)


def is_requantized(result, acc, shift, q, mode, random):
    """Conditions that ``result`` is ``acc / 2**shift``, rounded and clipped."""
    above, below = result > q.lo, result < q.hi  # what the clipping leaves open
    conditions = [result >= q.lo, result <= q.hi]
    if shift <= 0:
        exact = scaled(acc, -shift)
        return [*conditions, implies(above, result <= exact), implies(below, result >= exact)]
    if mode is Rounding.HALF_EVEN:
        twice, middle, half = acc * 2, scaled(result, shift + 1), 1 << shift
        even = ~result[0]
        return [*conditions,
                implies(above, (twice > middle - half) | ((twice == middle - half) & even)),
                implies(below, (twice < middle + half) | ((twice == middle + half) & even))]
    bits = 0  # of the fraction below the bits of acc
    if mode is Rounding.STOCHASTIC:
        bits = max(RANDOM_BITS - shift, 0)
        number = scaled(acc, bits) + scaled(random, max(shift - RANDOM_BITS, 0))
    else:
        number = acc + (1 << shift - 1 if mode is Rounding.HALF_UP else 0)
    return [*conditions, implies(above, scaled(result, shift + bits) <= number),
            implies(below, number < scaled(result + 1, shift + bits))]


def prove_all(build, shape):
    """The verdict on the conditions of ``build(m, acc, random)``, for all sums and words."""
    m, acc, random = Module(), Signal(shape, name="acc"), Signal(RANDOM_BITS, name="random")
    m.d.comb += [Assert(condition) for condition in build(m, acc, random)]
    return verdict(m, [acc, random], method=Method.BMC, depth=1)


FORMATS = [QFormat(4, 0), QFormat(8, 0), QFormat(5, 0, False), QFormat(1, 0), QFormat(12, 0)]
SHIFTS = [-3, 0, 1, 2, 7, 11, 15, 16, 17, 20]


def requantized(mode, formats, shifts, *, spec_mode=None, spec_format=None):
    def build(m, acc, random):
        for q, shift in product(formats, shifts):
            result = held(m, requantize(acc, shift, q, mode, random))
            yield from is_requantized(result, acc, shift, spec_format or q, spec_mode or mode,
                                      random)
    return build


@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("shape", [signed(9), signed(20)], ids=repr)
def test_requantize(shape, mode):
    assert prove_all(requantized(mode, FORMATS[:3], SHIFTS), shape) is HOLDS


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("shape", [signed(1), unsigned(7), unsigned(24), signed(33), signed(48)],
                         ids=repr)
def test_requantize_more(shape, mode):
    assert prove_all(requantized(mode, FORMATS, SHIFTS), shape) is HOLDS


@pytest.mark.parametrize("broken", [
    {"mode": Rounding.FLOOR, "spec_mode": Rounding.HALF_UP},
    {"mode": Rounding.HALF_UP, "spec_mode": Rounding.HALF_EVEN},
    {"mode": Rounding.FLOOR, "spec_mode": Rounding.STOCHASTIC},
    {"mode": Rounding.FLOOR, "spec_format": QFormat(3, 0)},
    {"mode": Rounding.FLOOR, "spec_format": QFormat(5, 0)},
], ids=str)
def test_a_wrong_requantize_is_refuted(broken):
    assert prove_all(requantized(formats=FORMATS[:1], shifts=[2], **broken), signed(9)) is REFUTED


def clipped(q_of=lambda q: q):
    def build(m, acc, _):
        for q in [*FORMATS, QFormat(32, 0), QFormat(9, 0, False)]:
            result = held(m, saturate(acc, q))
            wanted = q_of(q)
            yield (result == acc) | ((acc > wanted.hi) & (result == wanted.hi)) | (
                (acc < wanted.lo) & (result == wanted.lo))
            yield (result >= wanted.lo) & (result <= wanted.hi)
            assert result.shape() == Shape(q.width, q.signed)
    return build


def test_saturate():
    assert all(prove_all(clipped(), shape) is HOLDS for shape in (signed(12), unsigned(12)))


def test_a_wrong_saturate_is_refuted():
    wrong = clipped(lambda q: QFormat(max(q.width - 1, 1), 0, q.signed))
    assert prove_all(wrong, signed(12)) is REFUTED


def is_pow2(field, size, shift, p, mode, random):
    """Conditions that ``field`` is that neighbour of magnitude ``size`` that ``mode`` asks for."""
    size, n = scaled(size, max(-shift, 0)), p.n_magnitudes
    grid = [0] + [1 << m + max(shift, 0) for m in range(n)]
    drop = max(shift + n - 1 - RANDOM_BITS, 0)  # bits too fine for a random word
    yield field <= n
    yield implies(size >= grid[n], field == n)
    for k, (lower, upper) in enumerate(pairwise(grid)):
        here = (size >= lower) & (size < upper)
        up = field == k + 1
        yield implies(here, (field == k) | up)
        yield implies(here & (size == lower), field == k)
        if mode is Rounding.FLOOR:
            yield implies(here, ~up)
        elif mode is Rounding.HALF_UP and not drop:
            yield implies(here, up == (size * 2 >= lower + upper))
        elif mode is Rounding.HALF_EVEN and not drop:
            yield implies(here, up == ((size * 2 > lower + upper) | (
                (size * 2 == lower + upper) & k % 2)))
        elif mode is Rounding.STOCHASTIC and not drop:
            gap = upper - lower
            draw = random[:gap.bit_length() - 1] if gap > 1 else Const(0)
            yield implies(here, up == (size + draw >= upper))


POWERS = [Pow2Format(width, 0) for width in (2, 3, 4)]


def quantized(mode, shifts, *, spec_mode=None, formats=POWERS[1:]):
    def build(m, acc, random):
        for p, shift in product(formats, shifts):
            total, low = pow2_round(acc, shift, p, mode, random)
            field = held(m, leading_field(held(m, total), low, p))
            yield from is_pow2(field, held(m, absolute(acc)), shift, p, spec_mode or mode, random)
    return build


@pytest.mark.parametrize("mode", list(Rounding))
def test_pow2(mode):
    assert prove_all(quantized(mode, [-1, 0, 3, 5]), signed(10)) is HOLDS


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("shape", [signed(5), unsigned(12), signed(28)], ids=repr)
def test_pow2_more(shape, mode):
    for shift in (-4, -1, 0, 2, 3, 7, 12, 16):
        assert prove_all(quantized(mode, [shift], formats=POWERS), shape) is HOLDS, shift


@pytest.mark.parametrize("mode, spec_mode", [
    (Rounding.FLOOR, Rounding.HALF_UP), (Rounding.HALF_UP, Rounding.HALF_EVEN),
    (Rounding.HALF_UP, Rounding.FLOOR), (Rounding.HALF_UP, Rounding.STOCHASTIC)])
def test_a_wrong_pow2_is_refuted(mode, spec_mode):
    assert prove_all(quantized(mode, [3], spec_mode=spec_mode), signed(9)) is REFUTED
