"""Formats of engine ``edge``: one for everything (compatibility), or one a signal (improved).

The improved defaults were chosen by measurement (README, section "Engine edge").  Sparse weights
grow large: stored weights keep three integer bits as the published format does, and so do the
operands that the multipliers see; at twelve stored bits more fraction gains nothing.  All else is
as for engine ``taxonn``.
"""

from dataclasses import dataclass

import numpy as np

from ...config import Activation, Config, FormatTable, RoundingTable
from ...errors import UserError
from ...fixed import QFormat
from ..formats import LayerFormats, input_format, layer_formats

__all__ = ["PixelFormat", "edge_input", "edge_layer_formats", "is_compatible"]

#: Published formats: width -> fraction bits; the integer part holds the clipped sum.
_PUBLISHED = {8: 5, 10: 7, 12: 8, 16: 11, 32: 21}


@dataclass(frozen=True)
class PixelFormat(QFormat):
    """Unsigned fractions that a wider pixel is cut to, not rounded."""

    signed: bool = False

    def quantize(self, values: np.ndarray) -> np.ndarray:
        """Return the codes at or below real ``values``, saturated, int64."""
        codes = np.floor(np.asarray(values, dtype=np.float64) * 2.0**self.frac)
        return np.clip(codes, self.lo, self.hi).astype(np.int64)

    __str__ = QFormat.__str__


def is_compatible(config: Config) -> bool:
    """Whether the published arithmetic is asked for."""
    return config.edge.arithmetic == "compatibility"


def edge_input(config: Config) -> QFormat:
    """Return the format of an input value."""
    if not is_compatible(config):
        return input_format(config)
    bits = min(8, _common(config).frac)  # pixels p stand for p / 256: finer bits are dropped
    return PixelFormat(bits, bits)


def edge_layer_formats(config: Config, index: int, x: QFormat) -> LayerFormats:
    """Return the formats of junction ``index`` (from 1) whose input has format ``x``.

    Raises
    ------
    UserError
        When an explicit format breaks a rule.
    """
    if not is_compatible(config):
        return layer_formats(_with_defaults(config, index), index, x)
    q = _common(config)
    _check(config, index)
    # sigmoid' is at most 1/4: two leading bits are never needed; a clipped ReLU's slope reaches 1
    sigmoid = _activation(config, index) is Activation.SIGMOID
    slope = QFormat(q.frac - 2 if sigmoid else q.frac, q.frac, signed=False)
    return LayerFormats(weight=q, operand=q, bias=q, x=x, a=q, delta=q, derivative=slope)


def _with_defaults(config: Config, index: int) -> Config:
    """Return ``config`` with the formats filled in that differ from those of engine ``taxonn``."""
    bits, table, own = config.bits, config.formats, config.layers[index - 1].formats
    weight = own.weight or table.weight or (QFormat(12, 8) if bits <= 8 else QFormat(16, 12))
    frac = {2: 0, 3: 1, 4: 1}.get(bits, bits - 4)
    operand = table.operand or QFormat(min(bits, weight.width), min(frac, weight.frac))
    return config.model_copy(update={"formats": table.model_copy(update={
        "weight": weight, "operand": operand})})


def _common(config: Config) -> QFormat:
    """Return the one format of the compatibility arithmetic."""
    q = config.formats.weight or QFormat(
        config.bits, _PUBLISHED.get(config.bits, max(config.bits - 4, 0)))
    if not 3 <= q.frac <= q.width - 2:
        raise UserError(f"arithmetic compatibility needs a sign, an integer bit and at least 3 "
                        f"fraction bits, not {q}")
    return q


def _activation(config: Config, index: int) -> Activation:
    last = index == len(config.layers)
    return config.layers[index - 1].activation or (config.output if last else config.activation)


def _check(config: Config, index: int) -> None:
    where, layer = f"layer {index}", config.layers[index - 1]
    if layer.formats != FormatTable() or config.formats != FormatTable(
            weight=config.formats.weight):
        raise UserError("arithmetic compatibility takes one format for everything, "
                        "formats.weight; it has no others")
    if config.rounding != RoundingTable():
        raise UserError("arithmetic compatibility rounds half up everywhere; table rounding "
                        "belongs to arithmetic improved")
    kind = _activation(config, index)
    allowed = (Activation.SIGMOID,) if index == len(config.layers) else (
        Activation.SIGMOID, Activation.RELU)
    if kind not in allowed:
        raise UserError(f"{where}: arithmetic compatibility has activation "
                        f"{' or '.join(a.value for a in allowed)} there, not {kind.value}")
    lowest = config.rate_range[0] + layer.learning_rate_shift
    if lowest < 0:
        raise UserError(f"{where}: arithmetic compatibility has steps of at most 1, the learning "
                        f"rate exponent must not fall to {lowest}")
