"""Update: a step for every edge of a clock, and for the biases."""

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...fixed import RANDOM_BITS, QFormat, Rounding
from ...fixed.carry import flip, subtract_flipped, times_pow2
from ...fixed.gates import requantize, round_shift, saturate
from ...plan.edge.junction import Junction
from ...plan.edge.latency import JunctionStages
from ..copies import LANES_PER_COPY, add_copies
from .shapes import JunctionShapes
from .staged import Staged, pick

__all__ = ["StepLane", "StepScale", "step_layout"]


def step_layout(junction: Junction, span: int) -> data.StructLayout:
    """Layout of a scaled delta: what all edges of a neuron share.

    Powers of two: sign, exponent and whether there is a step; else a number.  ``span`` is the
    highest learning-rate exponent less the lowest.
    """
    f, shapes = junction.formats, JunctionShapes(junction)
    if shapes.pow2:
        return data.StructLayout({
            "negative": 1, "live": 1, "exponent": range(f.delta.n_magnitudes + span + 1)})
    if junction.compatible:
        return data.StructLayout({"step": signed(f.delta.width)})
    return data.StructLayout({"step": signed(f.delta.width + span)})


class StepScale(wiring.Component):
    """Scales the delta of a neuron by the learning rate.  Latency 1.

    Improved arithmetic: ``delta * 2**extra``, exact; the lowest rate has the highest ``extra`` and
    the lanes drop the bits of the highest exponent.  Compatibility: ``-delta`` saturated, then
    shifted by the rate and rounded half up.

    Parameters
    ----------
    junction : Junction
    rates : tuple of int
        Lowest and highest learning-rate exponent.
    lanes : int
        Edges of the neuron in a clock.

    Members
    -------
    delta : In
    extra : In(3)
        Highest learning-rate exponent less that of the sample.
    o : Out(step[2])
        The same for every :data:`LANES_PER_COPY` lanes.
    """

    def __init__(self, *, junction: Junction, rates: tuple[int, int], lanes: int = 1) -> None:
        self.junction, self.rates, self.lanes = junction, rates, lanes
        self.shapes = JunctionShapes(junction)
        self.span = rates[1] - rates[0]
        self.layout = step_layout(junction, self.span)
        super().__init__({"delta": In(self.shapes.delta), "extra": In(3),
                          "o": Out(data.ArrayLayout(self.layout, -(-lanes // LANES_PER_COPY)))})

    def elaborate(self, platform):
        m = Module()
        o = Signal(self.layout, name="scaled")
        m.d.comb += self.o.as_value().eq(Cat(
            add_copies(m, o.as_value(), self.lanes, name="step")))
        if self.shapes.pow2:
            field = self.delta[:-1]
            extra = self.extra if self.span else 0
            m.d.comb += [o.negative.eq(self.delta[-1]), o.live.eq(field != 0),
                         o.exponent.eq(field + extra)]
            return m
        extras = range(self.span + 1)
        if self.junction.compatible:
            high = self.rates[1] + self.junction.rate_shift
            minus = Signal(self.shapes.delta, name="minus")
            m.d.comb += minus.eq(saturate(-self.delta, self.junction.q))
            steps = [round_shift(minus, high - extra, Rounding.HALF_UP) for extra in extras]
        else:
            steps = [round_shift(self.delta, -extra, Rounding.FLOOR) for extra in extras]
        m.d.comb += o.step.eq(pick(self.extra, steps))
        return m


class StepLane(wiring.Component):
    """The new value of a weight: one step down the slope, saturated.

    Latency from ``x`` and ``step`` to ``new``, which has no register: ``stages.update - 4``; one a
    cycle.

    Parameters
    ----------
    junction : Junction
    stages : JunctionStages
    rates : tuple of int
        Lowest and highest learning-rate exponent.
    mode : Rounding
        Of updates.
    bias : bool
        A bias: its input is 1.

    Members
    -------
    x : In
        The edge's input.
    step : In(:func:`step_layout`)
    word : In
        The old value, :meth:`word_stage` cycles later.
    random : In(16)
        With ``word``.
    new : Out
        With ``word``, or one cycle later where the sum has a register.
    """

    @staticmethod
    def word_stage(stages: JunctionStages) -> int:
        """Return the cycles from ``x`` and ``step`` to ``word`` and its random word."""
        return 1 + stages.rounding + (stages.step == 2)

    def __init__(self, *, junction: Junction, stages: JunctionStages, rates: tuple[int, int],
                 mode: Rounding, bias: bool = False) -> None:
        self.junction, self.stages, self.mode, self.bias = junction, stages, mode, bias
        self.rates = rates
        self.shapes = s = JunctionShapes(junction)
        f = junction.formats
        self.q: QFormat = f.bias if bias else f.weight
        shift = junction.bias_update_shift if bias else junction.update_shift
        #: Highest exponent of a step that is a power of two.
        self.highest = f.delta.n_magnitudes + rates[1] - rates[0] if s.pow2 else 0
        #: Fraction bits that a step at the highest exponent loses; negative: it gains zeros.
        self.drop = shift(rates[1])
        super().__init__({
            "x": In(s.x), "step": In(step_layout(junction, rates[1] - rates[0])),
            "word": In(s.bias if bias else s.weight), "random": In(RANDOM_BITS),
            "new": Out(s.bias if bias else s.weight),
        })

    def elaborate(self, platform):
        m = Module()
        total = self._compatible(m) if self.junction.compatible else self._improved(m)
        total = Staged(m, total, 0, "total").at(int(self.stages.step > 0))
        m.d.comb += self.new.eq(saturate(total, self.q))
        return m

    def _improved(self, m) -> Value:
        x, wait = Const(1, unsigned(1)) if self.bias else self.x, int(self.stages.step == 2)
        minus = Const(1, 1)
        if self.shapes.pow2:
            term = (self._shift_slowly if wait else self._shift)(m, x)
            minus = Staged(m, ~self.step.negative, 0, "minus").at(wait)
        else:
            step = Staged(m, self.step.step, 0, "step").at(wait)
            term = (x if self.bias else Staged(m, x, 0, "x").at(wait)) * step
        aligned = round_shift(term, min(self.drop, 0), Rounding.FLOOR)
        flipped = Staged(m, flip(aligned, minus), 0, "flipped").at(1)  # with the carry: minus it
        if self.shapes.pow2:
            minus = Staged(m, minus, 0, "carry").at(1)
        return subtract_flipped(self.word, flipped, minus, max(self.drop, 0), self.mode,
                                self.random)

    def _shift(self, m, x: Value) -> Value:
        return times_pow2(x, self.step.exponent, self.step.live, self.highest)

    def _shift_slowly(self, m, x: Value) -> Value:
        """Return the same with a register in the middle of the shift."""
        exponent, half = self.step.exponent, len(self.step.exponent) // 2
        kept = (x & self.step.live.replicate(len(x)))[:len(x)]
        kept = kept.as_signed() if x.shape().signed else kept
        low = Staged(m, kept << exponent[:half], 0, "shifted").at(1)
        high = Staged(m, exponent[half:], 0, "exponent").at(1)
        shifted = (low << Cat(Const(0, half), high))[1:len(x) + self.highest]
        return shifted.as_signed() if x.shape().signed else shifted

    def _compatible(self, m) -> Value:
        j, stages, wait = self.junction, self.stages, int(self.stages.step == 2)
        step = Staged(m, self.step.step, 0, "step").at(wait)
        if self.bias:
            product = Staged(m, step, 0, "product").at(1 + stages.rounding)
        else:
            x = Staged(m, self.x, 0, "x").at(wait)
            full = Staged(m, x * step, 0, "full").at(int(stages.rounding))
            product = Staged(m, requantize(full, j.product_drop, j.q, Rounding.HALF_UP), 0,
                             "product").at(1)
        return self.word + product


