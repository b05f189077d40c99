"""Values of configuration keys: functions, losses, formats, strict numbers."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer

from ..fixed import Format, Pow2Format, QFormat, parse_format

__all__ = ["MATCHED_LOSS", "NEURON_KINDS", "Activation", "AnyQ", "Bool", "DeltaFormat", "Int",
           "Kernel", "Loss", "Pair", "Shape", "SignedQ"]


class Activation(StrEnum):
    """Activation functions; ``sigmoid`` and ``tanh`` are tables, ``softmax`` is an output only."""

    IDENTITY = "identity"
    RELU = "relu"
    LEAKY_RELU = "leaky_relu"
    HARD_SIGMOID = "hard_sigmoid"
    SIGMOID = "sigmoid"
    TANH = "tanh"
    SOFTMAX = "softmax"

    @property
    def is_table(self) -> bool:
        """Whether the function is read from a table."""
        return self in (Activation.SIGMOID, Activation.TANH)


class Loss(StrEnum):
    """Losses; see :data:`MATCHED_LOSS` for the pairs that are allowed."""

    CROSS_ENTROPY = "cross_entropy"
    MEAN_SQUARE = "mean_square"


#: Functions of one neuron; softmax looks at all outputs.
NEURON_KINDS = tuple(kind for kind in Activation if kind is not Activation.SOFTMAX)

#: The one loss that goes with each output unit.  For identity, hard sigmoid, sigmoid and softmax it
#: is the matched loss, whose gradient is ``a - t``; the others multiply that by the derivative.
MATCHED_LOSS = {
    Activation.IDENTITY: Loss.MEAN_SQUARE,
    Activation.HARD_SIGMOID: Loss.CROSS_ENTROPY,
    Activation.SIGMOID: Loss.CROSS_ENTROPY,
    Activation.RELU: Loss.MEAN_SQUARE,
    Activation.LEAKY_RELU: Loss.MEAN_SQUARE,
    Activation.TANH: Loss.MEAN_SQUARE,
    Activation.SOFTMAX: Loss.CROSS_ENTROPY,
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


_AS_TEXT = PlainSerializer(str)  # as formats are written

AnyQ = Annotated[QFormat, BeforeValidator(_read_qformat), _AS_TEXT]
SignedQ = Annotated[QFormat, BeforeValidator(_read_signed), _AS_TEXT]
DeltaFormat = Annotated[Format, BeforeValidator(_read_delta), _AS_TEXT]


def _read_pair(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"must be two exponents such as [5, 8], not {value!r}")
    return value


def _read_kernel(value: Any) -> Any:
    sides = (value, value) if isinstance(value, int) else value
    if (not isinstance(sides, list | tuple) or len(sides) != 2
            or not all(type(n) is int and 1 <= n <= 64 for n in sides)):
        raise ValueError(f"must be a size such as 5 or [5, 3], each 1 to 64, not {value!r}")
    return tuple(sides)


def _read_shape(value: Any) -> Any:
    if (not isinstance(value, list | tuple) or len(value) != 3
            or not all(type(n) is int and n >= 1 for n in value)):
        raise ValueError(f"must be [channels, height, width] such as [3, 32, 32], not {value!r}")
    return tuple(value)


# TOML tells 8 from true, 8.0 and "8"; so do we.
Int = Annotated[int, Field(strict=True)]
Bool = Annotated[bool, Field(strict=True)]
Pair = Annotated[tuple[Int, Int], BeforeValidator(_read_pair)]
Kernel = Annotated[tuple[int, int], BeforeValidator(_read_kernel)]
Shape = Annotated[tuple[int, int, int], BeforeValidator(_read_shape)]
