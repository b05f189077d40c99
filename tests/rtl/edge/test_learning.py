"""Update and backward lanes against the law: every kind of delta, every order of rows."""

from dataclasses import replace

import numpy as np
import pytest

from taxonn_hw.fixed import Pow2Format, Rounding, requantize, round_shift, saturate
from taxonn_hw.golden.neuron import hidden_delta
from taxonn_hw.plan.edge.latency import junction_stages
from taxonn_hw.rtl.edge.backward import REGISTER_ROWS, BackwardLane, BackwardProducts, LeftDelta
from taxonn_hw.rtl.edge.shapes import JunctionShapes
from taxonn_hw.rtl.edge.update import StepLane, StepScale
from taxonn_hw.testing import trace
from tests.edge_configs import edge_network
from tests.rtl.edge.test_neurons import SHARED, codes

RATES = (1, 4)
UP = Rounding.HALF_UP


def a_network(edge=None, **keys):
    if (edge or {}).get("arithmetic"):
        keys = {"formats": {"weight": "s8.5"}, **keys}
    return edge_network((24, 16, 8), edge={"fan_out": [8, 4], "cycles": 8, **(edge or {})},
                        learning_rate_range=list(RATES), table_bits=6, **keys)


def stages_of(network, index: int, flat: bool):
    stages = junction_stages(network.layers)[index - 1]
    assert stages.slope
    if not flat:
        return stages
    if network.compatible:
        return replace(stages, rounding=False, slope=False, product=3, backward=5, update=5,
                       step=0)
    return replace(stages, slope=False, left_quantizer=1, backward=stages.product + 2)


def deltas(rng, fmt, n: int):
    """Return random deltas as codes and as stored words (some zeros with a sign)."""
    if isinstance(fmt, Pow2Format):
        words = rng.integers(0, 1 << fmt.width, n)
        return fmt.decode(words), words
    values = codes(rng, fmt, n)
    return values, values


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("formats", [
    {"delta": "p4.6"}, {"delta": "s8.7"}, {"delta": "p3.2", "input": "s4.1", "bias": "s9.9"},
    {"delta": "s5.1", "weight": "s12.11", "operand": "s12.11", "input": "u3.0", "bias": "s12.12"},
    {"delta": "p5.9", "weight": "s6.2", "operand": "s4.1", "bias": "s6.0"}])
@pytest.mark.parametrize("registers", [0, 1, 2])
def test_step(formats, mode, bias, registers):
    """Scale and lane together, every rate, a clock after the other."""
    network = a_network(bits=6, formats=formats)
    j, stages = network.layers[0], junction_stages(network.layers)[0]
    stages = replace(stages, step=registers, update=5 + registers)
    rng, n, f = np.random.default_rng(8), 160, j.formats
    q = f.bias if bias else f.weight
    delta, word = deltas(rng, f.delta, n)
    x, old = codes(rng, f.x, n), codes(rng, q, n)
    random, rate = rng.integers(0, 1 << 16, n), rng.integers(RATES[0], RATES[1] + 1, n)
    scaled = trace(StepScale(junction=j, rates=RATES), [
        {"delta": int(w), "extra": int(RATES[1] - r)} for w, r in zip(word, rate, strict=True)]
        + [{}], fields := [f"o.0.{name}" for name in StepScale(
            junction=j, rates=RATES).layout.members])
    lane = StepLane(junction=j, stages=stages, rates=RATES, mode=mode, bias=bias)
    word_stage, latency = lane.word_stage(stages), stages.update - 4
    steps = [{} for _ in range(n + latency + 1)]
    for k in range(n):
        steps[k] |= {"x": int(x[k])} | {f"step.{name[4:]}": scaled[k + 1][name] for name in fields}
        steps[k + word_stage] |= {"word": int(old[k]), "random": int(random[k])}
    seen = trace(lane, steps, ["new"])
    shift = j.bias_update_shift if bias else j.update_shift
    step = delta if bias else x * delta
    for k in range(n):
        moved = round_shift(step[k], shift(int(rate[k])), mode, random[k])
        assert seen[k + latency]["new"] == saturate(old[k] - moved, q), k


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_published_step(bias, flat):
    network = a_network(SHARED)
    j, stages = network.layers[0], stages_of(network, 1, flat)
    rng, n, q = np.random.default_rng(9), 200, j.q
    delta, x, old = codes(rng, q, n), codes(rng, j.formats.x, n), codes(rng, q, n)
    rate = rng.integers(RATES[0], RATES[1] + 1, n)
    scaled = trace(StepScale(junction=j, rates=RATES), [
        {"delta": int(d), "extra": int(RATES[1] - r)} for d, r in zip(delta, rate, strict=True)]
        + [{}], ["o.0.step"])
    word_stage, latency = StepLane.word_stage(stages), stages.update - 4
    steps = [{} for _ in range(n + latency + 1)]
    for k in range(n):
        steps[k] |= {"x": int(x[k]), "step.step": scaled[k + 1]["o.0.step"]}
        steps[k + word_stage] |= {"word": int(old[k])}
    seen = trace(StepLane(junction=j, stages=stages, rates=RATES, mode=UP, bias=bias), steps,
                 ["new"])
    g = np.array([round_shift(saturate(-d, q), int(r), UP) for d, r in zip(delta, rate,
                                                                          strict=True)])
    step = g if bias else requantize(x * g, j.product_drop, q, UP)
    new = saturate(old + step, q)
    np.testing.assert_array_equal([seen[k + latency]["new"] for k in range(n)], new)


