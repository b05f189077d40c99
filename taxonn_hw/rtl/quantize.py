"""Delta quantiser: a pipeline from a product ``value f'`` to the stored delta.

Two stages for fixed point (round, saturate), three for powers of two (magnitude, round, field).
"""

from amaranth.hdl import Cat, Const, Mux, Signal, Value

from ..fixed import Pow2Format, Rounding
from ..fixed.gates import absolute, leading_field, pow2_round, round_shift, saturate
from ..plan import Layer
from ..plan.latency import quantizer_latency
from .select import by_index

__all__ = ["DeltaQuantizer"]


class DeltaQuantizer:
    """Builds the quantiser into a module.

    Parameters
    ----------
    cases : dict
        Layer index -> (layer, fraction bits of its value).
    mode : Rounding
        Rounding of deltas.
    as_pow2 : bool
        Store powers of two as words; else as codes.
    shape : ShapeCastable
        Shape of a stored delta.
    """

    def __init__(self, *, cases: dict[int, tuple[Layer, int]], mode: Rounding, as_pow2: bool,
                 shape) -> None:
        self.cases, self.mode, self.as_pow2, self.shape = cases, mode, as_pow2, shape
        #: Cycles from ``value`` to the result.
        self.latency = quantizer_latency(layer.formats.delta for layer, _ in cases.values())

    def random_delay(self) -> int:
        """Stage, counted from the value, at which the random word is used."""
        return 1 if self.latency == 3 else 0

    def build(self, m, value: Value, index: list[Value], random: Value, name: str,
              live: Value | None = None) -> Value:
        """Return the stored delta, ``latency`` cycles after ``value``.

        ``index`` gives the layer index at each stage (``latency`` signals); ``random`` the word
        at stage :meth:`random_delay`.  Where ``live`` is not set, the value counts as 0.
        """
        live = Const(1, 1) if live is None else live
        groups: dict[object, Value] = {}
        results = {}
        for i, (layer, frac) in self.cases.items():
            key = (layer.formats.delta, frac)
            if key not in groups:
                groups[key] = self._case(m, value, live, layer, frac, random, f"{name}_{i}")
            results[i] = groups[key]
        result = Signal(self.shape, name=f"{name}_delta", reset_less=True)
        m.d.sync += result.eq(by_index(index[-1], results))
        return result

    def _case(self, m, value, live, layer, frac, random, name) -> Value:
        """Return the result of one format before the last register."""
        fmt = layer.formats.delta
        if isinstance(fmt, Pow2Format):
            return self._pow2(m, value, live, frac - fmt.frac, fmt, random, name)
        value = Mux(live, value, 0)
        rounded = round_shift(value, frac - fmt.frac, self.mode, random)
        for stage in range(self.latency - 1):
            register = Signal(rounded.shape(), name=f"{name}_rounded_{stage}", reset_less=True)
            if stage == 0 and self.random_delay():  # the random word comes a stage later
                held = Signal(value.shape(), name=f"{name}_held", reset_less=True)
                m.d.sync += held.eq(value)
                rounded = round_shift(held, frac - fmt.frac, self.mode, random)
                continue
            m.d.sync += register.eq(rounded)
            rounded = register
        return saturate(rounded, fmt)

    def _pow2(self, m, value, live, shift, fmt, random, name) -> Value:
        magnitude = Signal(len(value), name=f"{name}_magnitude", reset_less=True)
        negative = Signal(2, name=f"{name}_negative", reset_less=True)
        m.d.sync += [  # `live` after the sign: with it one look-up table a bit
            magnitude.eq(Mux(live, absolute(value), 0)),
            negative.eq(Cat(value < 0, negative[0])),  # of a zero it does not matter
        ]
        rounded, low = pow2_round(magnitude, shift, fmt, self.mode, random)
        total = Signal(rounded.shape(), name=f"{name}_total", reset_less=True)
        m.d.sync += total.eq(rounded)
        field = leading_field(total, low, fmt)
        if self.as_pow2:
            width = self.shape.width
            field = Mux(field > 0, field, 0)
            return Cat(field[:fmt.width - 1], *([0] * (width - fmt.width)), negative[1])
        code = Cat(field == m + 1 for m in range(fmt.n_magnitudes))
        return Mux(negative[1], -code, code)
