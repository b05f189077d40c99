"""The network that a configuration stands for: sizes, formats, mapping, addresses.

Everything derived is derived here, once; golden model, RTL, timing model and reports read it.

Mapping (design 2.2).  ``outputs``: lanes are output neurons, one row per input and one bias row,
forward by *spread*, backward by *gather*.  ``inputs``: lanes are input neurons, one row per
output, forward by *gather*, backward by *spread*.  Sides wider than the array run in blocks.
"""

from dataclasses import dataclass

import numpy as np

from ..config import Config
from ..errors import UserError
from ..fixed import QFormat
from . import layout
from .arithmetic import LayerArithmetic
from .base import Move, Place
from .conv import ConvLayer, Geometry, make_geometry
from .formats import input_format, layer_formats
from .gradients import gradient_word
from .mapping import Mapping, choose_mapping, runs_as_kernels
from .ranges import check_ranges

__all__ = ["Layer", "Network"]

MAX_ROWS = 1 << 16
MAX_MULTIPLIER = 255  # of a step, changed at run time where there is one
MAX_STORE_ROWS = 1 << 14  # beyond, random words of activations and deltas would coincide


@dataclass(frozen=True, kw_only=True)
class Layer(LayerArithmetic):
    """One dense layer: ``a = f(W x + b)``.

    Members
    -------
    row_base, n_rows : int
        Its rows in the weight memory.  Row of block ``block`` and item ``item`` is
        ``row_base + block * row_stride + item``; the item is the input (mapping ``outputs``,
        bias at item ``n_in``) or the output (mapping ``inputs``).
    neuron_base : int
        Number of neurons in the layers before (of a conv layer, ``n_store_rows``); addresses the
        random words of stores and, for mapping ``inputs``, the scalar bias memory.
    """

    mapping: Mapping
    lanes: int
    row_base: int
    neuron_base: int

    @property
    def by_outputs(self) -> bool:
        """Whether lanes are output neurons."""
        return self.mapping == "outputs"

    @property
    def n_blocks(self) -> int:
        """Blocks of ``lanes`` neurons on the side that lies in the lanes."""
        return -(-(self.n_out if self.by_outputs else self.n_in) // self.lanes)

    @property
    def row_stride(self) -> int:
        """Rows of one block."""
        return self.n_in + 1 if self.by_outputs else self.n_out

    @property
    def n_rows(self) -> int:
        """Rows of the layer in the weight memory."""
        return self.n_blocks * self.row_stride

    @property
    def n_out_blocks(self) -> int:
        """Rows that hold one value per output neuron."""
        return -(-self.n_out // self.lanes)

    @property
    def n_store_rows(self) -> int:
        """Rows of stored values that address random words: one a neuron."""
        return self.n_out

    @property
    def weight_shape(self) -> tuple[int, int]:
        """Shape of its weights."""
        return self.n_out, self.n_in

    @property
    def item_places(self) -> tuple[np.ndarray, int]:
        """Row within a block, and first lane, of every item."""
        return np.arange(self.row_stride), 0

    @property
    def bias_operand(self) -> int:
        """The scalar that stands for 1.0 when a bias row is updated like a weight row."""
        f = self.formats
        return 1 << f.x.frac - f.weight.frac + f.bias.frac


class Network:
    """A configuration of engine ``taxonn`` with everything derived; a ``Plan``.

    Parameters
    ----------
    config : Config
        Validated configuration.

    Members
    -------
    layers : tuple of Layer or ConvLayer
        From input to output; conv layers come first.
    n_rows : int
        Depth of the weight memory.
    n_neurons : int
        Rows of stored values: one a neuron, of conv layers one a position and block.

    Raises
    ------
    UserError
        When the formats or sizes break a rule.
    """

    result_lag = 0
    pads_data = False
    last_wins = False
    depends_on_data = True
    build = None  # the loadable build that runs it, see plan.loadable
    spare_bits = 0  # of a build: how much further apart binary points may lie

    def __init__(self, config: Config) -> None:
        self.config = config
        self.lanes = config.lanes
        self.input = input_format(config)
        self.n_inputs = config.inputs
        geometries = _geometries(config)
        sizes = [config.inputs, *(spec.size if geometry is None else geometry.n_out
                                  for spec, geometry in zip(config.layers, geometries,
                                                            strict=True))]
        self.mapping = choose_mapping(config, sizes)
        layers, x, row, neuron = [], self.input, 0, 0
        multiplier = 1 if config.learning_rate_multiplier == 1 else MAX_MULTIPLIER
        last = len(config.layers)
        for index, (spec, mapping) in enumerate(zip(config.layers, self.mapping, strict=True), 1):
            formats = layer_formats(config, index, x)
            common = dict(
                index=index, n_in=sizes[index - 1], n_out=sizes[index], lanes=config.lanes,
                activation=spec.activation or (config.output if index == last
                                               else config.activation),
                is_output=index == last, formats=formats, leak_exponent=config.leak_exponent,
                table_bits=config.table_bits, rate_shift=spec.learning_rate_shift,
                batch=config.batch, multiplier=multiplier, row_base=row, neuron_base=neuron)
            geometry = geometries[index - 1]
            layer = (Layer(mapping=mapping, **common) if geometry is None
                     else ConvLayer(geometry=geometry, **common))
            layers.append(layer)
            x = formats.a
            row, neuron = row + layer.n_rows, neuron + layer.n_store_rows
        self.layers = tuple(layers)
        check_ranges(self.layers, config.rate_range)
        self.n_rows, self.n_neurons = row, neuron
        if row > MAX_ROWS:
            raise UserError(f"the weight memory needs {row} rows of {config.lanes} lanes, at most "
                            f"{MAX_ROWS} are allowed; use more lanes")
        if self.has_conv and neuron > MAX_STORE_ROWS:
            raise UserError(f"the images need {neuron} rows of {config.lanes} lanes, at most "
                            f"{MAX_STORE_ROWS} are allowed; use more lanes")

    @property
    def output(self) -> Layer:
        """The last layer."""
        return self.layers[-1]

    @property
    def n_weights(self) -> int:
        """Weights and biases of the network."""
        shapes = [layer.weight_shape for layer in self.layers]
        return sum((n_in + 1) * n_out for n_out, n_in in shapes)

    @property
    def gradient_bits(self) -> int:
        """Bits that hold the sums of gradients of a batch, 0 for batches of one."""
        return self.n_rows * self.lanes * gradient_word(self)

    @property
    def has_conv(self) -> bool:
        """Whether any layer is a convolution."""
        return any(isinstance(layer, ConvLayer) for layer in self.layers)

    @property
    def runs_as_kernels(self) -> bool:
        """See :func:`taxonn_hw.plan.mapping.runs_as_kernels`."""
        return runs_as_kernels(self.config)

    @property
    def decays(self) -> bool:
        """Whether weights decay."""
        return self.config.training and self.config.weight_decay is not None

    @property
    def inputs(self) -> tuple[QFormat, ...]:
        """The input format of every network that the hardware may run."""
        return (self.input,)

    @property
    def outputs(self) -> tuple[Layer, ...]:
        """The last layer of every network that the hardware may run."""
        return (self.output,)

    @property
    def n_layers(self) -> int:
        """Layers at most of a network that the hardware may run."""
        return len(self.layers)

    def above(self, layer: Layer) -> Layer:
        """The layer that reads the output of ``layer``."""
        return self.layers[layer.index]

    def below(self, layer: Layer) -> Layer:
        """The layer whose output ``layer`` reads."""
        return self.layers[layer.index - 2]

    def stores_in_lanes(self, layer: Layer) -> bool:
        """Whether activations and deltas of ``layer`` are stored in all lanes at once.

        They are when its lanes are outputs, the layer above wants them in lanes and no table or
        loss is involved, and in conv layers; otherwise they pass one by one through the neuron
        unit.
        """
        if isinstance(layer, ConvLayer):
            return True
        if layer.is_output or layer.activation.is_table:
            return False
        return layer.by_outputs and not self.above(layer).by_outputs

    @property
    def samples_per_clock(self) -> int:
        """Elements of a sample beat: as configured, but a divisor of the lanes where they are the
        inputs of the first layer."""
        group = self.config.samples_per_clock
        while not self.layers[0].by_outputs and self.lanes % group:
            group //= 2
        return group

    @property
    def single_port(self) -> bool:
        """Whether the weight memory is read or written in a clock, not both."""
        return self.config.weight_memory == "single_port"

    @property
    def word(self) -> int:
        """Bits of one lane of the weight memory."""
        return max(layer.formats.weight.width for layer in self.layers)

    @property
    def weight_group(self) -> int:
        """Words of a beat of the weight streams."""
        return layout.weight_group(self.lanes)

    @property
    def has_scalar_biases(self) -> bool:
        """Whether any layer has lanes = inputs and so its biases in the scalar memory."""
        return not all(layer.by_outputs for layer in self.layers)

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

    def place(self, layer: Layer, output: int, source: int | None) -> Place:
        """Return where a weight, or without ``source`` a bias, lies."""
        return layout.place(layer, output, source)

    @property
    def storage_bits(self) -> int:
        """Bits that hold weights, biases and sums of gradients: rows, and scalar biases."""
        scalars = self.n_neurons if self.has_scalar_biases else 0
        return (self.n_rows * self.lanes + scalars) * self.word + self.gradient_bits

    @property
    def clocks_bound(self) -> int:
        """More clocks than a sample can take."""
        return 64 * (self.n_rows + self.n_neurons + self.n_inputs) + 4096

    def facts(self) -> dict:
        """Return sizes, formats, mapping and layout as JSON values."""
        return {
            "inputs": self.n_inputs,
            "outputs": self.output.n_out,
            "lanes": self.lanes,
            "word_bits": self.word,
            "weights": self.n_weights,
            "weight_rows": self.n_rows,
            "storage_bits": self.storage_bits,
            "gradient_bits": self.gradient_bits,
            "layers": [{
                "index": layer.index, "n_in": layer.n_in, "n_out": layer.n_out,
                "activation": layer.activation.value, "mapping": layer.mapping,
                "lanes_are_outputs": layer.by_outputs, "blocks": layer.n_blocks,
                "row_base": layer.row_base, "rows": layer.n_rows, "row_stride": layer.row_stride,
                "bias_base": None if layer.by_outputs else layer.neuron_base,
                "formats": layer.formats.as_strings(),
                **(layer.facts() if isinstance(layer, ConvLayer) else {}),
            } for layer in self.layers],
        }


def _geometries(config: Config) -> list[Geometry | None]:
    """Return the geometry of every conv layer, None for dense ones."""
    image, geometries = config.input_shape, []
    for index, spec in enumerate(config.layers, 1):
        if spec.kind == "dense":
            geometries.append(None)
            continue
        geometry = make_geometry(spec, image, f"layer {index}")
        geometries.append(geometry)
        image = geometry.channels_out, geometry.pooled_height, geometry.pooled_width
    return geometries
