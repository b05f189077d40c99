"""Softmax outputs through the compiled Verilog: every bit and every clock as predicted."""

import numpy as np
import pytest
from amaranth.hdl import signed

from taxonn_hw.golden import GoldenModel
from taxonn_hw.golden.softmax import softmax_codes
from taxonn_hw.host.simulation import open_simulation
from taxonn_hw.plan.latency import softmax_latency
from taxonn_hw.plan.timing import predict
from taxonn_hw.rtl.taxonn.numerics import Numerics
from taxonn_hw.rtl.taxonn.softmax import Softmax
from taxonn_hw.testing import simulate

from ...golden.test_conv import SHAPES, make
from ...golden.test_model import samples, scatter
from ..networks import make_network
from . import test_conv_nets


def check(network, n=6, seed=4):
    rng = np.random.default_rng(seed)
    start = scatter(network, rng)
    golden = GoldenModel(network, start)
    x, target = (np.array(part) for part in samples(network, rng, n))
    traces = [golden.train(*pair) for pair in zip(x, target, strict=True)]
    with open_simulation(network) as device:
        device.load(start)
        device.restart()
        device.clear()
        outputs, trained = device.train(x, target), device.counters()
        device.clear()
        inferred, counted, dumped = device.infer(x), device.counters(), device.dump()
    np.testing.assert_array_equal(outputs, [trace.output for trace in traces])
    for pair, expected in zip(dumped, golden.parameters, strict=True):
        for array, reference in zip(pair, expected, strict=True):
            np.testing.assert_array_equal(array, reference)
    predicted = predict(network, traces)
    assert (trained.cycles, trained.slots) == (predicted.cycles, predicted.slots)
    if network.config.rounding.activation != "stochastic":
        np.testing.assert_array_equal(inferred, golden.infer(x))
        traces = [GoldenModel(network, golden.parameters).train(*pair)
                  for pair in zip(x, target, strict=True)]
        predicted = predict(network, traces, training=False)
        assert (counted.cycles, counted.slots) == (predicted.cycles, predicted.slots)


@pytest.mark.parametrize(("layers", "keys"), [
    ((5, 9, 7), {"mapping": "outputs", "lanes": 3}),
    ((6, 5, 10), {"mapping": "inputs", "lanes": 4, "formats": {"delta": "p4.6"}}),
    ((4, 2), {"table_bits": 5, "rounding": {"activation": "stochastic"}}),
])
def test_dense(layers, keys):
    check(make_network(layers, output="softmax", **keys))


def test_convolution():
    image, layers = SHAPES["odd image, pooled"]
    test_conv_nets.check(make(image, [*layers[:-1], 5], lanes=4, output="softmax"))


@pytest.mark.parametrize(("n_out", "bits", "mode"), [
    (2, 4, "half_up"), (7, 8, "half_even"), (16, 12, "floor")])
def test_codes_and_clocks(n_out, bits, mode):
    """Sums near each other and far apart, all equal, gaps in time; other sums pass through."""
    network = make_network((3, 3, n_out), output="softmax", table_bits=bits, mapping="inputs",
                           bits=12, rounding={"activation": mode})
    layer, rng = network.output, np.random.default_rng(n_out)
    dut = Softmax(numerics=Numerics(network), total=signed(40))
    unit = layer.forward_frac - (bits - 3)
    sums = [rng.integers(-spread, spread + 1, n_out) << max(unit - 1, 0)
            for spread in (0, 1, 2, 3, 8, 60, 2000) for _ in range(4)]
    expected = [softmax_codes(s, layer, network.config.rounding.activation) for s in sums]

    async def bench(ctx):
        for values, codes in zip(sums, expected, strict=True):
            for k, value in enumerate(values):
                if rng.random() < 0.3:
                    ctx.set(dut.valid, 0)
                    await ctx.tick()
                ctx.set(dut.valid, 1)
                ctx.set(dut.total, int(value))
                ctx.set(dut.tag, {"layer": layer.index, "backward": 0, "item": k,
                                  "finish": int(k == n_out - 1)})
                assert not ctx.get(dut.o.valid)
                await ctx.tick()
            ctx.set(dut.tag.layer, 1)  # a hidden neuron's
            assert ctx.get(dut.o.valid) and ctx.get(dut.o.tag.layer) == 1
            ctx.set(dut.valid, 0)
            for _ in range(softmax_latency(network) - 1):
                assert not ctx.get(dut.o.valid)
                await ctx.tick()
            for k, code in enumerate(codes):
                assert ctx.get(dut.o.valid) and ctx.get(dut.o.tag.item) == k
                assert ctx.get(dut.o.total) == code
                assert ctx.get(dut.o.tag.finish) == (k == n_out - 1)
                await ctx.tick()
            assert not ctx.get(dut.o.valid)

    simulate(dut, bench, max_cycles=5000)
