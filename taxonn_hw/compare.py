"""Where two sets of weights differ, in words of rows and lanes."""

from dataclasses import dataclass

import numpy as np

from .golden.weights import Parameters
from .plan import Layer, Network

__all__ = ["Difference", "count_differences", "first_difference"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One weight or bias that is not what it must be.

    ``row`` is the row of the weight memory; for a bias in the scalar memory, its address there,
    and ``lane`` is None.
    """

    layer: int
    output: int
    input: int | None
    row: int
    lane: int | None
    expected: int
    got: int

    def __str__(self) -> str:
        what = "bias" if self.input is None else f"weight from input {self.input}"
        lane = "scalar bias memory" if self.lane is None else f"lane {self.lane}"
        return (f"layer {self.layer}, {what} to output {self.output} (row {self.row}, {lane}): "
                f"expected {self.expected}, got {self.got}")


def count_differences(expected: Parameters, got: Parameters) -> int:
    """Return how many weights and biases differ."""
    return sum(int(np.count_nonzero(a != b)) for pair, other in zip(expected, got, strict=True)
               for a, b in zip(pair, other, strict=True))


def first_difference(network: Network, expected: Parameters, got: Parameters) -> Difference | None:
    """Return the first weight, else the first bias, that differs, layer by layer; or None."""
    for layer, (w, b), (w_got, b_got) in zip(network.layers, expected, got, strict=True):
        for index in np.argwhere(w != w_got)[:1].tolist():
            output, source = index
            row, lane = _place(layer, output, source)
            return Difference(layer=layer.index, output=output, input=source, row=row, lane=lane,
                              expected=int(w[output, source]), got=int(w_got[output, source]))
        for (output,) in np.argwhere(b != b_got)[:1].tolist():
            if layer.by_outputs:
                row, lane = _place(layer, output, layer.n_in)
            else:
                row, lane = layer.neuron_base + output, None
            return Difference(layer=layer.index, output=output, input=None, row=row, lane=lane,
                              expected=int(b[output]), got=int(b_got[output]))
    return None


def _place(layer: Layer, output: int, source: int) -> tuple[int, int]:
    """Return row and lane of the weight from ``source`` (``n_in``: the bias) to ``output``."""
    side, item = (output, source) if layer.by_outputs else (source, output)
    block, lane = divmod(side, layer.lanes)
    return layer.row_base + block * layer.row_stride + item, lane
