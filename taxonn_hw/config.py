"""Configuration: what a user writes in TOML, validated; every rule has a message.

:func:`load_config` reads a preset name or a file, applies ``--bits`` and ``--set`` and returns a
frozen :class:`Config`.  Derived sizes and formats are in :mod:`taxonn_hw.network`.
"""

import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from .errors import UserError
from .fixed import Format, Pow2Format, QFormat, Rounding, parse_format
from .presets import preset_names, preset_path

__all__ = [
    "Activation",
    "Config",
    "FormatTable",
    "LayerConfig",
    "Loss",
    "RoundingTable",
    "config_from_dict",
    "load_config",
]


class Activation(StrEnum):
    """Activation functions; ``sigmoid`` and ``tanh`` are tables."""

    IDENTITY = "identity"
    RELU = "relu"
    LEAKY_RELU = "leaky_relu"
    HARD_SIGMOID = "hard_sigmoid"
    SIGMOID = "sigmoid"
    TANH = "tanh"

    @property
    def is_table(self) -> bool:
        """Whether the function is read from a table."""
        return self in (Activation.SIGMOID, Activation.TANH)


class Loss(StrEnum):
    """Losses; see :data:`MATCHED_LOSS` for the pairs that are allowed."""

    CROSS_ENTROPY = "cross_entropy"
    MEAN_SQUARE = "mean_square"


#: The one loss that goes with each output unit.  For identity, hard sigmoid and sigmoid it is the
#: matched loss, whose gradient is ``a - t``; the others multiply ``a - t`` by the derivative.
MATCHED_LOSS = {
    Activation.IDENTITY: Loss.MEAN_SQUARE,
    Activation.HARD_SIGMOID: Loss.CROSS_ENTROPY,
    Activation.SIGMOID: Loss.CROSS_ENTROPY,
    Activation.RELU: Loss.MEAN_SQUARE,
    Activation.LEAKY_RELU: Loss.MEAN_SQUARE,
    Activation.TANH: Loss.MEAN_SQUARE,
}


def _read_format(value: Any) -> Format:
    if isinstance(value, QFormat | Pow2Format):
        return value
    if not isinstance(value, str):
        raise ValueError(f"a format is written s8.7, u4.2 or p4.6, not {value!r}")
    return parse_format(value)


def _read_qformat(value: Any) -> QFormat:
    fmt = _read_format(value)
    if isinstance(fmt, Pow2Format):
        raise ValueError(f"only delta may be a power of two, not {fmt}")
    return fmt


def _read_signed(value: Any) -> QFormat:
    fmt = _read_qformat(value)
    if not fmt.signed:
        raise ValueError(f"must be signed, not {fmt}")
    return fmt


def _read_delta(value: Any) -> Format:
    fmt = _read_format(value)
    if not fmt.signed:
        raise ValueError(f"must be signed or a power of two, not {fmt}")
    return fmt


AnyQ = Annotated[QFormat, BeforeValidator(_read_qformat)]
SignedQ = Annotated[QFormat, BeforeValidator(_read_signed)]
DeltaFormat = Annotated[Format, BeforeValidator(_read_delta)]


def _read_pair(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"must be two exponents such as [5, 8], not {value!r}")
    return value


# TOML tells 8 from true, 8.0 and "8"; so do we.
Int = Annotated[int, Field(strict=True)]
Bool = Annotated[bool, Field(strict=True)]
Pair = Annotated[tuple[Int, Int], BeforeValidator(_read_pair)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class FormatTable(_Model):
    """Formats of the signals; a key that is left out follows from ``bits``.

    ``weight`` is the stored weight, ``operand`` the part of it that the multiplier sees,
    ``activation`` a hidden layer's output, ``output`` the last layer's, ``input`` a pixel.
    """

    weight: SignedQ | None = None
    operand: SignedQ | None = None
    bias: SignedQ | None = None
    activation: AnyQ | None = None
    delta: DeltaFormat | None = None
    input: AnyQ | None = None
    output: AnyQ | None = None
    derivative: AnyQ | None = None


class RoundingTable(_Model):
    """Rounding of each kind of store."""

    activation: Rounding = Rounding.HALF_UP
    delta: Rounding = Rounding.STOCHASTIC
    update: Rounding = Rounding.STOCHASTIC


class LayerConfig(_Model):
    """One layer in the long form."""

    kind: Literal["dense"] = "dense"
    size: Int = Field(ge=1, le=16384)
    activation: Activation | None = None
    mapping: Literal["auto", "outputs", "inputs"] = "auto"
    learning_rate_shift: Int = Field(default=0, ge=-8, le=8)
    formats: FormatTable = FormatTable()


class Config(_Model):
    """A network and the accelerator that trains it; see README for the keys."""

    name: str = "network"
    engine: Literal["taxonn"] = "taxonn"
    inputs: Int | None = Field(default=None, ge=1, le=16384)
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
    training: Bool = True
    samples_per_clock: Literal[1, 2, 4, 8, 16] = 4
    learning_rate_exponent: Int = Field(default=6, ge=0, le=15)
    learning_rate_range: Pair | None = None
    seed: Int = Field(default=1, ge=0, lt=2**31)
    data: str = "digits"
    epochs: Int = Field(default=3, ge=1, le=10000)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, raw: Any) -> Any:
        """Turn ``layers = [784, 128, 10]`` into ``inputs`` and tables."""
        if not isinstance(raw, dict):
            return raw
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
        if self.loss is not None and MATCHED_LOSS[output] is not self.loss:
            raise ValueError(f"output {output.value} goes with loss {MATCHED_LOSS[output].value}, "
                             f"not {self.loss.value}")
        low, high = self.rate_range
        if not 0 <= low <= self.learning_rate_exponent <= high <= 20:
            raise ValueError(f"learning_rate_range [{low}, {high}] must lie within 0..20 and "
                             f"include learning_rate_exponent {self.learning_rate_exponent}")
        if high - low > 7:
            raise ValueError("learning_rate_range must span at most 8 exponents, "
                             f"not {high - low + 1}")
        return self

    @property
    def rate_range(self) -> tuple[int, int]:
        """Learning-rate exponents that can be chosen at run time, lowest and highest."""
        if self.learning_rate_range is not None:
            return self.learning_rate_range
        return (max(self.learning_rate_exponent - 1, 0), self.learning_rate_exponent + 2)


