"""What every lane stores at once: the activation and the delta of its neuron, from its sums."""

from amaranth.hdl import Cat, Mux, Signal

from ...fixed import Rounding
from ...fixed.gates import round_shift, saturate
from ..neuron import round_activation, saturate_activation, slope_of_code, steepen
from ..quantize import DeltaQuantizer
from ..select import by_index
from .numerics import Numerics

__all__ = ["add_activation", "add_delta"]


def add_activation(m, n: Numerics, c, total, random):
    """Return the activation code, at c8 or c9, of the sum ``total`` at c7.

    ``c`` are the controls, ``random`` is the lane's word.
    """
    point, mode = n.alignment.point, n.network.config.rounding.activation
    code = Signal(n.vector_activation, reset_less=True)
    if n.alignment.rounds_activations:
        value = round_shift(total, point, Rounding.FLOOR)
        m.d.sync += code.eq(by_index(c.c7_layer, {
            layer.index: saturate_activation(value, layer) for layer in n.lane_layers}))
        return code
    codes = {}
    for layer in n.lane_layers:
        value = round_activation(total, layer, mode, c.c7_row_word ^ random)
        register = Signal(value.shape(), name=f"c8_rounded_{layer.index}", reset_less=True)
        m.d.sync += register.eq(value)
        codes[layer.index] = saturate_activation(register, layer)
    m.d.sync += code.eq(by_index(c.c8_layer, codes))
    return code


def add_delta(m, n: Numerics, c, activation, total, random):
    """Return the delta, at c8, c9 or c10, of the sum ``total`` at c7.

    The null slot that ends the sum brings the neuron's ``activation`` at c3.  ``c`` are the
    controls, ``random`` is the lane's word.
    """
    slope = by_index(c.c3_layer, {layer.index + 1: Cat(*slope_of_code(activation, layer))
                                  for layer in n.lane_layers})
    for k in (4, 5, 6, 7):
        register = Signal(2, name=f"c{k}_slope", reset_less=True)
        m.d.sync += register.eq(slope)
        slope = register
    if n.alignment.rounds_deltas:
        value = Mux(slope[0], round_shift(total, n.alignment.point, Rounding.FLOOR), 0)
        code = Signal(n.delta, name="c8_delta", reset_less=True)
        m.d.sync += code.eq(by_index(c.c7_layer, {
            layer.index + 1: saturate(value, layer.formats.delta) for layer in n.lane_layers}))
        return code
    values, cases = {}, {}
    for layer in n.lane_layers:
        above = n.network.above(layer)
        values[above.index] = steepen(total, slope[1], layer)
        cases[above.index] = (layer, layer.delta_frac(above))
    quantizer = DeltaQuantizer(cases=cases, mode=n.network.config.rounding.delta,
                               as_pow2=n.pow2, shape=n.delta)
    row_word = c.c8_row_word if quantizer.random_delay() else c.c7_row_word
    stages = [c.c7_layer, c.c8_layer, c.c9_layer][:quantizer.latency]
    return quantizer.build(m, by_index(c.c7_layer, values), stages, row_word ^ random, "lane",
                           live=slope[0])
