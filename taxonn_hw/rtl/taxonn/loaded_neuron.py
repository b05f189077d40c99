"""Activation, mean and delta of a loadable build: one datapath, whose numbers come from the table.

What :mod:`taxonn_hw.rtl.neuron` and :mod:`taxonn_hw.rtl.quantize` choose by constants of the layer
is here (:class:`taxonn_hw.plan.layer_numbers.Points`)

    activation  clip(round((z + offset) 2**zeros), code_low, code_high);  with leaky ReLU more
                zeros where z is not negative
    derivative  0 at either end, else slope_above for codes above zero and slope_below for others
    delta       saturate(round(value 2**zeros))

with the same number of bits dropped by the rounding of every layer.
"""

from amaranth.hdl import Cat, Mux, Signal, Value

from ...fixed import Pow2Format, Rounding
from ...fixed.gates import absolute, leading_field, pow2_round, round_shift
from ...fixed.variable import append_zeros, clip_code, saturate_below
from ...plan.latency import quantizer_latency

__all__ = ["LoadedQuantizer", "loaded_activation", "loaded_mean"]


def _held(m, name: str, value: Value) -> Signal:
    register = Signal(value.shape(), name=name, reset_less=True)
    m.d.sync += register.eq(value)
    return register


def loaded_activation(m, view, total, tags, mode: Rounding, random, shape) -> tuple[Value, Value]:
    """Return activation code and derivative code of ``total``, 3 cycles after it.

    ``tags`` go with the sum from its own cycle on; ``random`` comes one cycle after it.
    """
    first, third, fourth = tags[0].layer, tags[2].layer, tags[3].layer
    shifted = total + view.value(first, "offset")
    zeros = Mux(total < 0, view.value(first, "zeros_below"), view.value(first, "zeros_above"))
    aligned = _held(m, "aligned", append_zeros(shifted, zeros, view.most("zeros_above")))
    rounded = _held(m, "rounded", round_shift(aligned, view.points.activation, mode, random))
    code = Signal(shape, name="saturated", reset_less=True)
    m.d.sync += code.eq(clip_code(rounded, view.value(third, "code_low"),
                                  view.value(third, "code_high")))
    live = (code > view.value(fourth, "code_low")) & (code < view.value(fourth, "code_high"))
    steep = Mux(code > 0, view.value(fourth, "slope_above"), view.value(fourth, "slope_below"))
    slope = Signal(steep.shape(), name="slope")
    m.d.comb += slope.eq(Mux(live, steep, 0))
    return code, slope


def loaded_mean(view, total: Value, layer) -> Value:
    """Return the code of a mean, or of one activation; combinational."""
    aligned = append_zeros(total, view.value(layer, "mean_zeros"), view.most("mean_zeros"))
    return clip_code(round_shift(aligned, view.points.mean, Rounding.HALF_UP),
                     view.value(layer, "mean_low"), view.value(layer, "mean_high"))


class LoadedQuantizer:
    """Builds the delta quantiser into a module; as ``DeltaQuantizer``, one cycle longer.

    Parameters
    ----------
    view : LoadedView
    mode : Rounding
        Rounding of deltas.
    shape : ShapeCastable
        Shape of a stored delta.
    """

    def __init__(self, *, view, mode: Rounding, shape) -> None:
        self.view, self.mode, self.shape = view, mode, shape
        self.format = view.delta
        #: Cycles from ``value`` to the result.
        self.latency = quantizer_latency([self.format]) + 1

    def random_delay(self) -> int:
        """Stage, counted from the value, at which the random word is used."""
        return self.latency - 2

    def build(self, m, value: Value, index: list[Value], random: Value, name: str) -> Value:
        """Return the stored delta; parameters of ``DeltaQuantizer.build``."""
        view, drop = self.view, self.view.points.delta
        aligned = _held(m, f"{name}_aligned", append_zeros(
            value, view.value(index[0], "delta_zeros"), view.most("delta_zeros")))
        if isinstance(self.format, Pow2Format):
            return self._pow2(m, aligned, index, random, name)
        rounded = _held(m, f"{name}_rounded", round_shift(aligned, drop, self.mode, random))
        return self._stored(m, name, saturate_below(rounded, view.value(index[2], "delta_high")))

    def _pow2(self, m, aligned, index, random, name) -> Value:
        view, fmt = self.view, self.format
        negative = Signal(2, name=f"{name}_negative", reset_less=True)
        m.d.sync += negative.eq(Cat(aligned < 0, negative[0]))
        magnitude = _held(m, f"{name}_magnitude", absolute(aligned))
        if self.mode is Rounding.STOCHASTIC:
            random = append_zeros(random, view.value(index[2], "delta_random_zeros"),
                                  view.most("delta_random_zeros"))
        rounded, low = pow2_round(magnitude, view.points.delta, fmt, self.mode, random)
        total = _held(m, f"{name}_total", rounded)
        field = leading_field(total, low, fmt)
        return self._stored(m, name, Cat(field, negative[1]))

    def _stored(self, m, name, code) -> Signal:
        result = Signal(self.shape, name=f"{name}_delta", reset_less=True)
        m.d.sync += result.eq(code)
        return result
