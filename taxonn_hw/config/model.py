"""The whole configuration and the rules between its keys."""

import re
from math import prod
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from .tables import EdgeTable, FormatTable, LayerConfig, RoundingTable, Table
from .values import MATCHED_LOSS, Activation, Bool, Int, Loss, Pair, Shape

__all__ = ["Config", "LoadableTable"]

_NEEDS_SHAPE = "conv layers need input_shape = [channels, height, width]"


class Config(Table):
    """A network and the accelerator that trains it; see README for the keys."""

    name: str = "network"
    engine: Literal["taxonn", "edge"] = "taxonn"
    inputs: Int | None = Field(default=None, ge=1, le=16384)
    input_shape: Shape | None = None
    layers: tuple[LayerConfig, ...]
    activation: Activation = Activation.RELU
    output: Activation = Activation.HARD_SIGMOID
    loss: Loss | None = None
    leak_exponent: Int = Field(default=3, ge=1, le=8)
    table_bits: Int = Field(default=10, ge=4, le=12)
    bits: Int = Field(default=8, ge=2, le=16)
    formats: FormatTable = FormatTable()
    rounding: RoundingTable = RoundingTable()
    lanes: Int = Field(default=16, ge=1, le=1024)
    mapping: Literal["auto", "outputs", "inputs"] = "auto"
    zero_skip: Bool = True
    weight_memory: Literal["block", "single_port"] = "block"
    training: Bool = True
    samples_per_clock: Literal[1, 2, 4, 8, 16] = 4
    resident: Int = Field(default=0, ge=0, le=65536)
    resident_sample_words: Int | None = Field(default=None, ge=1, le=65536)
    learning_rate_exponent: Int = Field(default=6, ge=0, le=15)
    learning_rate_range: Pair | None = None
    learning_rate_schedule: tuple[Pair, ...] = ()
    learning_rate_multiplier: Int = Field(default=1, ge=1, le=255)
    batch: Int = Field(default=1, ge=1, le=1024)
    weight_decay: Int | None = Field(default=None, ge=1, le=16)
    weight_decay_period: Int = Field(default=1, ge=1, le=65536)
    edge: EdgeTable = EdgeTable()
    loadable: "LoadableTable | None" = None
    shuffle: Bool = True
    samples: Int | None = Field(default=None, ge=1)
    seed: Int = Field(default=1, ge=0, lt=2**31)
    data: str = "digits"
    epochs: Int = Field(default=3, ge=1, le=10000)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, raw: Any) -> Any:
        """Turn ``layers = [784, 128, 10]`` into ``inputs`` and tables."""
        if not isinstance(raw, dict):
            return raw
        edge = raw.get("edge")
        if raw.get("engine") == "edge" and isinstance(edge, dict) \
                and edge.get("arithmetic") == "compatibility":
            raw = {"activation": "sigmoid", "output": "sigmoid", **raw}  # as published
        shape = raw.get("input_shape")
        if shape is not None and raw.get("inputs") is None and _is_shape(shape):
            raw = {**raw, "inputs": prod(shape)}
        layers = raw.get("layers")
        if not isinstance(layers, list | tuple) or not layers:
            raise ValueError("layers must be a list such as [784, 128, 10] or tables [[layers]]")
        if all(isinstance(n, int) and not isinstance(n, bool) for n in layers):
            if len(layers) < 2:
                raise ValueError(f"layers needs an input and an output size, not {list(layers)}")
            for n in layers:
                if not 1 <= n <= 16384:
                    raise ValueError(f"a layer size must be 1 to 16384, not {n}")
            if raw.get("inputs", layers[0]) != layers[0]:
                raise ValueError(f"inputs {raw['inputs']!r} is not the first of layers "
                                 f"{list(layers)}")
            raw = {**raw, "inputs": layers[0], "layers": [{"size": n} for n in layers[1:]]}
        elif any(not isinstance(n, dict | LayerConfig) for n in layers):
            raise ValueError("layers must be all sizes or all tables, not a mixture")
        elif raw.get("inputs") is None:
            if any(isinstance(n, dict) and n.get("kind") == "conv" for n in layers):
                raise ValueError(_NEEDS_SHAPE)
            raise ValueError("inputs must give the input size when layers are tables")
        return raw

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", name):
            raise ValueError(f"must be a letter, then letters, digits, '_', '.', '-', not {name!r}")
        return name

    @model_validator(mode="after")
    def _check_whole(self) -> "Config":
        output = self.layers[-1].activation or self.output
        matched = MATCHED_LOSS[output]
        quadratic = (self.engine == "edge" and output is Activation.SIGMOID
                     and self.loss is Loss.MEAN_SQUARE)
        if self.loss is not None and matched is not self.loss and not quadratic:
            raise ValueError(f"output {output.value} goes with loss {matched.value}, "
                             f"not {self.loss.value}")
        self._check_softmax()
        self._check_images()
        self._check_edge()
        self._check_loadable()
        self._check_rates()
        return self

    def _check_softmax(self) -> None:
        hidden = [layer.activation or self.activation for layer in self.layers[:-1]]
        if Activation.SOFTMAX in hidden:
            raise ValueError(f"softmax is for the output, not for layer "
                             f"{hidden.index(Activation.SOFTMAX) + 1}")
        if (self.layers[-1].activation or self.output) is Activation.SOFTMAX:
            if self.engine != "taxonn":
                raise ValueError(f"engine {self.engine} has no softmax")
            if self.layers[-1].size == 1:
                raise ValueError("softmax needs at least two outputs, not 1")

    def _check_images(self) -> None:
        if self.input_shape is not None and prod(self.input_shape) != self.inputs:
            raise ValueError(f"input_shape {list(self.input_shape)} is {prod(self.input_shape)} "
                             f"inputs, not {self.inputs}")
        kinds = [layer.kind for layer in self.layers]
        if "conv" not in kinds:
            return
        if self.engine != "taxonn":
            raise ValueError(f"engine {self.engine} has dense layers only, layer "
                             f"{kinds.index('conv') + 1} is conv")
        if self.input_shape is None:
            raise ValueError(_NEEDS_SHAPE)
        first = kinds.index("dense") if "dense" in kinds else len(kinds)
        if "conv" in kinds[first:] or first == len(kinds):
            raise ValueError("conv layers come first and dense layers after them, at least one, "
                             f"not {', '.join(kinds)}")

    def _check_edge(self) -> None:
        if self.engine != "edge":
            if self.edge != EdgeTable():
                raise ValueError(f"table edge belongs to engine edge, not to {self.engine}")
            return
        for key in ("learning_rate_multiplier", "batch", "weight_decay", "weight_memory"):
            if getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key} belongs to engine taxonn, not to {self.engine}")
        for key in ("fan_out", "density", "z"):
            given = getattr(self.edge, key)
            if given is not None and len(given) != len(self.layers):
                raise ValueError(f"edge.{key} takes {len(self.layers)} values, one a junction, "
                                 f"not {len(given)}")

    def _check_loadable(self) -> None:
        if self.loadable is None:
            return
        if self.engine != "taxonn":
            raise ValueError(f"table loadable belongs to engine taxonn, not to {self.engine}")
        if self.resident:
            raise ValueError("resident samples belong to builds of one network, not to loadable "
                             "ones")

    def _check_rates(self) -> None:
        epochs = [epoch for epoch, _ in self.learning_rate_schedule]
        if epochs and (epochs[0] != 1 or sorted(set(epochs)) != epochs):
            raise ValueError("learning_rate_schedule takes [first epoch, exponent] pairs from "
                             f"epoch 1 upwards, not epochs {epochs}")
        low, high = self.rate_range
        for _, rate in self.learning_rate_schedule:
            if not low <= rate <= high:
                raise ValueError(f"learning_rate_schedule has exponent {rate}, outside "
                                 f"learning_rate_range [{low}, {high}]")
        if not 0 <= low <= self.learning_rate_exponent <= high <= 20:
            raise ValueError(f"learning_rate_range [{low}, {high}] must lie within 0..20 and "
                             f"include learning_rate_exponent {self.learning_rate_exponent}")
        if high - low > 7:
            raise ValueError("learning_rate_range must span at most 8 exponents, "
                             f"not {high - low + 1}")

    @property
    def rate_range(self) -> tuple[int, int]:
        """Learning-rate exponents that can be chosen at run time, lowest and highest."""
        if self.learning_rate_range is not None:
            return self.learning_rate_range
        scheduled = [rate for _, rate in self.learning_rate_schedule]
        if scheduled:
            return (min(self.learning_rate_exponent, *scheduled),
                    max(self.learning_rate_exponent, *scheduled))
        return (max(self.learning_rate_exponent - 1, 0), self.learning_rate_exponent + 2)

    def rate_in(self, epoch: int) -> int:
        """Return the learning-rate exponent of ``epoch`` (from 1)."""
        past = [rate for first, rate in self.learning_rate_schedule if first <= epoch]
        return past[-1] if past else self.learning_rate_exponent


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, list | tuple) and all(isinstance(n, int) for n in shape)


class LoadableTable(Table):
    """Networks that a build must have room for beside its own; see :mod:`.loadable`.

    ``spare_bits`` is how much further apart than in any of them fraction points may lie.
    """

    networks: tuple[Config, ...] = ()
    spare_bits: Int = Field(default=0, ge=0, le=8)


Config.model_rebuild()
