"""The sensible whole of formats for a bitwidth, and the rules that tie formats together.

The defaults were chosen by measurement (README, section "Accuracy"): hidden activations keep two
to three integer bits, stored weights keep at least twelve bits so that small steps are not lost
(in nets with kernels sixteen: gradients of a kernel sum over positions, so its steps are smaller,
and its rows are as wide as those of the other layers), and up to seven bits the gradient is a power
of two.
"""

from dataclasses import dataclass, fields

from ..config import Activation, Config
from ..errors import UserError
from ..fixed import Format, Pow2Format, QFormat

__all__ = ["LayerFormats", "input_format", "layer_formats"]


@dataclass(frozen=True)
class LayerFormats:
    """Formats of one layer: ``x`` is its input, ``a`` its output."""

    weight: QFormat
    operand: QFormat
    bias: QFormat
    x: QFormat
    a: QFormat
    delta: Format
    derivative: QFormat

    def as_strings(self) -> dict[str, str]:
        """Return the formats as they are written, by signal."""
        return {field.name: str(getattr(self, field.name)) for field in fields(self)}


def input_format(config: Config) -> QFormat:
    """Return the format of an input value."""
    return config.formats.input or QFormat(config.bits, config.bits, signed=False)


def layer_formats(config: Config, index: int, x: QFormat) -> LayerFormats:
    """Return the formats of layer ``index`` (from 1) whose input has format ``x``.

    Raises
    ------
    UserError
        When an explicit format breaks a rule.
    """
    layer = config.layers[index - 1]
    own, common = layer.formats, config.formats
    last = index == len(config.layers)
    activation = layer.activation or (config.output if last else config.activation)
    bits = config.bits

    def pick(key: str, default):
        return getattr(own, key) or getattr(common, key) or default

    has_kernels = any(other.kind == "conv" for other in config.layers)
    weight = pick("weight", _stored(bits, has_kernels))
    operand = pick("operand", min(_operand(bits), weight, key=lambda q: q.width))
    if last:
        a = own.output or own.activation or common.output
        a = a or _activation(max(bits, 8), activation)
    else:
        a = pick("activation", _activation(max(bits, 3), activation))
    formats = LayerFormats(
        weight=weight,
        operand=operand,
        bias=pick("bias", weight),
        x=x,
        a=a,
        delta=pick("delta", _delta(bits)),
        derivative=pick("derivative", QFormat(8, 8, signed=False)),
    )
    _check(formats, activation, f"layer {index}", last)
    return formats


def _stored(bits: int, has_kernels: bool) -> QFormat:
    if bits > 8:
        return QFormat(16, 13)
    return QFormat(16, 14) if has_kernels else QFormat(12, 10)


def _operand(bits: int) -> QFormat:
    return QFormat(bits, {2: 3, 3: 3, 4: 4}.get(bits, min(bits - 1, 13)))


def _delta(bits: int) -> Format:
    return Pow2Format(4, 6) if bits <= 7 else QFormat(bits, bits - 1)


def _activation(bits: int, activation: Activation) -> QFormat:
    integer = 1 if bits == 3 else 2 if bits == 4 else 3 if bits <= 8 else 5
    match activation:
        case Activation.RELU:
            return QFormat(bits, bits - integer, signed=False)
        case Activation.HARD_SIGMOID | Activation.SIGMOID | Activation.SOFTMAX:
            return QFormat(bits, bits - 1, signed=False)
        case Activation.TANH:
            return QFormat(bits, bits - 1)
        case _:
            return QFormat(bits, bits - integer - 1)


def _check(f: LayerFormats, activation: Activation, where: str, last: bool) -> None:
    signed_kinds = (Activation.IDENTITY, Activation.LEAKY_RELU, Activation.TANH)
    if activation in signed_kinds and not f.a.signed:
        raise UserError(f"{where}: {activation.value} needs a signed activation format, not {f.a}")
    if activation is Activation.HARD_SIGMOID and f.a.frac > f.a.width - f.a.signed - 1:
        raise UserError(f"{where}: hard_sigmoid must reach 1.0 within its format, {f.a} does not")
    if last and activation in (Activation.SIGMOID, Activation.SOFTMAX) \
            and f.a.frac > f.a.width - f.a.signed - 1:
        raise UserError(f"{where}: a {activation.value} output must reach 1.0 within its format, "
                        f"{f.a} does not")
    if activation is Activation.SOFTMAX and f.a.frac > 24:
        raise UserError(f"{where}: softmax has at most 24 fraction bits, not {f.a}")
    if f.operand.width > f.weight.width:
        raise UserError(f"{where}: the operand {f.operand} must not be wider than the stored "
                        f"weight {f.weight}")
    if f.operand.frac > f.weight.frac:
        raise UserError(f"{where}: the operand {f.operand} must not have more fraction bits than "
                        f"the stored weight {f.weight}")
    if f.bias.frac < f.weight.frac - f.x.frac:
        raise UserError(f"{where}: the bias {f.bias} needs at least {f.weight.frac - f.x.frac} "
                        "fraction bits (weight less input)")
    if f.bias.width > f.weight.width:
        raise UserError(f"{where}: the bias {f.bias} must not be wider than the stored weight "
                        f"{f.weight}, whose memory it shares")
    if f.derivative.signed or f.derivative.width > 12:
        raise UserError(f"{where}: the derivative must be unsigned with at most 12 bits, "
                        f"not {f.derivative}")
    if not -8 <= f.a.frac <= 32:
        raise UserError(f"{where}: the activation {f.a} must have -8 to 32 fraction bits")

