"""The Amaranth law equals the numpy law: every code of narrow accumulators, every mode."""

from itertools import product

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, Signal, signed, unsigned
from amaranth.sim import Simulator

from taxonn_hw.fixed import (
    Pow2Format,
    QFormat,
    Rounding,
    gates,
    quantize_pow2,
    requantize,
    round_shift,
    saturate,
)

DETERMINISTIC = [Rounding.FLOOR, Rounding.HALF_UP, Rounding.HALF_EVEN]
WORDS = [0, 1, 0x1234, 0x7FFF, 0x8000, 0xA5C3, 0xFFFF]
SHAPES = [signed(1), signed(4), signed(6), unsigned(1), unsigned(5)]


def codes_of(shape) -> range:
    """Return every value of ``shape``."""
    if shape.signed:
        return range(-(1 << shape.width - 1), 1 << shape.width - 1)
    return range(1 << shape.width)


def sweep(build, shapes, vectors) -> list[np.ndarray]:
    """Return the values of the expressions ``build(*inputs)`` for each of ``vectors``.

    One array [vectors] an expression; all of them are read as one word, which is fast.
    """
    m = Module()
    inputs = [Signal(shape, name=f"i{k}") for k, shape in enumerate(shapes)]
    values = build(*inputs)
    outputs = [Signal(value.shape(), name=f"o{k}") for k, value in enumerate(values)]
    m.d.comb += [output.eq(value) for output, value in zip(outputs, values, strict=True)]
    word = Signal(sum(len(output) for output in outputs))
    m.d.comb += word.eq(Cat(outputs))
    words = []

    async def bench(ctx):
        for vector in vectors:
            for signal, value in zip(inputs, vector, strict=True):
                ctx.set(signal, value)
            words.append(ctx.get(word))

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    columns = []
    for output in outputs:
        width = len(output)
        column = [w & (1 << width) - 1 for w in words]
        if output.shape().signed:
            column = [c - (1 << width) if c >> width - 1 else c for c in column]
        columns.append(np.array(column))
        words = [w >> width for w in words]
    return columns


@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_round_shift(shape):
    shifts = range(-2, 9)
    cases = list(product(DETERMINISTIC, shifts))
    acc = np.array(codes_of(shape))
    columns = sweep(lambda a: [gates.round_shift(a, shift, mode) for mode, shift in cases],
                    [shape], [(a,) for a in acc.tolist()])
    for (mode, shift), column in zip(cases, columns, strict=True):
        np.testing.assert_array_equal(column, round_shift(acc, shift, mode), str((mode, shift)))


@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_round_shift_stochastic(shape):
    shifts = [-1, 1, 2, 3, 5, 8, 15, 16, 17, 19]
    vectors = list(product(codes_of(shape), WORDS))
    acc, words = np.array(vectors).T
    columns = sweep(lambda a, r: [gates.round_shift(a, s, Rounding.STOCHASTIC, r) for s in shifts],
                    [shape, unsigned(16)], vectors)
    for shift, column in zip(shifts, columns, strict=True):
        expected = round_shift(acc, shift, Rounding.STOCHASTIC, words)
        np.testing.assert_array_equal(column, expected, str(shift))


@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_saturate(shape):
    formats = [QFormat(width, 0, sign) for width in (1, 2, 4, 5, 7) for sign in (True, False)]
    acc = np.array(codes_of(shape))

    def build(a):
        values = [gates.saturate(a, q) for q in formats]
        assert [value.shape() for value in values] == [gates.shape_of(q) for q in formats]
        return values

    for q, column in zip(formats, sweep(build, [shape], [(a,) for a in acc.tolist()]), strict=True):
        np.testing.assert_array_equal(column, saturate(acc, q), str(q))


@pytest.mark.parametrize("q", [QFormat(3, 0), QFormat(4, 0, False), QFormat(1, 0, False)], ids=str)
def test_requantize(q):
    cases = list(product(Rounding, [-2, 0, 1, 3, 6, 9]))
    vectors = list(product(codes_of(signed(7)), [0, 0x8001, 0xFFFF]))
    acc, words = np.array(vectors).T
    columns = sweep(lambda a, r: [gates.requantize(a, s, q, mode, r) for mode, s in cases],
                    [signed(7), unsigned(16)], vectors)
    for (mode, shift), column in zip(cases, columns, strict=True):
        expected = requantize(acc, shift, q, mode, words)
        np.testing.assert_array_equal(column, expected, str((mode, shift)))


@pytest.mark.parametrize("shift", [0, 1, 2, 4, 15, 16, 18])
def test_a_step_in_one_sum(shift):
    """Offset, then the rest of the law, on totals that hold ties."""
    rng, modes = np.random.default_rng(shift), list(Rounding)
    word, random = rng.integers(-4, 4, 300), rng.integers(0, 1 << 16, 300)
    step = (rng.integers(-9, 10, 300) << shift >> 1) + (rng.integers(0, 3, 300) == 0)
    vectors = np.stack([word, step, random], axis=1).tolist()

    def build(w, s, r):
        for mode in modes:
            offset = gates.rounding_offset(shift, mode, r)
            assert len(offset) == shift
            total = (Cat(~offset, w).as_signed() - s)
            yield gates.finish_step(total, shift, mode, w[0])

    columns = sweep(lambda *v: list(build(*v)), [signed(3), signed(shift + 6), unsigned(16)],
                    vectors)
    for mode, column in zip(modes, columns, strict=True):
        np.testing.assert_array_equal(column, word - round_shift(step, shift, mode, random),
                                      str(mode))


@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("shape", [signed(1), signed(3), signed(7), unsigned(5)], ids=repr)
def test_pow2_round(shape, mode):
    """Also accumulators too narrow to hold the smallest magnitude."""
    cases = list(product([Pow2Format(2, 0), Pow2Format(3, 0), Pow2Format(4, 0)],
                         [-3, -1, 0, 1, 2, 4, 6, 9, 11, 14, 16]))
    words = WORDS if mode is Rounding.STOCHASTIC else [0]
    vectors = list(product(codes_of(shape), words))
    acc, random = np.array(vectors).T

    def build(a, r):
        return [gates.leading_field(*gates.pow2_round(a, shift, p, mode, r), p)
                for p, shift in cases]

    for (p, shift), column in zip(cases, sweep(build, [shape, unsigned(16)], vectors), strict=True):
        magnitude = np.abs(quantize_pow2(acc, shift, p, mode, random))
        np.testing.assert_array_equal(column, p.encode(magnitude), f"{p} {shift}")


@pytest.mark.parametrize("width", [2, 3, 4, 5])
def test_pow2_decode(width):
    p = Pow2Format(width, 0)
    words = np.arange(1 << width)
    column, = sweep(lambda word: [gates.pow2_decode(word, p)], [gates.shape_of(p)],
                    [(w,) for w in words.tolist()])
    np.testing.assert_array_equal(column, p.decode(words))


def test_mask_below():
    lows = range(8)
    values = range(64)
    columns = sweep(lambda v: [gates.mask_below(v, low) for low in lows], [unsigned(6)],
                    [(v,) for v in values])
    for low, column in zip(lows, columns, strict=True):
        expected = [(1 << max(v.bit_length() - 1, low)) - 1 for v in values]
        np.testing.assert_array_equal(column, expected, str(low))
