"""Where two sets of weights differ, in words of rows and lanes."""

from dataclasses import dataclass

import numpy as np

from .golden.weights import Parameters
from .plan.base import Plan

__all__ = ["Difference", "count_differences", "first_difference"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One weight or bias that is not what it must be.

    ``row`` is the row of the weight memory; for a bias in a memory of its own, its address there,
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
        lane = "bias memory" if self.lane is None else f"lane {self.lane}"
        return (f"layer {self.layer}, {what} to output {self.output} (row {self.row}, {lane}): "
                f"expected {self.expected}, got {self.got}")


def count_differences(expected: Parameters, got: Parameters) -> int:
    """Return how many weights and biases differ."""
    return sum(int(np.count_nonzero(a != b)) for pair, other in zip(expected, got, strict=True)
               for a, b in zip(pair, other, strict=True))


def first_difference(plan: Plan, expected: Parameters, got: Parameters) -> Difference | None:
    """Return the first weight, else the first bias, that differs, layer by layer; or None."""
    for layer, pair, pair_got in zip(plan.layers, expected, got, strict=True):
        for values, values_got in zip(pair, pair_got, strict=True):
            for index in np.argwhere(values != values_got)[:1].tolist():
                output, source = (*index, None)[:2]
                place, index = plan.place(layer, output, source), tuple(index)
                return Difference(
                    layer=layer.index, output=output, input=place.input, row=place.row,
                    lane=place.lane, expected=int(values[index]), got=int(values_got[index]))
    return None
