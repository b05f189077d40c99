"""Right neurons: bias, activation and derivative of the sums that end in a clock."""

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...fixed import RANDOM_BITS, Rounding
from ...fixed.gates import round_shift, saturate
from ...plan.edge.junction import Junction
from ..neuron import (
    activation_term,
    drop_activation,
    round_activation,
    saturate_activation,
    slope_code,
)
from .shapes import JunctionShapes

__all__ = ["RightNeurons"]


class RightNeurons(wiring.Component):
    """Activations of ``R`` neurons a clock.

    Latency from ``totals`` to ``activations``: 2, from a table 3.

    Parameters
    ----------
    junction : Junction
    mode : Rounding
        Of activations.

    Members
    -------
    biases : In(bias[R])
        One cycle before ``totals``.
    words : In(16[R])
        Random words of the activations, one cycle before ``totals``.
    totals : In(total[R])
    activations, slopes : Out([R])
    """

    def __init__(self, *, junction: Junction, mode: Rounding) -> None:
        self.junction, self.mode = junction, mode
        self.shapes = s = JunctionShapes(junction)
        self.n = n = junction.neurons_per_clock
        super().__init__({
            "biases": In(data.ArrayLayout(s.bias, n)),
            "words": In(data.ArrayLayout(RANDOM_BITS, n)),
            "totals": In(data.ArrayLayout(s.total, n)),
            "activations": Out(data.ArrayLayout(s.a, n)),
            "slopes": Out(data.ArrayLayout(s.slope, n)),
        })

    def elaborate(self, platform):
        m = Module()
        compatible = self.junction.compatible
        values = [self._compatible(m, k) if compatible else self._improved(m, k)
                  for k in range(self.n)]
        if self.junction.activation.is_table:
            read = self._read_rails if compatible else self._read
            results = read(m, self._table(m), values)
        else:
            results = [self._relu(m, value, k) if compatible else self._code(m, value, k)
                       for k, value in enumerate(values)]
        m.d.comb += [
            self.activations.as_value().eq(Cat(Value.cast(a)[:self.shapes.a.width]
                                               for a, _ in results)),
            self.slopes.as_value().eq(Cat(slope for _, slope in results)),
        ]
        return m

    def _improved(self, m, k: int) -> Value:
        """Return the rounded sum, one cycle after ``totals``; its addends wait in one number."""
        j, mode = self.junction, self.mode
        random = self.words[k]
        bias = round_shift(self.biases[k], -j.bias_shift, Rounding.FLOOR)
        term = activation_term(j, mode, random)
        early = term is not None
        addend = self._register(m, bias + term if early else bias, f"addend_{k}")
        total = self.totals[k] + addend
        if early:
            return self._register(m, drop_activation(total, j), f"rounded_{k}")
        total = self._register(m, total, f"biased_{k}")
        if mode is Rounding.STOCHASTIC:
            for stage in range(2):
                random = self._register(m, random, f"word_{k}_{stage}")
        return round_activation(total, j, mode, random)

    def _code(self, m, value: Value, k: int):
        code = self._register(m, saturate_activation(value, self.junction), f"code_{k}")
        return code, slope_code(code, self.junction)

    def _compatible(self, m, k: int) -> Value:
        """Return the clipped sum, one cycle after ``totals``."""
        bias = self._register(m, self.biases[k], f"bias_{k}")
        total = self._register(m, self.totals[k] + bias, f"biased_{k}")
        return saturate(total, self.junction.q)

    def _relu(self, m, total: Value, k: int):
        """The published ReLU: clipped below 1, its derivative never 0."""
        one = 1 << self.junction.q.frac
        high = total >= one
        a = Signal(self.shapes.a, name=f"code_{k}", reset_less=True)
        slope = Signal(self.shapes.slope, name=f"slope_{k}", reset_less=True)
        m.d.sync += [a.eq(Mux(total < 0, 0, Mux(high, one - 1, total))),
                     slope.eq(Mux((total > 0) & ~high, one - 1, 1))]
        return a, slope

    def _table(self, m) -> Memory:
        """Activation and derivative by index; a two's complement index counts 0.. first."""
        j = self.junction
        codes, slopes = (np.roll(table, -(len(table) // 2)).tolist() for table in j.table)
        width = self.shapes.a.width
        words = [(int(a) & (1 << width) - 1) | int(slope) << width
                 for a, slope in zip(codes, slopes, strict=True)]
        memory = Memory(shape=width + self.shapes.slope.width, depth=len(words), init=words)
        m.submodules.table = memory
        return memory

    def _split(self, word: Value):
        width = self.shapes.a.width
        code = word[:width].as_signed() if self.shapes.a.signed else word[:width]
        return code, word[width:]

    def _read(self, m, memory: Memory, values: list) -> list:
        results = []
        for k, value in enumerate(values):
            port = memory.read_port()
            index = saturate_activation(value, self.junction)
            m.d.comb += port.addr.eq(index[:self.junction.table_format.width])
            code, slope = self._split(port.data)
            results.append((self._register(m, code, f"code_{k}"),
                            self._register(m, slope, f"slope_{k}")))
        return results

    def _read_rails(self, m, memory: Memory, totals: list) -> list:
        """Read the published table; outside its domain there are constants."""
        j = self.junction
        fmt, q = j.table_format, j.q
        below, above, flat = j.rail
        beyond = q.lo < fmt.lo << q.frac - fmt.frac  # sums beyond the table are possible
        results = []
        for k, total in enumerate(totals):
            port = memory.read_port()
            index = round_shift(total, q.frac - fmt.frac, Rounding.FLOOR)
            m.d.comb += port.addr.eq(saturate(index, fmt)[:fmt.width])
            code, slope = self._split(port.data)
            if beyond:
                out = self._register(m, (index < fmt.lo) | (index > fmt.hi), f"out_{k}")
                negative = self._register(m, index < 0, f"negative_{k}")
                code = Mux(out, Mux(negative, below, above), code)
                slope = Mux(out, flat, slope)
            a = Signal(self.shapes.a, name=f"code_{k}", reset_less=True)
            s = Signal(self.shapes.slope, name=f"slope_{k}", reset_less=True)
            m.d.sync += [a.eq(code), s.eq(slope)]
            results.append((a, s))
        return results

    @staticmethod
    def _register(m, value, name: str) -> Signal:
        value = Value.cast(value)
        register = Signal(value.shape(), name=name, reset_less=True)
        m.d.sync += register.eq(value)
        return register