@pytest.mark.parametrize(("keys", "flat"), [
    ({"formats": {"delta": "p4.6"}}, False), ({"formats": {"delta": "s7.3"}}, False),
    ({"edge": SHARED}, False), ({"edge": SHARED}, True)])
def test_products(keys, flat):
    network = a_network(bits=5, **keys) if "edge" not in keys else a_network(**keys)
    below, j = network.layers
    stages = stages_of(network, 2, flat)
    rng, n, f = np.random.default_rng(10), 150, j.formats
    operand, slope = codes(rng, f.operand, n), rng.integers(0, below.derivative_bound + 1, n)
    delta, word = deltas(rng, f.delta, n)
    latency = (4 if stages.rounding else 2) if j.compatible else 1
    steps = [{"operand": int(o), "delta": int(d), "slope": int(s)}
             for o, d, s in zip(operand, word, slope, strict=True)] + [{}] * latency
    seen = trace(BackwardProducts(junction=j, below=below, stages=stages), steps,
                 ["product.value", "product.carry"])
    expected = operand * delta
    if j.compatible:
        expected = requantize(requantize(delta * slope, j.q.frac, j.q, UP) * operand, j.q.frac,
                              j.q, UP)
    for k in range(n):
        got = seen[k + latency]
        assert got["product.value"] + got["product.carry"] == expected[k]


