"""One lane against integer expressions of the law: products, sums, updates, stores.

Slots of every kind follow each other in every cycle, as they do in the array; the controls of a
slot come to stage k of the lane k cycles after the slot.
"""

import numpy as np
import pytest

from taxonn_hw.fixed import (
    Pow2Format,
    Rounding,
    requantize,
    round_shift,
    rounding_offset,
    saturate,
)
from taxonn_hw.golden.neuron import activate, derivative_code, hidden_delta
from taxonn_hw.plan.latency import (
    PRODUCT_STAGE,
    SUM_STAGE,
    WRITE_STAGE,
    lane_activation_stage,
    lane_delta_stage,
)
from taxonn_hw.rtl.taxonn.lane import Lane
from taxonn_hw.rtl.taxonn.lane_products import alignments
from taxonn_hw.rtl.taxonn.numerics import Numerics
from taxonn_hw.testing import trace
from tests.rtl.networks import make_network

LANE_WORD = 0x3C5A


class Bench:
    def __init__(self, network, seed=4):
        self.network, self.rng = network, np.random.default_rng(seed)
        self.numerics = n = Numerics(network)
        self.alignment = n.alignment
        self.dut = Lane(numerics=n)
        self.rate = network.config.learning_rate_exponent
        self.steps = [{"random": LANE_WORD, "alive": 1}]
        self.wanted = []  # (cycle, output, value)
        self.at = 1

    def set(self, stage, **values):
        while len(self.steps) <= self.at + stage:
            self.steps.append({})
        ports = ("word", "late_word", "element", "extra")
        names = {k: k if k in ports else f"control.c{stage}_{k}" for k in values}
        self.steps[self.at + stage].update({names[k]: int(v) for k, v in values.items()})

    def want(self, stage, output, value):
        self.wanted.append((self.at + stage, output, int(value)))

    def offset(self, mode, row_word, complement):
        """The row's part of the offset of rounding, and whether the lane's takes part."""
        point, mode = self.alignment.point, Rounding(mode)
        if not point:
            return {"offset": 0, "offset_lane": 0}
        offset = int(rounding_offset(point, mode, row_word))
        full = (1 << point) - 1
        return {"offset": full - offset if complement else offset,
                "offset_lane": mode is Rounding.STOCHASTIC}

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

    def slot(self, layer, *, kind, stored, x, delta, first=False, spread=False, row_word=0,
             offset=0, extra=0):
        """Send one slot; return what it adds to a sum, without zeros."""
        f, n, a = layer.formats, self.numerics, self.alignment
        d, word = delta
        update, bias, forward = kind == "update", kind == "bias", kind in ("forward", "bias")
        lane_is_output = layer.by_outputs
        delta_in_lane = lane_is_output and not forward
        gather = not spread and not update
        activation, junk = x, self.code(f.x)
        zeros, own = 0, 0
        if forward:
            zeros = a.forward_zeros(layer)
            scalar = junk if gather else x
            element, is_activation = (x, 1) if gather else (self.any_element(), self.word() & 1)
        else:
            zeros = a.update_zeros(layer, self.rate) if update else 0 if gather \
                else a.backward_zeros(layer)
            own = delta_in_lane
            is_activation = not delta_in_lane
            element = activation if is_activation else word
            scalar = x if delta_in_lane else d
            if not update:
                element = word if gather else self.any_element()
                is_activation = 0
                own = gather
        self.set(2, word=stored, layer=layer.index, lowest=bias)
        self.set(3, late_word=stored, element=self.bits(element), layer=layer.index,
                 activation=is_activation, element_y=gather, element_x=update)
        shift = zeros + layer.product_shift if forward else zeros
        if n.pow2:
            self.set(3, shift=not forward, own_power=own, negate=update,
                     zeros=0 if forward else shift,
                     power=self.word() & 1 if own else word,
                     factor=x if forward or update else self.code(f.x))
        else:
            factor = -scalar if update else scalar
            self.set(3, factor=0 if gather else factor << (shift if a.scaled else 0))
        if bias:
            self.set(3, factor=a.offset_factor(layer) if a.rounds_activations else 0)
        self.set(4, layer=layer.index, update=update, bias=bias, offset=0, offset_lane=0)
        if update:
            self.set(4, **self.offset(self.network.config.rounding.update, row_word, True))
        self.set(4, extra=extra)
        shifts = alignments(n)
        if a.scaled or (n.pow2 and not forward):  # the zeros came before
            alignment = int(self.rng.integers(len(shifts)))
        else:
            alignment = shifts.index(shift)
        self.set(5, alignment=alignment)
        self.set(6, layer=layer.index, accumulate=spread, first=first, bias=bias)
        self.set(7, layer=layer.index, row_word=self.word())
        self.set(8, layer=layer.index, row_word=self.word())
        self.set(9, layer=layer.index)
        operand = int(requantize(np.int64(stored), f.weight.frac - f.operand.frac, f.operand,
                                 Rounding.HALF_UP))
        product = {"forward": operand * x << layer.product_shift, "update": x * d,
                   "backward": operand * d, "bias": stored << layer.bias_shift}[kind]
        if gather:
            self.want(PRODUCT_STAGE, "gathered", product + extra)
        if update:
            mode = self.network.config.rounding.update
            step = round_shift(np.int64(product), layer.update_shift(self.rate), mode,
                               row_word ^ LANE_WORD)
            self.want(WRITE_STAGE, "updated", saturate(stored - step, f.weight))
        self.at += 1
        return product

    def any_element(self):
        return int(self.rng.integers(-1 << len(self.dut.element) - 1,
                                     1 << len(self.dut.element) - 1))

    def bits(self, code):
        return code & (1 << len(self.dut.element)) - 1

    def random_slots(self, count):
        for _ in range(count):
            layer = self.network.layers[int(self.rng.integers(len(self.network.layers)))]
            f = layer.formats
            stored, x, delta = self.code(f.weight), self.code(f.x), self.delta(f.delta)
            kinds = ["forward", "backward", "update"] + ["bias"] * layer.by_outputs
            kind = str(self.rng.choice(kinds))
            extra = 0
            if kind == "forward" and not layer.by_outputs:
                extra = self.code(f.bias) << layer.bias_shift
            spread = {"forward": layer.by_outputs, "backward": not layer.by_outputs,
                      "bias": True, "update": False}[kind]
            self.slot(layer, kind=kind, stored=stored, x=x, delta=delta, spread=spread,
                      row_word=self.word(), extra=extra)

    def accumulate(self, layer, kind):
        """A whole sum in the lane; return it."""
        f, a = layer.formats, self.alignment
        n = layer.n_in if kind == "forward" else layer.n_out
        zeros = a.forward_zeros(layer) if kind == "forward" else a.backward_zeros(layer)
        total = 0
        for k in range(n):
            total += self.slot(layer, kind=kind, stored=self.code(f.weight) >> 2, x=self.code(f.x),
                               delta=self.delta(f.delta), first=k == 0, spread=True)
            self.at -= 1
            self.want(SUM_STAGE, "accumulator", total << zeros)
            self.at += 1
        return total

    def store_activation(self, layer):
        acc = self.accumulate(layer, "forward")
        acc += self.slot(layer, kind="bias", stored=self.code(layer.formats.bias), x=0,
                         delta=(0, 0), spread=True)
        self.at -= 1
        word = self.word()
        self.set(7, row_word=word)
        a, _ = activate(np.int64(acc), layer, self.network.config.rounding.activation,
                        word ^ LANE_WORD)
        self.want(lane_activation_stage(self.alignment), "activation", a)
        self.at += 1
        return int(a)

    def store_delta(self, layer, a):
        """A backward spread from the layer above, ended by a null slot that brings ``a``."""
        above, mode = self.network.above(layer), self.network.config.rounding.delta
        acc = self.accumulate(above, "backward")
        word = self.word()
        self.set(2, word=self.code(above.formats.weight), layer=above.index, lowest=0)
        self.set(3, element=self.bits(a), layer=above.index, activation=1, factor=0, element_y=0,
                 element_x=0)
        if self.numerics.pow2:
            self.set(3, shift=1, own_power=0, negate=0, power=0)
        self.set(4, layer=above.index, update=0, bias=0, offset=0, offset_lane=0)
        if self.alignment.rounds_deltas:
            self.set(4, **self.offset(mode, word, False))
        self.set(5, alignment=0)
        self.set(6, layer=above.index, accumulate=1, first=0, bias=0)
        late = lane_delta_stage(self.alignment) - SUM_STAGE == 3
        self.set(7, layer=above.index, row_word=self.word() if late else word)
        self.set(8, layer=above.index, row_word=word if late else self.word())
        self.set(9, layer=above.index)
        delta = hidden_delta(np.int64(acc), derivative_code(np.int64(a), layer), layer,
                             above.backward_frac, mode, word ^ LANE_WORD)
        fmt = layer.formats.delta
        if self.numerics.pow2:
            code = int(fmt.encode(delta))
            delta = (code & fmt.n_magnitudes) + (
                code >> fmt.width - 1 << self.numerics.delta.width - 1)
        self.want(lane_delta_stage(self.alignment), "delta", delta)
        self.at += 1

    def run(self):
        self.steps += [{}] * (self.at + 11 - len(self.steps))
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


@pytest.mark.parametrize("delta", ["p4.6", "s8.7", "s14.13"])
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
    bench.random_slots(60)
    bench.run()
