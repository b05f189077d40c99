"""Deltas: the quantiser, and the output's error."""

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...fixed import RANDOM_BITS, Pow2Format, Rounding
from ...fixed.gates import leading_field, pow2_round, requantize, saturate
from ...plan.edge.junction import Junction
from ...plan.edge.latency import JunctionStages
from ..neuron import apply_slope
from ..quantize import DeltaQuantizer
from .shapes import JunctionShapes

__all__ = ["OutputDelta", "quantize_delta", "times_slope", "word_delay"]


def word_delay(junction: Junction, registers: int) -> int:
    """Return the cycles from a quantiser's value to the use of its random word."""
    return int(isinstance(junction.formats.delta, Pow2Format) and registers == 3)


def quantize_delta(m, value: Value, junction: Junction, frac: int, *, mode: Rounding, random: Value,
                   registers: int, name: str) -> Value:
    """Return the stored delta of ``value``, which has ``frac`` fraction bits.

    ``registers`` cycles later; ``random`` is the word :func:`word_delay` cycles after ``value``.
    """
    fmt = junction.formats.delta
    as_pow2 = isinstance(fmt, Pow2Format)
    shape = JunctionShapes(junction).delta
    if registers > 1:
        quantizer = DeltaQuantizer(cases={junction.index: (junction, frac)}, mode=mode,
                                   as_pow2=as_pow2, shape=shape)
        return quantizer.build(m, value, [Const(0)] * quantizer.latency, random, name)
    if as_pow2:
        total, low = pow2_round(value, frac - fmt.frac, fmt, mode, random)
        word = Cat(leading_field(total, low, fmt)[:fmt.width - 1], value < 0)
    else:
        word = requantize(value, frac - fmt.frac, fmt, mode, random)
    result = Signal(shape, name=f"{name}_delta", reset_less=True)
    m.d.sync += result.eq(word)
    return result


def times_slope(value: Value, slope: Value, junction: Junction) -> Value:
    """Return ``value f'`` for a derivative code of ``junction``, combinational."""
    if junction.activation.is_table:
        return value * slope
    if len(slope) == 1:
        return apply_slope(value, slope, Const(0, 1), junction)
    steep = slope[-1]
    return apply_slope(value, steep | slope[0], steep, junction)


class OutputDelta(wiring.Component):
    """Deltas of ``R`` outputs a clock: error, derivative where the loss asks for it, quantiser.

    Latency from ``activations`` to ``deltas``: ``stages.error - stages.activation``.

    Parameters
    ----------
    junction : Junction
        The last one.
    stages : JunctionStages
    mode : Rounding
        Of deltas.

    Members
    -------
    activations, slopes, targets : In([R])
    words : In(16[R])
        Random words, :attr:`word_stage` cycles later.
    deltas : Out(delta[R])
    """

    def __init__(self, *, junction: Junction, stages: JunctionStages, mode: Rounding) -> None:
        self.junction, self.stages, self.mode = junction, stages, mode
        self.shapes = s = JunctionShapes(junction)
        self.n = n = junction.neurons_per_clock
        self.derivative = junction.has_derivative_at_output
        #: Cycles for the difference and its product with a derivative from a table.
        self.waits = 2 if (self.derivative and junction.activation.is_table and stages.slope) else 0
        self.word_stage = self.waits + word_delay(junction, stages.error_quantizer)
        super().__init__({
            "activations": In(data.ArrayLayout(s.a, n)), "slopes": In(data.ArrayLayout(s.slope, n)),
            "targets": In(data.ArrayLayout(s.a, n)),
            "words": In(data.ArrayLayout(RANDOM_BITS, n)),
            "deltas": Out(data.ArrayLayout(s.delta, n)),
        })

    def elaborate(self, platform):
        m = Module()
        make = self._compatible if self.junction.compatible else self._improved
        m.d.comb += self.deltas.as_value().eq(Cat(make(m, k) for k in range(self.n)))
        return m

    def _improved(self, m, k: int) -> Value:
        j, slope = self.junction, self.slopes[k]
        value, frac = self.activations[k] - self.targets[k], j.formats.a.frac
        if self.waits:
            value, slope = self._held(m, value, slope, k)
        if self.derivative:
            value, frac = times_slope(value, slope, j), frac + j.derivative_frac
        if self.waits:
            product = Signal(value.shape(), name=f"product_{k}", reset_less=True)
            m.d.sync += product.eq(value)
            value = product
        error = Signal(signed(len(value)), name=f"value_{k}")
        m.d.comb += error.eq(value)
        return quantize_delta(m, error, j, frac, mode=self.mode, random=self.words[k],
                              registers=self.stages.error_quantizer, name=f"output_{k}")

    def _compatible(self, m, k: int) -> Value:
        j, slope = self.junction, self.slopes[k]
        value = saturate(self.activations[k] - self.targets[k], j.q)
        if self.derivative:
            if self.waits:
                value, slope = self._held(m, value, slope, k)
            value = value * slope
            if self.waits:
                product = Signal(value.shape(), name=f"product_{k}", reset_less=True)
                m.d.sync += product.eq(value)
                value = product
            value = requantize(value, j.q.frac, j.q, Rounding.HALF_UP)
        result = Signal(self.shapes.delta, name=f"delta_{k}", reset_less=True)
        m.d.sync += result.eq(value)
        return result

    @staticmethod
    def _held(m, value, slope, k: int):
        difference = Signal(value.shape(), name=f"difference_{k}", reset_less=True)
        held = Signal(slope.shape(), name=f"slope_{k}", reset_less=True)
        m.d.sync += [difference.eq(value), held.eq(slope)]
        return difference, held
