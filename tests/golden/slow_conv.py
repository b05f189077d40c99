"""Convolutional nets once more in plain loops over exact fractions, raster order throughout.

Written from the rules in the docstrings of the configuration and of ``ConvLayer``; of the plan it
reads formats only.  Weights are ``weights[layer][channel][(c * kernel_height + dy) * kernel_width +
dx]``, an image is a list with ``image[position * channels + channel]``.
"""

from fractions import Fraction
from math import floor

from taxonn_hw.config import Activation
from taxonn_hw.fixed import RandomWords
from tests.golden.slow import UNMATCHED, SlowModel, real


class SlowConvModel(SlowModel):
    """One network whose first layers are convolutions."""

    def __init__(self, network, parameters):
        super().__init__(network, parameters)
        self.random = RandomWords(seed=network.config.seed, lanes=network.config.lanes)
        self.images, self.bases = [self.config.input_shape], [0]
        lanes = self.config.lanes
        for i, spec in enumerate(self.config.layers):
            if spec.kind != "conv":
                continue
            rows, columns = self.positions(i)
            blocks = (spec.channels + lanes - 1) // lanes
            side = self.side(i)
            self.images.append((spec.channels, rows // side, columns // side))
            self.bases.append(self.bases[-1] + rows * columns * blocks)

    def side(self, i):
        """Side of the pooling windows of layer ``i`` (from 0)."""
        spec = self.config.layers[i]
        return 1 if spec.pool == "none" else spec.pool_size

    def positions(self, i):
        """Rows and columns of the positions of layer ``i`` that windows cover."""
        spec, (_, height, width) = self.config.layers[i], self.images[i]
        rows = (height + 2 * spec.padding - spec.kernel[0]) // spec.stride + 1
        columns = (width + 2 * spec.padding - spec.kernel[1]) // spec.stride + 1
        return rows - rows % self.side(i), columns - columns % self.side(i)

    def inputs_under(self, i, y, x):
        """Yield ``(tap, neuron)`` of the kernel of layer ``i`` at a position, padding left out."""
        spec, (channels, height, width) = self.config.layers[i], self.images[i]
        tap = 0
        for c in range(channels):
            for dy in range(spec.kernel[0]):
                for dx in range(spec.kernel[1]):
                    row = y * spec.stride + dy - spec.padding
                    column = x * spec.stride + dx - spec.padding
                    if 0 <= row < height and 0 <= column < width:
                        yield tap, (row * width + column) * channels + c
                    tap += 1

    def store_word(self, layer, neuron, top):
        """Word of a dense neuron, or of ``(position, channel)`` of a conv layer.

        Blocks of channels one after another, and in each the positions window by window; deltas
        of windows of which one position is chosen are numbered by the window.
        """
        if not isinstance(neuron, tuple):
            return super().store_word(layer, neuron, top)
        position, channel = neuron
        lanes, i = self.config.lanes, layer.index - 1
        (rows, columns), side = self.positions(i), self.side(i)
        if top == 0xFFFF and self.config.layers[i].pool == "max":
            n, number = rows * columns // side // side, position
        else:
            y, x = divmod(position, columns)
            n = rows * columns
            number = ((y // side * (columns // side) + x // side) * side * side
                      + y % side * side + x % side)
        return self.word(top - (self.bases[i] + channel // lanes * n + number), channel % lanes)

    def weight_word(self, i, layer, o, n):
        """Word of a weight: kernels of few channels lie in groups of lanes, tap beside tap."""
        spec, lanes = self.config.layers[i], self.config.lanes
        if spec.kind != "conv":
            return super().weight_word(i, layer, o, n)
        area, groups = spec.kernel[0] * spec.kernel[1], 1
        while (groups * 2 <= area and lanes % (groups * 2) == 0
               and spec.channels <= lanes // (groups * 2)):
            groups *= 2
        rows = (area + groups - 1) // groups  # of an input channel
        block_rows = self.images[i][0] * rows + 1
        if n == self.images[i][0] * area:
            row, group = block_rows - 1, 0
        else:
            row, group = n // area * rows + n % area // groups, n % area % groups
        return self.word(layer.row_base + o // lanes * block_rows + row,
                         group * (lanes // groups) + o % lanes)

    def train(self, x, target, last=False):
        """Take one step on lists of codes; return ``(slopes, deltas, chosen, output)``.

        Slopes of a conv layer are ``slopes[position][channel]``; deltas as the model stores them.
        """
        self.begin_sample(last)
        layers, modes = self.network.layers, self.config.rounding
        kinds = [spec.kind for spec in self.config.layers]
        inputs, slopes, chosen = [x], [], []
        for i, layer in enumerate(layers):
            if kinds[i] == "conv":
                a, slope, first = self.image(i, layer, inputs[-1])
            else:
                pairs = [self.neuron(layer, n, self.weights[i][n], self.biases[i][n], inputs[-1])
                         for n in range(len(self.weights[i]))]
                a, slope, first = [p[0] for p in pairs], [p[1] for p in pairs], None
            if layer.activation is Activation.SOFTMAX:
                a, slope = zip(*self.softmax(a, layer.formats.a), strict=True)
                a, slope = list(a), list(slope)
            inputs.append(a)
            slopes.append(slope)
            chosen.append(first)
        top = layers[-1]
        deltas = [None] * len(layers)
        deltas[-1] = []
        for n, (a, t) in enumerate(zip(inputs[-1], target, strict=True)):
            error, frac = real(a - t, top.formats.a.frac), top.formats.a.frac
            if top.activation in UNMATCHED:
                error *= real(slopes[-1][n], self.slope_frac(top))
                frac += self.slope_frac(top)
            deltas[-1].append(self.quantize(error, frac, top.formats.delta, modes.delta,
                                            self.store_word(top, n, 0xFFFF)))
        spread = [None] * len(layers)  # of conv layers: the delta of every position and channel
        for i in range(len(layers) - 1, 0, -1):
            totals = self.gradient_below(i, spread[i] or deltas[i], kinds[i])
            below = layers[i - 1]
            frac = layers[i].formats.operand.frac + layers[i].formats.delta.frac
            if kinds[i - 1] == "conv":
                deltas[i - 1], spread[i - 1] = self.image_deltas(
                    i - 1, below, totals, frac, slopes[i - 1], chosen[i - 1])
                continue
            frac += self.slope_frac(below)
            deltas[i - 1] = [
                self.quantize(total * real(slope, self.slope_frac(below)), frac,
                              below.formats.delta, modes.delta, self.store_word(below, n, 0xFFFF))
                for n, (total, slope) in enumerate(zip(totals, slopes[i - 1], strict=True))]
        for i, layer in enumerate(layers):
            if kinds[i] == "conv":
                self.update_kernels(i, layer, inputs[i], spread[i])
            else:
                self.update(i, layer, inputs[i], deltas[i])
        self.decay()
        self.random.advance()
        return slopes, deltas, chosen, inputs[-1]

    def image(self, i, layer, x):
        """Return the image above, the slopes and the arg-max of conv layer ``i``."""
        spec, q = self.config.layers[i], layer.formats.a
        rows, columns = self.positions(i)
        codes, slopes = {}, []
        for y in range(rows):
            for column in range(columns):
                position = y * columns + column
                taps = list(self.inputs_under(i, y, column))
                slopes.append([])
                for o in range(spec.channels):
                    codes[y, column, o], slope = self.neuron(
                        layer, (position, o), [self.weights[i][o][tap] for tap, _ in taps],
                        self.biases[i][o], [x[n] for _, n in taps])
                    slopes[-1].append(slope)
        side, above, chosen = self.side(i), [], []
        for y in range(rows // side):
            for column in range(columns // side):
                for o in range(spec.channels):
                    window = [codes[y * side + dy, column * side + dx, o]
                              for dy in range(side) for dx in range(side)]
                    chosen.append(window.index(max(window)))
                    if spec.pool == "average":
                        mean = self.mean_factor(len(window)) * sum(window)
                        above.append(min(max(floor(mean + Fraction(1, 2)), q.lo), q.hi))
                    else:
                        above.append(max(window))
        return above, slopes, chosen

    @staticmethod
    def mean_factor(window):
        """1 / window, to 16 fraction bits where it is no power of two."""
        if window in (1, 2, 4, 8, 16, 32, 64):
            return Fraction(1, window)
        return Fraction(floor(Fraction(65536, window) + Fraction(1, 2)), 65536)

    def gradient_below(self, i, deltas, kind):
        """Return the exact backward sums for every input neuron of layer ``i``."""
        layer = self.network.layers[i]
        if kind == "dense":
            return [sum(self.operand(layer, self.weights[i][o][n])
                        * real(delta, layer.formats.delta.frac)
                        for o, delta in enumerate(deltas)) for n in range(layer.n_in)]
        channels, height, width = self.images[i]
        totals = [Fraction(0)] * (channels * height * width)
        rows, columns = self.positions(i)
        for y in range(rows):
            for x in range(columns):
                for tap, n in self.inputs_under(i, y, x):
                    for o, delta in enumerate(deltas[y * columns + x]):
                        if delta:
                            totals[n] += (self.operand(layer, self.weights[i][o][tap])
                                          * real(delta, layer.formats.delta.frac))
        return totals

    def image_deltas(self, i, layer, totals, frac, slopes, chosen):
        """Return the deltas of conv layer ``i`` as stored, and spread over all positions."""
        spec, mode = self.config.layers[i], self.config.rounding.delta
        rows, columns = self.positions(i)
        side = self.side(i)
        window = side * side
        frac += self.slope_frac(layer)
        spread = [[0] * spec.channels for _ in range(rows * columns)]
        if spec.pool == "average" and window > 1:
            frac += 16 if self.mean_factor(window) != Fraction(1, window) else {
                4: 2, 16: 4, 64: 6}[window]
            for position in range(rows * columns):
                y, x = position // columns // side, position % columns // side
                for o in range(spec.channels):
                    total = totals[(y * (columns // side) + x) * spec.channels + o]
                    total *= self.mean_factor(window) * real(slopes[position][o],
                                                             self.slope_frac(layer))
                    spread[position][o] = self.quantize(
                        total, frac, layer.formats.delta, mode,
                        self.store_word(layer, (position, o), 0xFFFF))
            return None, spread
        deltas = []
        for pooled in range(rows * columns // window):
            y, x = divmod(pooled, columns // side)
            for o in range(spec.channels):
                n = pooled * spec.channels + o
                position = ((y * side + chosen[n] // side) * columns + x * side + chosen[n] % side)
                total = totals[n] * real(slopes[position][o], self.slope_frac(layer))
                deltas.append(self.quantize(total, frac, layer.formats.delta, mode,
                                            self.store_word(layer, (pooled, o), 0xFFFF)))
                spread[position][o] = deltas[-1]
        return deltas, spread

    def update_kernels(self, i, layer, x, spread):
        """Collect the gradient of conv layer ``i``, a sum over positions; step where complete."""
        f = layer.formats
        rows, columns = self.positions(i)
        n_taps = len(self.weights[i][0])
        gradient = self.gradients.setdefault(i, {(o, n): Fraction(0) for o in range(
            len(self.weights[i])) for n in range(n_taps + 1)})
        for position in range(rows * columns):
            taps = list(self.inputs_under(i, *divmod(position, columns)))
            for o, code in enumerate(spread[position]):
                if code:
                    delta = real(code, f.delta.frac)
                    gradient[o, n_taps] += delta
                    for tap, n in taps:
                        gradient[o, tap] += delta * real(x[n], f.x.frac)
        if self.complete:
            self.take_step(i, layer, n_taps, self.gradients.pop(i))
