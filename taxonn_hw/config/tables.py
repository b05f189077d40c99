"""Tables of a configuration: formats, rounding, one layer, the sparse engine."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..fixed import Rounding
from .values import Activation, AnyQ, DeltaFormat, Int, Kernel, SignedQ

__all__ = ["EdgeTable", "FormatTable", "LayerConfig", "RoundingTable", "Table"]


class Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class FormatTable(Table):
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


class RoundingTable(Table):
    """Rounding of each kind of store."""

    activation: Rounding = Rounding.HALF_UP
    delta: Rounding = Rounding.STOCHASTIC
    update: Rounding = Rounding.STOCHASTIC


class LayerConfig(Table):
    """One layer in the long form.

    ``dense`` takes ``size``.  ``conv`` takes ``channels`` (of its output), ``kernel`` ([height,
    width] or one number for both), ``stride``, ``padding`` (zeros around the image) and ``pool``
    over windows of ``pool_size`` by ``pool_size``, which do not overlap; positions that fill no
    window are left out.
    """

    kind: Literal["dense", "conv"] = "dense"
    size: Int | None = Field(default=None, ge=1, le=16384)
    channels: Int | None = Field(default=None, ge=1, le=4096)
    kernel: Kernel | None = None
    stride: Int = Field(default=1, ge=1, le=64)
    padding: Int = Field(default=0, ge=0, le=63)
    pool: Literal["max", "average", "none"] = "none"
    pool_size: Int = Field(default=2, ge=1, le=64)
    activation: Activation | None = None
    mapping: Literal["auto", "outputs", "inputs"] = "auto"
    learning_rate_shift: Int = Field(default=0, ge=-8, le=8)
    formats: FormatTable = FormatTable()

    @property
    def label(self) -> int | str:
        """The layer in a word: its size, or such as ``conv5x5x8``."""
        if self.kind == "dense":
            return self.size
        return "conv" + "x".join(map(str, (*self.kernel, self.channels)))

    @model_validator(mode="before")
    @classmethod
    def _check_kind(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        kind = raw.get("kind", "dense")
        needed, foreign = {"dense": (("size",), _CONV), "conv": (("channels", "kernel"), ("size",)),
                           }.get(kind, ((), ()))
        for key in needed:
            if raw.get(key) is None:
                raise ValueError(f"{key} is missing")
        for key in foreign:
            if key in raw and raw[key] != cls.model_fields[key].default:
                raise ValueError(f"{key} belongs to no {kind} layer")
        return raw

    @model_validator(mode="after")
    def _check_conv(self) -> "LayerConfig":
        if self.kind == "conv" and self.padding >= min(self.kernel):
            raise ValueError(f"padding {self.padding} must be smaller than the kernel "
                             f"{self.kernel[0]} x {self.kernel[1]}")
        if self.kind == "conv" and self.mapping == "inputs":
            raise ValueError("a conv layer's lanes are its output channels; mapping must not be "
                             "'inputs'")
        return self


#: Keys of convolutions alone.
_CONV = ("channels", "kernel", "stride", "padding", "pool", "pool_size")


class EdgeTable(Table):
    """Keys of engine ``edge`` (Dey et al.): connections and processors of each junction.

    Of ``fan_out`` (edges of each left neuron) and ``density`` (0 to 1) at most one is given;
    without either every junction is fully connected.  Of ``cycles`` (clocks of a junction cycle,
    C) and ``z`` (edge processors of each junction) at most one; without either C is the smallest
    for which all processors together are at most ``lanes``.
    """

    fan_out: tuple[Annotated[Int, Field(ge=1)], ...] | None = None
    density: tuple[Annotated[float, Field(gt=0, le=1)], ...] | None = None
    cycles: Int | None = Field(default=None, ge=1)
    z: tuple[Annotated[Int, Field(ge=1)], ...] | None = None
    interleaver: Literal["basic", "sv", "ss", "md", "sv+ss", "ss+md", "sv+md", "sv+ss+md",
                         "type1", "type2", "type3"] = "sv+ss"
    arithmetic: Literal["improved", "compatibility"] = "improved"
    initial: Literal["independent", "shared"] = "independent"

    @field_validator("fan_out", "density", "z", mode="before")
    @classmethod
    def _empty_is_not_given(cls, value):
        """Let ``--set edge.z=[]`` take back what a preset says."""
        return None if value == [] else value

    @model_validator(mode="after")
    def _check_choices(self) -> "EdgeTable":
        for one, other in (("fan_out", "density"), ("cycles", "z")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise ValueError(f"give {one} or {other}, not both")
        return self
