"""Constants chosen by layer, and shapes that hold ranges of codes."""

import pytest
from amaranth.hdl import Const, Module, Shape, Signal, signed, unsigned
from amaranth.sim import Simulator

from taxonn_hw.rtl.select import by_index, common_shape


@pytest.mark.parametrize("values, shape", [
    ({1: 5, 2: -3, 3: 0}, signed(4)),
    ({1: 0, 3: 7}, 3),
    ({2: 9}, 4),
])
def test_by_index(values, shape):
    index, result = Signal(3), Signal(signed(8))
    m = Module()
    m.d.comb += result.eq(by_index(index, values, shape))

    async def bench(ctx):
        for i, expected in values.items():
            ctx.set(index, i)
            assert ctx.get(result) == expected

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()


def test_equal_values_need_no_multiplexer():
    same = Signal(4)
    assert by_index(Signal(2), {1: same, 2: same}) is same
    chosen = by_index(Signal(2), {1: 6, 2: 6}, 3)
    assert isinstance(chosen, Const) and (chosen.value, len(chosen)) == (6, 3)
    assert by_index(Signal(2), {1: 6, 2: 6}) == 6
    assert not isinstance(by_index(Signal(2), {1: 6, 2: 5}), int)


@pytest.mark.parametrize("ranges, shape", [
    ([(0, 1)], unsigned(1)), ([(0, 0)], unsigned(1)), ([(0, 255), (0, 256)], unsigned(9)),
    ([(-1, 0)], signed(1)), ([(-128, 127)], signed(8)), ([(-129, 0)], signed(9)),
    ([(-128, 127), (0, 128)], signed(9)), ([(-8, 7), (0, 15)], signed(5)),
])
def test_common_shape(ranges, shape):
    assert common_shape(*ranges) == shape == Shape.cast(shape)
