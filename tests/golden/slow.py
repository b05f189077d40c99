"""The equations of training once more: plain loops over exact fractions, no numpy.

Written from README's equations and the addressing rules of random words; shares the format objects
and the random words with the library, and nothing else.
"""

from fractions import Fraction
from math import exp, floor, tanh

from taxonn_hw.config import Activation
from taxonn_hw.fixed import Pow2Format, QFormat, RandomWords, Rounding
from tests.exact import exact_pow2, exact_round, exact_store

UNMATCHED = (Activation.RELU, Activation.LEAKY_RELU, Activation.TANH)
TABLES = (Activation.SIGMOID, Activation.TANH)


def real(code: int, frac: int) -> Fraction:
    """Return the real number of a code."""
    return code * Fraction(2) ** -frac


class SlowModel:
    """One network; ``weights[layer][out][in]`` and ``biases[layer][out]`` are plain integers."""

    def __init__(self, network, parameters):
        self.network, self.config = network, network.config
        self.weights = [w.tolist() for w, _ in parameters]
        self.biases = [b.tolist() for _, b in parameters]
        self.n_samples, self.in_batch, self.gradients = 0, 0, {}
        self.random = RandomWords(
            seed=network.config.seed, lanes=network.lanes,
            addresses=[*range(network.n_rows), *range(0xBFFF - network.n_neurons, 0xC000),
                       *range(0xFFFF - network.n_neurons, 0x10000)])

    def word(self, row, lane=0):
        return int(self.random.rows(row)) ^ int(self.random.lane[lane])

    def store_word(self, layer, neuron, top):
        """Word of an activation (top 0xBFFF) or delta (top 0xFFFF) of ``neuron``.

        Where a layer's lanes are outputs and the next layer's are inputs, all lanes store at once.
        """
        lanes, layers = self.network.lanes, self.network.layers
        hidden = layer.index < len(layers) and layer.activation not in TABLES
        if hidden and (layer.mapping, layers[layer.index].mapping) == ("outputs", "inputs"):
            return self.word(top - (layer.neuron_base + neuron // lanes), neuron % lanes)
        return self.word(top - (layer.neuron_base + neuron))

    def train(self, x, target, last=False):
        """Take one step on lists of codes; return ``(slopes, deltas, output)`` as codes."""
        self.begin_sample(last)
        network, modes = self.network, self.config.rounding
        inputs, slopes = [x], []
        for layer, weights, biases in zip(network.layers, self.weights, self.biases, strict=True):
            out = [self.neuron(layer, n, weights[n], biases[n], inputs[-1])
                   for n in range(layer.n_out)]
            if layer.activation is Activation.SOFTMAX:
                out = self.softmax([z for z, _ in out], layer.formats.a)
            inputs.append([a for a, _ in out])
            slopes.append([slope for _, slope in out])
        top = network.layers[-1]
        deltas = [[]]
        for n, (a, t, slope) in enumerate(zip(inputs[-1], target, slopes[-1], strict=True)):
            error, frac = real(a - t, top.formats.a.frac), top.formats.a.frac
            if top.activation in UNMATCHED:
                error, frac = error * real(slope, self.slope_frac(top)), frac + self.slope_frac(top)
            word = self.store_word(top, n, 0xFFFF)
            deltas[0].append(self.quantize(error, frac, top.formats.delta, modes.delta, word))
        for i in range(len(network.layers) - 1, 0, -1):
            deltas.insert(0, self.hidden_deltas(i, deltas[0], slopes[i - 1]))
        for i, layer in enumerate(network.layers):
            self.update(i, layer, inputs[i], deltas[i])
        self.decay()
        self.random.advance()
        return slopes, deltas, inputs[-1]

    def operand(self, layer, code):
        f = layer.formats
        return real(exact_store(real(code, f.weight.frac), f.operand, Rounding.HALF_UP),
                    f.operand.frac)

    def neuron(self, layer, n, weights, bias, x):
        """Return the activation code and the derivative code of one neuron."""
        f, kind, mode = layer.formats, layer.activation, self.config.rounding.activation
        z = real(bias, f.bias.frac) + sum(self.operand(layer, w) * real(a, f.x.frac)
                                          for w, a in zip(weights, x, strict=True))
        word = self.store_word(layer, n, 0xBFFF)
        if kind is Activation.SOFTMAX:
            return exact_store(z, QFormat(16, self.config.table_bits - 3), mode, word), None
        if kind in TABLES:
            bits = self.config.table_bits
            index = QFormat(bits, bits - (4 if kind is Activation.SIGMOID else 3))
            z = float(real(exact_store(z, index, mode, word), index.frac))
            a = 1 / (1 + exp(-z)) if kind is Activation.SIGMOID else tanh(z)
            slope = a * (1 - a) if kind is Activation.SIGMOID else 1 - a * a
            return tuple(min(max(floor(v * 2.0**q.frac + 0.5), q.lo), q.hi)
                         for v, q in ((a, f.a), (slope, f.derivative)))
        if kind is Activation.LEAKY_RELU and z < 0:
            z *= Fraction(1, 2**self.config.leak_exponent)
        if kind is Activation.HARD_SIGMOID:
            z = (z + 2) / 4
        a = exact_store(z, f.a, mode, word)
        inside = f.a.lo < a < f.a.hi
        if kind is Activation.RELU:
            a = max(a, 0)
            inside = 0 < a < f.a.hi
        if kind is Activation.HARD_SIGMOID:
            one = min(1 << f.a.frac, f.a.hi)
            a = min(max(a, 0), one)
            inside = 0 < a < one
        if kind is Activation.LEAKY_RELU:
            return a, int(inside) * (2**self.config.leak_exponent if a > 0 else 1)
        return a, int(inside)

    def softmax(self, z, q):
        """Return the outputs (and derivatives, which are not used) for rounded sums ``z``."""
        bits = self.config.table_bits
        e = [floor(2**15 * exp(-(max(z) - code) * 2.0 ** (3 - bits)) + 0.5)
             if (max(z) - code) >> bits == 0 else 0 for code in z]
        total, place = sum(e), 0
        while 2 ** (place + 1) <= total:
            place += 1
        cell = floor((Fraction(total, 2**place) - 1) * 2**bits)
        middle = 1 + (cell + Fraction(1, 2)) / 2**bits if cell else Fraction(1)
        reciprocal = Fraction(floor(2**16 / middle + Fraction(1, 2)), 2**16)
        one = min(1 << q.frac, q.hi)
        return [(min(floor(Fraction(code, 2**place) * reciprocal * 2**q.frac + Fraction(1, 2)),
                     one), 1) for code in e]

    def slope_frac(self, layer):
        if layer.activation in TABLES:
            return layer.formats.derivative.frac
        return {Activation.LEAKY_RELU: self.config.leak_exponent,
                Activation.HARD_SIGMOID: 2}.get(layer.activation, 0)

    def hidden_deltas(self, i, above_deltas, slopes):
        """Return the deltas of layer ``i - 1`` from those of layer ``i``, with the old weights."""
        above, layer = self.network.layers[i], self.network.layers[i - 1]
        f = above.formats
        frac = f.operand.frac + f.delta.frac + self.slope_frac(layer)
        deltas = []
        for n in range(layer.n_out):
            total = sum(self.operand(above, self.weights[i][o][n]) * real(delta, f.delta.frac)
                        for o, delta in enumerate(above_deltas))
            total *= real(slopes[n], self.slope_frac(layer))
            word = self.store_word(layer, n, 0xFFFF)
            deltas.append(self.quantize(total, frac, layer.formats.delta,
                                        self.config.rounding.delta, word))
        return deltas

    @staticmethod
    def quantize(value, frac, fmt, mode, word):
        if isinstance(fmt, Pow2Format):
            return exact_pow2(value, frac, fmt, mode, word)
        return exact_store(value, fmt, mode, word)

    def update(self, i, layer, x, deltas):
        """Collect the exact gradient of a sample; take the step where its batch is complete."""
        f = layer.formats
        gradient = self.gradients.setdefault(i, {})
        for o, delta in enumerate(deltas):
            for n, a in enumerate([*x, None]):  # None: the bias
                value = real(delta, f.delta.frac) * (1 if a is None else real(a, f.x.frac))
                gradient[o, n] = gradient.get((o, n), 0) + value
        if self.complete:
            self.take_step(i, layer, layer.n_in, self.gradients.pop(i))

    def take_step(self, i, layer, n_in, gradient):
        f, mode = layer.formats, self.config.rounding.update
        rate = self.config.learning_rate_multiplier * Fraction(2) ** -(
            self.config.learning_rate_exponent + layer.rate_shift)
        for (o, n), value in gradient.items():
            is_bias = n == n_in
            word = self.weight_word(i, layer, o, n)
            if is_bias:
                self.biases[i][o] = self.minus(self.biases[i][o], rate * value, f.bias, mode, word)
            else:
                self.weights[i][o][n] = self.minus(self.weights[i][o][n], rate * value, f.weight,
                                                   mode, word)

    def weight_word(self, i, layer, o, n):
        """Word of a weight of layer ``i`` (from 0), of the bias with ``n`` beyond the inputs."""
        lanes, n_in = self.network.lanes, len(self.weights[i][0])
        if layer.mapping == "outputs":
            return self.word(layer.row_base + o // lanes * (n_in + 1) + n, o % lanes)
        side = 0 if n == n_in else n
        return self.word(layer.row_base + side // lanes * len(self.weights[i]) + o, side % lanes)

    def begin_sample(self, last):
        """Count the sample and decide whether it completes a batch."""
        self.n_samples += 1
        self.in_batch += 1
        self.complete = last or self.in_batch == self.config.batch
        self.in_batch = 0 if self.complete else self.in_batch

    def decay(self):
        """Let all weights decay when it is time."""
        config = self.config
        if config.weight_decay is None or self.n_samples % config.weight_decay_period:
            return
        for i, layer in enumerate(self.network.layers):
            for o, row in enumerate(self.weights[i]):
                for n, code in enumerate(row):
                    word = self.weight_word(i, layer, o, n)
                    step = real(code, layer.formats.weight.frac + config.weight_decay)
                    row[n] = self.minus(code, step, layer.formats.weight, config.rounding.update,
                                        word)

    @staticmethod
    def minus(code, step, q, mode, word):
        code -= exact_round(step * Fraction(2) ** q.frac, mode, word)
        return min(max(code, q.lo), q.hi)
