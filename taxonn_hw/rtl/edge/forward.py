"""Forward: products of all edges of a clock, and the sums of right neurons."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...fixed import Rounding
from ...fixed.carry import narrow_product
from ...fixed.gates import requantize, round_shift
from ...plan.edge.junction import Junction
from ...plan.edge.latency import JunctionStages
from .shapes import JunctionShapes
from .staged import Staged

__all__ = ["Forward", "Operands", "tree"]


def tree(m, values: list, name: str):
    """Return the sum of ``values``: a level of adders a clock, ``ceil(log2 n)`` clocks."""
    depth = 0
    while len(values) > 1:
        sums = []
        for k in range(0, len(values), 2):
            value = values[k] + values[k + 1] if k + 1 < len(values) else values[k]
            register = Signal(value.shape(), name=f"{name}_level{depth}_{k // 2}", reset_less=True)
            m.d.sync += register.eq(value)
            sums.append(register)
        values, depth = sums, depth + 1
    return values[0]


class Operands(wiring.Component):
    """The multipliers' view of the weights: rounded half up, saturated.

    Latency 1.

    Members
    -------
    words : In(weight[z])
    operands : Out(operand[z])
    """

    def __init__(self, *, junction: Junction) -> None:
        self.junction = junction
        self.shapes = s = JunctionShapes(junction)
        super().__init__({"words": In(data.ArrayLayout(s.weight, junction.z)),
                          "operands": Out(data.ArrayLayout(s.operand, junction.z))})

    def elaborate(self, platform):
        m = Module()
        f = self.junction.formats
        operands = []
        for k in range(self.junction.z):
            register = Signal(self.shapes.operand, name=f"operand_{k}", reset_less=True)
            m.d.sync += register.eq(requantize(self.words[k], f.weight.frac - f.operand.frac,
                                               f.operand, Rounding.HALF_UP))
            operands.append(register)
        m.d.comb += self.operands.as_value().eq(Cat(operands))
        return m


class Forward(wiring.Component):
    """``z`` multipliers and ``R`` adder trees, or one with partial sums.

    Latency from operands to ``totals``: 1 + T cycles, one more with rounded products that have a
    register of their own.

    Members
    -------
    operands, x : In([z])
        Of the edges of a clock.
    first : In(1)
        The clock before the total's: it is the first of a neuron's clocks (z below the fan-in).
    totals : Out(total[R])
    """

    def __init__(self, *, junction: Junction, stages: JunctionStages) -> None:
        self.junction, self.stages = junction, stages
        self.shapes = s = JunctionShapes(junction)
        super().__init__({
            "operands": In(data.ArrayLayout(s.operand, junction.z)),
            "x": In(data.ArrayLayout(s.x, junction.z)),
            "first": In(1),
            "totals": Out(data.ArrayLayout(s.total, junction.neurons_per_clock)),
        })

    def elaborate(self, platform):
        m = Module()
        j = self.junction
        products = [self._product(m, self.operands[k], self.x[k], k) for k in range(j.z)]
        share = min(j.z, j.fan_in)
        totals = [tree(m, products[k * share:(k + 1) * share], f"neuron_{k}")
                  for k in range(j.neurons_per_clock)]
        if j.clocks_per_neuron > 1:
            partial = Signal(self.shapes.total, name="partial", reset_less=True)
            m.d.sync += partial.eq(Mux(self.first, 0, partial) + totals[0])
            totals = [partial]
        wide = []
        for k, total in enumerate(totals):
            signal = Signal(self.shapes.total, name=f"total_{k}")
            m.d.comb += signal.eq(total)
            wide.append(signal)
        m.d.comb += self.totals.as_value().eq(Cat(wide))
        return m

    def _product(self, m, operand, x, k: int):
        j = self.junction
        product = Signal(self.shapes.product, name=f"product_{k}", reset_less=True)
        full = narrow_product(operand, x)
        if not j.compatible:
            m.d.sync += product.eq(round_shift(full, -j.product_shift, Rounding.FLOOR))
            return product
        if self.stages.rounding:
            full = Staged(m, full, 0, f"full_{k}").at(1)
        m.d.sync += product.eq(requantize(full, j.product_drop, j.q, Rounding.HALF_UP))
        return product
