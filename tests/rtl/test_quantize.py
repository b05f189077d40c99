"""DeltaQuantizer against the golden deltas: formats, roundings, mixed layers, latency."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from taxonn_hw.fixed import Pow2Format, Rounding
from taxonn_hw.golden.neuron import hidden_delta
from taxonn_hw.plan.latency import quantizer_latency
from taxonn_hw.rtl.quantize import DeltaQuantizer
from taxonn_hw.rtl.select import common_shape
from taxonn_hw.testing import trace
from tests.rtl.networks import make_network, sums

WIDTH = 14
FORMATS = {"pow2": ["p4.6", "p4.6"], "pow2s": ["p3.5", "p5.12"], "fixed": ["s8.7", "s5.9"],
           "mixed": ["s8.7", "p4.6"], "mixed_other_way": ["p2.3", "s3.10"]}
FRACS = [7, 12]  # fraction bits of the values


class Harness(wiring.Component):
    """The quantiser with ports; the layer index and the random word travel with the value."""

    def __init__(self, cases, mode, as_pow2, shape):
        self.quantizer = DeltaQuantizer(cases=cases, mode=mode, as_pow2=as_pow2, shape=shape)
        super().__init__({"value": In(signed(WIDTH)), "index": In(2), "random": In(16),
                          "live": In(1), "delta": Out(shape)})

    def elaborate(self, platform):
        m = Module()
        index = [self.index]
        for stage in range(1, self.quantizer.latency):
            index.append(Signal(2, name=f"index_{stage}"))
            m.d.sync += index[stage].eq(index[stage - 1])
        random = self.random
        for _ in range(self.quantizer.random_delay()):
            late = Signal(16)
            m.d.sync += late.eq(random)
            random = late
        m.d.comb += self.delta.eq(self.quantizer.build(m, self.value, index, random, "q",
                                                       live=self.live))
        return m


@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("name", FORMATS)
def test_quantizer(name, mode):
    tables = [{"size": 2, "formats": {"delta": fmt}} for fmt in FORMATS[name]]
    layers = make_network((3, *tables)).layers
    cases = {layer.index: (layer, frac) for layer, frac in zip(layers, FRACS, strict=True)}
    formats = [layer.formats.delta for layer in layers]
    as_pow2 = all(isinstance(fmt, Pow2Format) for fmt in formats)
    shape = common_shape(*((fmt.lo, fmt.hi) for fmt in formats))
    if as_pow2:
        shape = unsigned(max(fmt.width for fmt in formats))
    dut = Harness(cases, mode, as_pow2, shape)
    latency = dut.quantizer.latency
    assert latency == quantizer_latency(formats) == (2 if name == "fixed" else 3)

    rng = np.random.default_rng(4)
    n = 300
    values = sums(rng, (1 << WIDTH - 1) - 1, n)
    values[7] = -1 << WIDTH - 1
    values[8:16] = [64, 96, 95, 97, -64, -96, 48, 6144]  # ties between powers
    index, words = rng.integers(1, 3, n), rng.choice([0, 0xFFFF, 0x5555, 0x1234], n)
    index[8:16] = 1
    live = rng.random(n) < 0.9
    live[7:16] = True
    steps = [{"value": v, "index": i, "random": r, "live": int(alive)} for v, i, r, alive in zip(
        values.tolist(), index.tolist(), words.tolist(), live, strict=True)]
    got = [s["delta"] for s in trace(dut, steps + [{}] * latency, ["delta"])[latency:]]
    expected = np.zeros(n, dtype=np.int64)
    for layer, frac in cases.values():
        mine = index == layer.index
        code = hidden_delta(values[mine], live[mine], layer, frac - layer.derivative_frac, mode,
                            words[mine])
        fmt = layer.formats.delta
        if as_pow2:  # the sign above the widest field
            word = fmt.encode(code)
            code = (word & fmt.n_magnitudes) + ((code < 0).astype(int) << shape.width - 1)
        expected[mine] = code
    if as_pow2:  # the sign of a zero does not matter
        got = [g if g & (1 << shape.width - 1) - 1 else 0 for g in got]
    np.testing.assert_array_equal(got, expected)
    assert len(np.unique(expected)) > 4
