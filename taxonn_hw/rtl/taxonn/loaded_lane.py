"""A lane of a loadable build: what depends on formats, by numbers that all lanes share."""

from amaranth.hdl import Mux

from ...fixed import Rounding
from ...fixed.gates import round_shift
from ...fixed.variable import append_zeros, saturate_below

__all__ = ["loaded_bias", "loaded_control", "loaded_operand", "loaded_weight"]


def loaded_control(n) -> dict:
    """Return the members that ``lane_control`` has beside others; the prefix names the stage."""
    view = n.view
    layers = view.tables["layers"].layout.members
    return {
        "c2_operand_zeros": layers["operand_zeros"],  # brings a weight to the point of rounding
        "c2_operand_high": layers["operand_high"],    # highest operand
        "c4_bias_zeros": layers["bias_zeros"],
        "c7_weight_high": layers["weight_high"],      # highest stored weight, and bias
        "c7_bias_high": layers["bias_high"],
    }


def loaded_operand(n, control, word):
    """The multiplier's view of ``word``: rounded half up and saturated."""
    view = n.view
    aligned = append_zeros(word, control.c2_operand_zeros, view.most("operand_zeros"))
    return saturate_below(round_shift(aligned, view.points.operand, Rounding.HALF_UP),
                          control.c2_operand_high)


def loaded_bias(n, control, word):
    """The word as a bias, as many fraction bits as its forward sum."""
    return append_zeros(word, control.c4_bias_zeros, n.view.most("bias_zeros"))


def loaded_weight(control, value):
    """The stored weight or bias that ``value`` becomes."""
    high = Mux(control.c7_bias, control.c7_bias_high, control.c7_weight_high)
    return saturate_below(value, high[:len(control.c7_weight_high)])
