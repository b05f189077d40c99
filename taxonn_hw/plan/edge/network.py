"""The sparse network that a configuration stands for: junctions, processors, memories."""

from functools import cached_property

import numpy as np

from ...config import Activation, Config, Loss
from ...errors import UserError
from ...fixed import QFormat
from ..base import Move, Place
from ..ranges import check_ranges
from . import layout
from .balance import choose_cycles, choose_fan_outs, processors
from .formats import edge_input, edge_layer_formats, is_compatible
from .interleaver import make_interleaver
from .junction import CompatibleJunction, Junction
from .latency import junction_overhead

__all__ = ["EdgeNetwork"]

_INTERLEAVER_SEED = 0x1E4F
_MAX_ADDRESS = 1 << 14  # random words: weights, activations and deltas have ranges of their own
_MAX_GROUP = 255  # elements of a sample beat: what the geometry register can say


class EdgeNetwork:
    """A configuration of engine ``edge`` with everything derived; a ``Plan``.

    Parameters
    ----------
    config : Config
        Validated configuration.

    Members
    -------
    layers : tuple of Junction
        Junction 1 to L.  A weight array is ``[n_out, fan_in]``: the edges of each right neuron in
        natural order, see :class:`Junction`.
    cycles : int
        Clocks of reads of a junction cycle, C.
    overhead : int
        Clocks that a junction cycle takes beyond them, d.

    Raises
    ------
    UserError
        When sizes, processors or formats break a rule.
    """

    pads_data = True
    depends_on_data = False
    build = None  # none is loadable
    last_wins = True  # of equal outputs the later neuron is the prediction

    def __init__(self, config: Config) -> None:
        self.config = config
        self.n_inputs = config.inputs
        self.sizes = (config.inputs, *(layer.size for layer in config.layers))
        table = config.edge
        self.fan_outs = choose_fan_outs(self.sizes, table.fan_out, table.density)
        self.cycles = choose_cycles(self.sizes, self.fan_outs, cycles=table.cycles, z=table.z,
                                    lanes=config.lanes)
        self.z = processors(self.sizes, self.fan_outs, self.cycles)
        self.lanes = sum(self.z)
        self.compatible = is_compatible(config)
        self.input: QFormat = edge_input(config)
        self.layers = self._make_junctions()
        if not self.compatible:
            check_ranges(self.layers, config.rate_range)
        addresses = (len(self.layers) + 1) * self.cycles
        if addresses > _MAX_ADDRESS:
            raise UserError(f"junction cycles of {self.cycles} clocks are too long: layers times "
                            f"clocks is {addresses}, at most {_MAX_ADDRESS} are allowed; use more "
                            "lanes")
        self.overhead = junction_overhead(self.layers, training=config.training)

    def _make_junctions(self) -> tuple[Junction, ...]:
        config, x, junctions = self.config, self.input, []
        kind = CompatibleJunction if self.compatible else Junction
        for index, spec in enumerate(config.layers, 1):
            is_output = index == len(config.layers)
            formats = edge_layer_formats(config, index, x)
            activation = spec.activation or (config.output if is_output else config.activation)
            n_left, fan_out, z = self.sizes[index - 1], self.fan_outs[index - 1], self.z[index - 1]
            junctions.append(kind(
                index=index, n_in=n_left, n_out=spec.size, activation=activation,
                is_output=is_output, formats=formats, leak_exponent=config.leak_exponent,
                table_bits=config.table_bits, rate_shift=spec.learning_rate_shift,
                sweeps=fan_out, z=z, cycles=self.cycles,
                quadratic=(is_output and activation is Activation.SIGMOID
                           and config.loss is Loss.MEAN_SQUARE),
                interleaver=make_interleaver(
                    config.edge.interleaver, n_left=n_left, fan_out=fan_out, z=z,
                    seed=[config.seed, _INTERLEAVER_SEED, index])))
            x = formats.a
        return tuple(junctions)

    @property
    def output(self) -> Junction:
        """The last junction."""
        return self.layers[-1]

    def above(self, junction: Junction) -> Junction:
        """The junction that reads the activations of ``junction``."""
        return self.layers[junction.index]

    @property
    def n_edges(self) -> int:
        """Weights of all junctions."""
        return sum(junction.n_edges for junction in self.layers)

    @property
    def n_neurons(self) -> int:
        """Neurons without the inputs: biases."""
        return sum(self.sizes[1:])

    @property
    def n_weights(self) -> int:
        """Weights and biases of the network."""
        return self.n_edges + self.n_neurons

    @property
    def density(self) -> float:
        """Share of the edges of a full connection."""
        full = sum(j.n_in * j.n_out for j in self.layers)
        return self.n_edges / full

    @cached_property
    def samples_per_clock(self) -> int:
        """Elements of a sample beat: the smallest divisor of ``z_1`` with which the inputs and
        targets of a sample come within a junction cycle (or the largest that may be).

        Beat ``b`` fills the memories from ``(b mod (z_1 / elements)) elements`` on, in row
        ``b div (z_1 / elements)``.
        """
        first, clocks = self.layers[0], self.cycles + self.overhead
        options = [k for k in range(1, min(first.z, _MAX_GROUP) + 1) if first.z % k == 0]
        enough = (k for k in options
                  if self.n_inputs // k <= self.cycles and self._beats(k) <= clocks)
        return next(enough, options[-1])

    def _beats(self, group: int) -> int:
        targets = -(-self.output.n_out // group) if self.config.training else 0
        return self.n_inputs // group + targets

    @property
    def sample_beats(self) -> int:
        """Beats of a training sample (of an inference sample, in a build without training)."""
        return self._beats(self.samples_per_clock)

    @property
    def word(self) -> int:
        """Bits of a word of the weight streams."""
        return max(max(j.formats.weight.width, j.formats.bias.width) for j in self.layers)

    @property
    def weight_group(self) -> int:
        """Words of a beat of the weight streams."""
        return layout.weight_group(self.z)

    @property
    def moves(self) -> tuple[Move, ...]:
        """Commands that load or dump all parameters."""
        return layout.moves(self)

    def pack(self, parameters) -> list[np.ndarray]:
        """Return the beats of every move."""
        return layout.pack(self, parameters)

    def unpack(self, elements: list[np.ndarray]):
        """Return the parameters in the beats of every move."""
        return layout.unpack(self, elements)

    def place(self, layer: Junction, output: int, source: int | None) -> Place:
        """Return where a weight, or without ``source`` a bias, lies."""
        return layout.place(self, layer, output, source)

    @property
    def memories(self) -> tuple[layout.Memory, ...]:
        """Every memory of the accelerator."""
        return layout.memories(self)

    @property
    def storage_words(self) -> int:
        """Words of all memories, the formula of algorithms 2.4."""
        return sum(memory.words for memory in self.memories)

    @property
    def storage_words_full(self) -> int:
        """The same of a fully connected network of these sizes."""
        full = sum(j.n_in * j.n_out for j in self.layers)
        return self.storage_words - self.n_edges + full

    @property
    def memory_bits(self) -> int:
        """Bits of all memories, samples in flight included."""
        return sum(memory.bits for memory in self.memories)

    @property
    def storage_bits(self) -> int:
        """Bits that hold weights and biases."""
        return sum(memory.bits for memory in self.memories if memory.name[0] in "Wb")

    @property
    def result_lag(self) -> int:
        """Samples that must be offered after a sample before its outputs appear."""
        return len(self.layers)

    @property
    def clocks_bound(self) -> int:
        """More clocks than a sample can take."""
        return 64 * (self.cycles + self.overhead + self.sample_beats + self.output.n_out) + 4096

    def facts(self) -> dict:
        """Return sizes, formats, memories and layout as JSON values."""
        return {
            "inputs": self.n_inputs,
            "outputs": self.output.n_out,
            "lanes": self.lanes,
            "cycles": self.cycles,
            "overhead": self.overhead,
            "clocks_per_sample": max(self.cycles + self.overhead, self.sample_beats),
            "word_bits": self.word,
            "weights": self.n_weights,
            "weights_full": self.storage_words_full - self.storage_words + self.n_weights,
            "density": self.density,
            "storage_bits": self.storage_bits,
            "memory_bits": self.memory_bits,
            "storage_words": self.storage_words,
            "storage_words_full": self.storage_words_full,
            "arithmetic": self.config.edge.arithmetic,
            "interleaver": self.config.edge.interleaver,
            "layers": [{
                "index": j.index, "n_in": j.n_in, "n_out": j.n_out,
                "activation": j.activation.value, "fan_out": j.fan_out, "fan_in": j.fan_in,
                "z": j.z, "edges": j.n_edges, "density": j.density, "row_base": j.row_base,
                "neurons_per_clock": j.neurons_per_clock,
                "clocks_per_neuron": j.clocks_per_neuron,
                "formats": j.formats.as_strings(),
            } for j in self.layers],
            "junctions": [{
                "fan_in": j.fan_in, "fan_out": j.fan_out, "z": j.z, "cycles": self.cycles,
            } for j in self.layers],
            "memories": [{
                "name": m.name, "copies": m.copies, "banks": m.banks, "depth": m.depth,
                "width": m.width, "words": m.words,
            } for m in self.memories],
        }