class Lane:
    """A lane in junction cycles of random products, with the deltas read in between."""

    def __init__(self, network, mode, flat):
        self.below, self.j = network.layers
        self.mode, self.stages = mode, stages_of(network, 2, flat)
        self.rng, self.cycle = np.random.default_rng(11), 0
        self.shapes = JunctionShapes(self.j)
        self.depth, self.sweeps = self.j.depth, self.j.sweeps
        self.in_registers = self.depth <= REGISTER_ROWS
        product = self.stages.backward - 1 if self.j.compatible else self.stages.product
        self.late = self.stages.backward - product  # from a product to the write of its delta
        self.steps: list[dict] = [{}]
        self.wanted = []  # (cycle, output, delta)
        self.deltas = None

    def at(self, clock, **values):
        while len(self.steps) <= clock:
            self.steps.append({})
        self.steps[clock] |= {name: int(value) for name, value in values.items()}

    def product(self):
        """Return a product's value, and its two parts as they travel."""
        f, rng = self.j.formats, self.rng
        if self.j.compatible:
            value = int(codes(rng, self.j.q, ()))
            return value, {"product.value": value}
        delta, _ = deltas(rng, f.delta, 1)
        value = int(codes(rng, f.operand, ())) * int(delta[0])
        carry = int(self.shapes.pow2 and rng.random() < 0.5)
        return value, {"product.value": value - carry, "product.carry": carry}

    def junction_cycle(self, pause: int):
        """Products of a junction cycle, rows in any order; then so many idle clocks and ``d``."""
        rng, depth, below = self.rng, self.depth, self.below
        start = len(self.steps) + 2
        toggle = self.cycle % 2
        self.at(start - 2, swap=1)
        self.read(start - 1 if self.in_registers else start - 2, toggle)
        for k in range(-2, 0):
            self.at(start + k, toggle=toggle, valid=0)
        sums = np.zeros(depth, dtype=np.int64)
        deltas = np.zeros(depth, dtype=np.int64)
        last_row = None
        for sweep in range(self.sweeps):
            order = rng.permutation(depth)
            if last_row is not None and rng.random() < 0.6:  # the same row twice, or nearly
                order = np.roll(order, -int(np.flatnonzero(order == last_row)[0])
                                + int(rng.integers(0, min(depth, 2))))
            for step, row in enumerate(order):
                k = start + sweep * depth + step
                value, parts = self.product()
                slope, word = int(rng.integers(0, below.derivative_bound + 1)), int(
                    rng.integers(1 << 16))
                if not below.activation.is_table:
                    slope = int(rng.choice([0, 1]))
                self.at(k, **parts)
                self.at(k - 1, row=row, valid=1, first=sweep == 0, last=sweep == self.sweeps - 1,
                        toggle=toggle)
                self.at(k + 1, slope=slope)
                total = (sums[row] if sweep else 0) + value
                if self.j.compatible:
                    total = saturate(total, self.j.q)
                sums[row] = total
                if not self.j.compatible:
                    delay = 1 + LeftDelta.word_stage(below, self.stages)
                    self.at(k + delay, random=word)
                    deltas[row] = hidden_delta(np.int64(total), np.int64(slope), below,
                                               self.j.backward_frac, self.mode, word)
                else:
                    deltas[row] = total
                last_row = row
        end = start + self.sweeps * depth
        for k in range(end - 1, end + self.late + pause):
            self.at(k, valid=0)
        self.deltas, self.cycle = deltas, self.cycle + 1

    def read(self, clock: int, toggle: int) -> None:
        """Ask for every delta of the junction cycle before, at random, from ``clock`` on."""
        if self.deltas is None:
            return
        if self.in_registers:
            self.wanted += [(clock, f"deltas.{r}", int(self.deltas[r])) for r in range(self.depth)]
            return
        for k, row in enumerate(self.rng.permutation(self.depth)):
            self.at(clock + k, read_row=row, read_toggle=toggle)
            self.wanted.append((clock + k + 1, "delta", int(self.deltas[row])))

    def check(self):
        dut = BackwardLane(junction=self.j, below=self.below, stages=self.stages, mode=self.mode)
        assert dut.in_registers == self.in_registers
        seen = trace(dut, [*self.steps, {}, {}], sorted({name for _, name, _ in self.wanted}))
        fmt = self.below.formats.delta
        for clock, name, expected in self.wanted:
            got = seen[clock][name]
            if isinstance(fmt, Pow2Format):
                got = int(fmt.decode(np.int64(got)))
            assert got == expected, (clock, name)
        values = {value for _, _, value in self.wanted}
        assert len(values) > 2


@pytest.mark.parametrize(("fan_out", "cycles", "sizes"), [
    ([2, 8], 8, (8, 4, 8)),     # D = 1
    ([4, 4], 8, (8, 4, 8)),     # D = 2
    ([4, 4], 12, (12, 6, 12)),  # D = 3
    ([3, 3], 15, (15, 5, 15)),  # D = 5
    ([8, 1], 8, (8, 8, 8)),     # D = 8, a single sweep
    ([4, 1], 4, (8, 4, 4)),     # D = 4, a single sweep
    ([2, 1], 2, (8, 2, 2)),     # D = 2, a single sweep
])
@pytest.mark.parametrize(("keys", "flat"), [
    ({"activation": "relu", "formats": {"delta": "p4.6"}}, False),
    ({"activation": "sigmoid", "formats": {"delta": "p4.6"}}, False),
    ({"activation": "sigmoid", "formats": {"delta": "s7.6"}}, True),
    ({"activation": "relu", "formats": {"delta": "s7.4"}}, False),
    ({"compatible": True}, False), ({"compatible": True}, True),
])
def test_backward_lane(fan_out, cycles, sizes, keys, flat):
    keys = dict(keys)
    edge = {"fan_out": fan_out, "cycles": cycles}
    if keys.pop("compatible", False):
        edge |= SHARED
        keys["formats"] = {"weight": "s6.4"}
    network = edge_network(sizes, edge=edge, bits=5, table_bits=6, **keys) if edge.get(
        "arithmetic") is None else edge_network(sizes, edge=edge, **keys)
    for mode in (Rounding.STOCHASTIC,) if not network.compatible else (UP,):
        lane = Lane(network, mode, flat)
        for pause in (0, 0, 3, 1, 0, 0):
            lane.junction_cycle(pause + lane.stages.product)
        lane.junction_cycle(0)
        lane.check()
