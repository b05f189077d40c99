"""One lane against integer expressions of the law: products, sums, updates, stores.

Slots of every kind follow each other in every cycle, as they do in the array; the controls of a
slot come to stage k of the lane k cycles after the slot.
"""

import numpy as np
import pytest

from taxonn_hw.fixed import Pow2Format, Rounding, requantize, round_shift, saturate
from taxonn_hw.golden.neuron import activate, derivative_code, hidden_delta
from taxonn_hw.plan.latency import PRODUCT_STAGE, SUM_STAGE, WRITE_LATENCY, lane_delta_stage
from taxonn_hw.rtl.taxonn.lane import Lane
from taxonn_hw.rtl.taxonn.numerics import Numerics
from taxonn_hw.testing import trace
from tests.rtl.networks import make_network

LANE_WORD = 0x3C5A


class Bench:
    def __init__(self, network, seed=4):
        self.network, self.rng = network, np.random.default_rng(seed)
        self.numerics = n = Numerics(network)
        self.dut = Lane(numerics=n)
        self.low, self.high = network.config.rate_range
        self.rate = network.config.learning_rate_exponent
        self.steps = [{"random": LANE_WORD, "alive": 1, "control.s4_rate": self.high - self.rate}]
        self.wanted = []  # (cycle, output, value)
        self.at = 1
        self.late = lane_delta_stage(network)

    def set(self, stage, **values):
        while len(self.steps) <= self.at + stage:
            self.steps.append({})
        ports = ("word", "vector", "power") if stage == 1 else ()
        names = {k: k if k in ports else f"control.s{stage}_{k}" for k in values}
        self.steps[self.at + stage].update({names[k]: int(v) for k, v in values.items()})

    def want(self, stage, output, value):
        self.wanted.append((self.at + stage, output, int(value)))

    def code(self, q):
        corners = [q.lo, q.hi, 0]
        codes = corners if self.rng.random() < 0.2 else range(q.lo, q.hi + 1)
        return codes[int(self.rng.integers(len(codes)))]

    def delta(self, fmt):
        if isinstance(fmt, Pow2Format):
            word = int(self.rng.integers(1 << fmt.width))
            return int(fmt.decode(word)), (word & fmt.n_magnitudes) + (
                (word >> fmt.width - 1) << self.numerics.delta.width - 1)
        code = self.code(fmt)
        return code, code

    def word(self):
        return int(self.rng.integers(1 << 16))

    def slot(self, layer, *, kind, stored, x, delta, first=False, spread=False, read=True,
             row_word=0):
        """Send one slot; return its product."""
        f, n = layer.formats, self.numerics
        d, word = delta
        backward, update, bias = kind == "backward", kind == "update", kind == "bias"
        gather = not spread
        lane_is_output = layer.by_outputs
        # who brings what: the lane's element, the broadcast scalar
        delta_in_lane = lane_is_output and kind in ("backward", "update")
        junk = self.code(f.x)
        vector, scalar, own, shared = x, x, 0, 0
        if kind in ("forward", "bias"):
            vector, scalar = (x, junk) if gather and kind == "forward" else (junk, x)
        elif n.pow2:
            own, shared = (word, int(self.rng.integers(2))) if delta_in_lane else (0, word)
            vector, scalar = (junk, x) if delta_in_lane else (x, junk)
        elif kind == "backward":
            vector, scalar = (d, junk) if gather else (junk, d)
        else:
            vector, scalar = (d, x) if lane_is_output else (x, d)
        if read:
            self.set(1, word=stored)
        self.set(1, load=read, load_vector=1, vector=vector, power=own)
        self.set(2, layer=layer.index, scalar=scalar)
        if n.pow2:
            self.set(2, power=shared)
        vector_y = gather and kind in ("forward", "backward")
        self.set(3, layer=layer.index, vector_y=vector_y, backward=backward, update=update,
                 by_outputs=lane_is_output, bias=bias)
        self.set(4, layer=layer.index, accumulate=spread, first=first, row_word=row_word)
        self.set(5, layer=layer.index, bias=bias, row_word=self.word())
        self.set(6, layer=layer.index, row_word=self.word())
        self.set(7, layer=layer.index)
        operand = int(requantize(np.int64(stored), f.weight.frac - f.operand.frac, f.operand,
                                 Rounding.HALF_UP))
        product = {"forward": operand * x << layer.product_shift, "update": x * d,
                   "backward": operand * d, "bias": stored << layer.bias_shift}[kind]
        self.want(PRODUCT_STAGE, "product", product)
        if update:
            mode = self.network.config.rounding.update
            step = round_shift(np.int64(product), layer.update_shift(self.rate), mode,
                               row_word ^ LANE_WORD)
            self.want(WRITE_LATENCY, "updated", saturate(stored - step, f.weight))
        self.at += 1
        return product

    def random_slots(self, count):
        for _ in range(count):
            layer = self.network.layers[int(self.rng.integers(len(self.network.layers)))]
            f = layer.formats
            stored, x, delta = self.code(f.weight), self.code(f.x), self.delta(f.delta)
            kinds = ["forward", "backward", "update"] + ["bias"] * layer.by_outputs
            kind = str(self.rng.choice(kinds))
            if kind == "update" and self.rng.random() < 0.5:  # shares the read of the slot before
                spread = not layer.by_outputs
                self.slot(layer, kind="backward", stored=stored, x=x, delta=delta, spread=spread)
                self.slot(layer, kind="update", stored=stored, x=x, delta=delta, read=False,
                          row_word=self.word())
                continue
            spread = {"forward": layer.by_outputs, "backward": not layer.by_outputs,
                      "bias": True, "update": False}[kind]
            self.slot(layer, kind=kind, stored=stored, x=x, delta=delta, spread=spread,
                      row_word=self.word())

    def accumulate(self, layer, kind):
        """A whole sum in the lane; return it."""
        f = layer.formats
        n = layer.n_in if kind == "forward" else layer.n_out
        total = 0
        for k in range(n):
            total += self.slot(layer, kind=kind, stored=self.code(f.weight) >> 2, x=self.code(f.x),
                               delta=self.delta(f.delta), first=k == 0, spread=True)
            self.at -= 1
            self.want(SUM_STAGE, "accumulator", total)
            self.at += 1
        return total

    def store_activation(self, layer):
        acc = self.accumulate(layer, "forward")
        acc += self.slot(layer, kind="bias", stored=self.code(layer.formats.bias), x=0,
                         delta=(0, 0), spread=True)
        self.at -= 1
        word = self.word()
        self.set(5, row_word=word)
        a, _ = activate(np.int64(acc), layer, self.network.config.rounding.activation,
                        word ^ LANE_WORD)
        self.want(7, "activation", a)
        self.at += 1
        return int(a)

    def store_delta(self, layer, a):
        """A backward spread from the layer above, ended by a null slot that brings ``a``."""
        above = self.network.above(layer)
        acc = self.accumulate(above, "backward")
        word = self.word()
        self.set(1, load=0, load_vector=1, vector=a, power=0)
        self.set(2, layer=above.index, scalar=0)
        self.set(3, layer=above.index, vector_y=0, backward=0, update=0, bias=0)
        self.set(4, layer=above.index, accumulate=0, first=0)
        quantizer = self.late - SUM_STAGE
        self.set(5, layer=above.index, bias=0, row_word=word if quantizer == 2 else self.word())
        self.set(6, layer=above.index, row_word=word if quantizer == 3 else self.word())
        self.set(7, layer=above.index)
        delta = hidden_delta(np.int64(acc), derivative_code(np.int64(a), layer), layer,
                             above.backward_frac, self.network.config.rounding.delta,
                             word ^ LANE_WORD)
        fmt = layer.formats.delta
        if self.numerics.pow2:
            code = int(fmt.encode(delta))
            delta = (code & fmt.n_magnitudes) + (
                code >> fmt.width - 1 << self.numerics.delta.width - 1)
        self.want(self.late, "delta", delta)
        self.at += 1

    def run(self):
        self.steps += [{}] * (self.at + 10 - len(self.steps))
        outputs = sorted({output for _, output, _ in self.wanted})
        seen = trace(self.dut, self.steps, outputs)
        zero = 1 << self.numerics.delta.width - 1 if self.numerics.pow2 else 0
        for cycle, output, value in self.wanted:
            got = seen[cycle][output]
            if output == "delta" and got == zero:  # a zero with a sign
                got = 0
            assert got == value, (cycle, output)


