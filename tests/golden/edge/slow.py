"""Engine ``edge`` once more: plain loops over clocks and lanes, explicit memories and pointers.

Written from algorithms 2.3 to 2.8: banks of ``2 (L - i) + 1`` copies whose pointers rotate by one
each junction cycle (forward reads bank 0, writes go to bank 1, update reads bank 2), two delta
banks that swap, edges of clock ``k`` read, used three times and written back.  Shares the format
objects, the random words and the connections with the library, and no arithmetic.
"""

from fractions import Fraction
from math import exp, floor

import numpy as np

from taxonn_hw.config import Activation
from taxonn_hw.fixed import RandomWords
from tests.golden.slow import SlowModel, real

__all__ = ["SlowEdge"]


class Improved(SlowModel):
    """Per-neuron arithmetic of engine ``taxonn`` with the random words of engine ``edge``."""

    def __init__(self, network):
        self.network, self.config = network, network.config
        self.sample = None  # (row words, lane words)

    def word(self, address, lane=0):
        rows, lanes = self.sample
        return int(rows[address]) ^ int(lanes[lane])

    def store_word(self, layer, neuron, top):
        """Word of an activation (top 0xBFFF) or output delta (top 0xFFFF) of ``neuron``."""
        together = max(layer.n_out // layer.cycles, 1)
        junction = layer.index - 1 if top == 0xBFFF else len(self.network.layers)
        return self.word(top - (junction * layer.cycles + neuron // together), neuron % together)

    def forward(self, j, r, weights, bias, x):
        return self.neuron(j, r, weights, bias, x)

    def output_delta(self, j, r, a, slope, target):
        error, frac = real(a - target, j.formats.a.frac), j.formats.a.frac
        kind, quadratic = j.activation, self.config.loss == "mean_square"
        if kind in (Activation.RELU, Activation.LEAKY_RELU, Activation.TANH) or (
                kind is Activation.SIGMOID and quadratic):
            error, frac = error * real(slope, self.slope_frac(j)), frac + self.slope_frac(j)
        return self.quantize(error, frac, j.formats.delta, self.config.rounding.delta,
                             self.store_word(j, r, 0xFFFF))

    def edge_error(self, j, total, w, delta, slope):
        """Add an edge to the sum of a left neuron; the first sweep begins with None."""
        return (total or 0) + self.operand(j, w) * real(delta, j.formats.delta.frac)

    def left_delta(self, j, below, total, slope, k, mu):
        frac = j.formats.operand.frac + j.formats.delta.frac + self.slope_frac(below)
        word = self.word(0xFFFF - ((j.index - 1) * j.cycles + k), mu)
        return self.quantize(total * real(slope, self.slope_frac(below)), frac,
                             below.formats.delta, self.config.rounding.delta, word)

    def new_weight(self, j, w, a, delta, rate, k, m):
        step = real(delta, j.formats.delta.frac) * real(a, j.formats.x.frac)
        return self.minus(w, step * Fraction(2) ** -(rate + j.rate_shift), j.formats.weight,
                          self.config.rounding.update, self.word((j.index - 1) * j.cycles + k, m))

    def new_bias(self, j, b, delta, rate, k, m):
        step = real(delta, j.formats.delta.frac) * Fraction(2) ** -(rate + j.rate_shift)
        return self.minus(b, step, j.formats.bias, self.config.rounding.update,
                          self.word((j.index - 1) * j.cycles + k, m))


class Published:
    """Arithmetic of algorithms 2.8 on codes of one format (bw, bf)."""

    def __init__(self, network):
        q = network.layers[0].formats.weight
        self.bw, self.bf = q.width, q.frac
        self.quadratic = network.config.loss == "mean_square"
        self.input_frac = network.input.frac
        self.sample = None

    def clip(self, value):
        return min(max(value, -(2 ** (self.bw - 1))), 2 ** (self.bw - 1) - 1)

    def times(self, x, y):
        """Multiplier: floor, saturate or else round half up, but not beyond the highest code."""
        kept, dropped = divmod(x * y, 2**self.bf)
        if self.clip(kept) != kept:
            return self.clip(kept)
        return self.clip(kept + (dropped >= 2 ** (self.bf - 1)))

    def placed(self, j, a):
        """An input of the first junction, its point moved to bf bits by zeros."""
        return a * 2 ** (self.bf - self.input_frac) if j.index == 1 else a

    def forward(self, j, r, weights, bias, x):
        total = bias + sum(self.times(w, self.placed(j, a))
                           for w, a in zip(weights, x, strict=True))
        total, one = self.clip(total), 2**self.bf
        if j.activation is Activation.RELU:
            return min(max(total, 0), one - 1), one - 1 if 0 < total < one else 1
        domain = min(8, 2 ** (self.bw - 1 - self.bf))
        z = Fraction(total, one)
        if not -domain <= z < domain:
            return 1 if z < 0 else one - 1, 1
        entries = min(2 * domain * one, 4096)  # table entries across the domain
        z = Fraction(floor(z * entries / (2 * domain)) * 2 * domain, entries)
        sigma = 1 / (1 + exp(-z))
        return (min(floor(sigma * one + 0.5), one - 1),
                min(floor(sigma * (1 - sigma) * one + 0.5), one // 4 - 1))

    def output_delta(self, j, r, a, slope, target):
        delta = self.clip(a - target)
        return self.times(delta, slope) if self.quadratic else delta

    def edge_error(self, j, total, w, delta, slope):
        return self.clip((total or 0) + self.times(self.times(delta, slope), w))

    def left_delta(self, j, below, total, slope, k, mu):
        return total

    def step(self, j, delta, rate):
        """Negate (the minimum becomes the maximum), shift, add the last bit shifted out."""
        g, k = self.clip(-delta), rate + j.rate_shift
        return g if k == 0 else g // 2**k + g // 2 ** (k - 1) % 2

    def new_weight(self, j, w, a, delta, rate, k, m):
        return self.clip(w + self.times(self.step(j, delta, rate), self.placed(j, a)))

    def new_bias(self, j, b, delta, rate, k, m):
        return self.clip(b + self.step(j, delta, rate))


class SlowEdge:
    """``weights[junction][clock][lane]`` and ``biases[junction][neuron]`` are plain integers."""

    def __init__(self, network, parameters):
        self.network = network
        self.law = (Published if network.config.edge.arithmetic == "compatibility"
                    else Improved)(network)
        self.weights = [w.reshape(j.cycles, j.z).tolist()
                        for j, (w, _) in zip(network.layers, parameters, strict=True)]
        self.biases = [b.tolist() for _, b in parameters]
        self.random = RandomWords(seed=network.config.seed, lanes=max(network.z))

    def parameters(self):
        return [(np.reshape(w, j.weight_shape).tolist(), b) for j, w, b in zip(
            self.network.layers, self.weights, self.biases, strict=True)]

    def run(self, x, targets, rates):
        """Train on lists of codes; return the outputs, and the deltas [junction] of each sample."""
        junctions, depth = self.network.layers, len(self.network.layers)
        sizes = [self.network.n_inputs, *(j.n_out for j in junctions)]
        n_copies = [2 * (depth - i) + 1 for i in range(depth)]
        self.a = [[{} for _ in range(copies)] for copies in n_copies]
        self.slope = [[{} for _ in range(copies)] for copies in n_copies]
        self.delta = [[{}, {}] for _ in range(depth + 1)]
        self.outputs = [[None] * sizes[-1] for _ in x]
        self.deltas = [[[None] * j.n_out for j in junctions] for _ in x]
        pipe = [None] * (2 * depth + 1)  # pipe[i]: the sample of i junction cycles ago
        for t in range(len(x) + 2 * depth):
            sample = None
            if t < len(x):
                words = self.random.rows(np.arange(1 << 16)), self.random.lane.copy()
                self.random.advance()
                sample = (t, targets[t], rates[t], words)
                for neuron, code in enumerate(x[t]):
                    self.bank(self.a, 0, t + 1)[self.cell(0, neuron)] = code
            pipe = [sample, *pipe[:-1]]
            for j in junctions:
                self.junction_cycle(j, t, pipe[j.index], pipe[2 * depth + 1 - j.index])
        assert all(sample is None for sample in pipe[:-1])
        return self.outputs, self.deltas

    def bank(self, copies, layer, pointer):
        return copies[layer][pointer % len(copies[layer])]

    def cell(self, layer, neuron):
        """Memory and row of a neuron on the left of the next junction."""
        z = self.network.layers[layer].z
        return neuron % z, neuron // z

    def junction_cycle(self, j, t, ahead, behind):
        """Go through all clocks of a junction; ``ahead`` goes forward, ``behind`` learns."""
        i, law = j.index, self.law
        below = self.network.layers[i - 2] if i > 1 else None
        weights, biases = self.weights[i - 1], self.biases[i - 1]
        left = j.left.ravel().tolist()
        gathered = {r: [] for r in range(j.n_out)}
        reading, writing = self.delta[i][(t + 1) % 2], self.delta[i - 1][t % 2]
        new_biases = list(biases)
        for k in range(j.cycles):
            sweep, asked = k // (j.n_in // j.z), set()
            for m in range(j.z):
                e = k * j.z + m
                r, cell = e // j.fan_in, self.cell(i - 1, left[e])
                asked.add(cell[0])
                w = weights[k][m]
                if ahead is not None:
                    gathered[r].append((w, self.bank(self.a, i - 1, t)[cell]))
                if behind is None:
                    continue
                n, _, rate, law.sample = behind
                a, delta = self.bank(self.a, i - 1, t + 2)[cell], reading[r]
                self.deltas[n][i - 1][r] = delta
                if i > 1:
                    slope = self.bank(self.slope, i - 1, t + 2)[cell]
                    before = writing[cell] if sweep else None
                    writing[cell] = law.edge_error(j, before, w, delta, slope)
                    if sweep == j.sweeps - 1:
                        writing[left[e]] = law.left_delta(j, below, writing.pop(cell), slope, k,
                                                          cell[0])
                weights[k][m] = law.new_weight(j, w, a, delta, rate, k, m)
                if e % j.fan_in == 0:
                    new_biases[r] = law.new_bias(j, biases[r], delta, rate, k, m)
            assert len(asked) == j.z, "two lanes asked one memory"
        if ahead is not None:
            n, target, _, law.sample = ahead
            for r, pairs in gathered.items():
                a, slope = law.forward(j, r, [w for w, _ in pairs], biases[r],
                                       [a for _, a in pairs])
                if not j.is_output:
                    self.bank(self.a, i, t + 1)[self.cell(i, r)] = a
                    self.bank(self.slope, i, t + 1)[self.cell(i, r)] = slope
                    continue
                self.outputs[n][r] = a
                self.delta[i][t % 2][r] = law.output_delta(j, r, a, slope, target[r])
        biases[:] = new_biases