def load_config(source: str, *, bits: int | None = None, settings: tuple[str, ...] = (),
                seed: Int | None = None) -> Config:
    """Read the preset or TOML file ``source``.

    Parameters
    ----------
    source : str
        Preset name, or path of a TOML file.
    bits : int, optional
        Replaces every format by the sensible whole of that bitwidth.
    settings : tuple of str
        ``key=value`` overrides; values are TOML, dots reach into tables.
    seed : int, optional
        Replaces the seed.

    Raises
    ------
    UserError
        One line that names the rule and the value.
    """
    if not source:
        raise UserError("CONFIG must be a preset or a file, not ''")
    if source in preset_names():
        path = preset_path(source)
    else:
        path = Path(source)
        if not path.suffix and not path.exists():
            raise UserError(f"no preset or file named {source!r}; presets: "
                            f"{', '.join(preset_names())}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError(f"cannot read config {str(path)!r}: {reason}") from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path.name} is not valid TOML: {error}") from None
    raw.setdefault("name", re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem) or "network")
    if bits is not None:
        raw["bits"] = bits
        raw.pop("formats", None)
        layers = raw.get("layers")
        for layer in layers if isinstance(layers, list) else []:
            if isinstance(layer, dict):
                layer.pop("formats", None)
    for setting in settings:
        _apply(raw, setting)
    if seed is not None:
        raw["seed"] = seed
    return config_from_dict(raw)


def config_from_dict(raw: dict) -> Config:
    """Validate ``raw``; the first broken rule becomes a :class:`UserError` of one line."""
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        raise UserError(_first_line(error)) from None


def _apply(raw: dict, setting: str) -> None:
    key, equals, value = setting.partition("=")
    key = key.strip()
    if not equals or not re.fullmatch(r"[A-Za-z_][\w]*(\.[\w]+)*", key):
        raise UserError(f"--set takes key=value, not {setting!r}")
    try:
        document = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        document = {"value": value.strip()}
    if len(document) > 1:
        raise UserError(f"--set takes one key=value, not {setting!r}")
    parsed = document["value"]
    if key == "layers":
        raw.pop("inputs", None)
    *path, last = key.split(".")
    table: Any = raw
    for depth, part in enumerate(path):
        where = ".".join(path[:depth + 1])
        if isinstance(table, list):
            if not part.isdigit() or int(part) >= len(table):
                raise UserError(f"--set {key}: there is no {where}")
            table = table[int(part)]
        else:
            table = table.setdefault(part, {})
        if not isinstance(table, dict | list):
            raise UserError(f"--set {key}: {where} is not a table")
    if isinstance(table, list):
        raise UserError(f"--set {key}: {'.'.join(path)} is a list")
    table[last] = parsed


def _first_line(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]
                     if not str(part).startswith(("function-", "lax-", "is-instance")))
    message, value = first["msg"].removeprefix("Value error, "), first["input"]
    if first["type"] == "extra_forbidden":
        return f"unknown key {where!r}"
    if first["type"] == "missing":
        return f"{where} is missing"
    if first["type"] == "value_error":
        return f"{where}: {message}" if where else message
    for words, plain in _PLAIN:
        message = re.sub(words, plain, message)
    return f"{where}: {message}, not {value!r}"


#: pydantic's words in ours.
_PLAIN = (
    ("^Input should be ", "must be "),
    ("greater than or equal to", "at least"),
    ("less than or equal to", "at most"),
    (r"a valid integer.*", "a whole number"),
    (r"a valid boolean.*", "true or false"),
    (r"a valid string.*", "text"),
    (r"a valid dictionary.*", "a table"),
)