LAYERS = (6, {"size": 5, "mapping": "outputs"}, {"size": 4, "mapping": "inputs"},
          {"size": 7, "mapping": "outputs"}, {"size": 3, "mapping": "inputs"})


@pytest.mark.parametrize("delta", ["p4.6", "s8.7", "s5.2"])
@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("mode", [mode.value for mode in Rounding])
def test_slots(mode, bits, delta):
    bench = Bench(make_network(LAYERS, bits=bits, rounding={"update": mode},
                               formats={"delta": delta, "bias": "s11.12"}))
    bench.random_slots(150)
    bench.run()


@pytest.mark.parametrize("delta", ["p4.6", "s8.7"])
@pytest.mark.parametrize("mode", [mode.value for mode in Rounding])
@pytest.mark.parametrize("kind", ["relu", "leaky_relu", "hard_sigmoid", "identity"])
def test_stores(kind, mode, delta):
    network = make_network(LAYERS, activation=kind, formats={"delta": delta}, leak_exponent=2,
                           rounding={"activation": mode, "delta": mode})
    bench = Bench(network)
    layers = bench.numerics.lane_layers
    assert [layer.index for layer in layers] == [1, 3]
    for _ in range(6):
        for layer in layers:
            bench.store_delta(layer, bench.store_activation(layer))
            bench.store_delta(layer, bench.code(layer.formats.a))
    bench.run()


def test_a_lane_without_a_neuron_stores_zero():
    bench = Bench(make_network(LAYERS, activation="hard_sigmoid"))
    bench.steps[0]["alive"] = 0
    bench.store_activation(bench.network.layers[0])
    bench.wanted = [(cycle, output, 0) for cycle, output, _ in bench.wanted
                    if output == "activation"]
    bench.run()


@pytest.mark.parametrize("rate", [2, 3, 5])
def test_every_rate(rate):
    bench = Bench(make_network(LAYERS, learning_rate_range=[2, 5]))
    bench.rate = rate
    bench.steps[0]["control.s4_rate"] = bench.high - rate
    bench.random_slots(60)
    bench.run()
