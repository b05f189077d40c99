"""Row addresses of the interleaver: which row each memory of left neurons shows in each clock."""

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...plan.edge.interleaver import Interleaver
from ..copies import spread
from .staged import Staged

__all__ = ["LOGIC_CLOCKS", "InterleaverRows"]

#: Clocks of a junction cycle up to which rows are plain functions of the clock.
LOGIC_CLOCKS = 64


class InterleaverRows(wiring.Component):
    """Rows of :class:`taxonn_hw.plan.edge.interleaver.Interleaver`, one set a clock.

    Latency 1.  A short junction cycle takes a few gates a bit; a long one a counter for each
    memory, loaded with its start row at every sweep, or, where rows come from a table, that table.
    Memories that always show the same row share its register.

    Members
    -------
    clock : In
        Clock of the junction cycle, two cycles before the rest: on its way it branches twice.
    sweep, starts, valid : In
        Its sweep, whether it is the first of it, whether there is one.
    rows : Out(row[z])
        One cycle later.
    """

    def __init__(self, *, interleaver: Interleaver) -> None:
        self.interleaver = i = interleaver
        self.cycles = i.fan_out * i.depth
        self.row = range(max(i.depth, 2))
        super().__init__({
            "clock": In(range(max(self.cycles, 2))), "valid": In(1),
            "sweep": In(range(max(i.fan_out, 2))), "starts": In(1),
            "rows": Out(data.ArrayLayout(self.row, i.z)),
        })

    def elaborate(self, platform):
        m = Module()
        i = self.interleaver
        if i.depth == 1:
            return m
        sequences, first, member = np.unique(i.rows, axis=1, return_index=True,
                                             return_inverse=True)
        member = member.ravel()
        registers = [Signal(self.row, name=f"row_{k}", reset_less=True)
                     for k in range(sequences.shape[1])]
        columns = sequences.T.tolist()
        if self.cycles <= LOGIC_CLOCKS:
            clocks = spread(m, self.clock, "clock", levels=2)
            for register, column, mu in zip(registers, columns, first.tolist(), strict=True):
                clock = clocks[4 * mu // i.z]
                m.d.sync += register.eq(Cat(_function(clock, column, bit)
                                            for bit in range(len(register))))
        elif i.starts is None:
            self._table(m, registers, columns)
        else:
            with m.If(self.valid):
                for register, column in zip(registers, columns, strict=True):
                    starts = column[::i.depth]
                    start = Cat(_function(self.sweep, starts, bit) for bit in range(len(register)))
                    following = Mux(register == i.depth - 1, 0, register + 1)
                    m.d.sync += register.eq(Mux(self.starts, start, following))
        m.d.comb += self.rows.as_value().eq(Cat(registers[k] for k in member.tolist()))
        return m

    def _table(self, m, registers, columns) -> None:
        """Read all rows of a clock at once; the memory's output stands for the registers."""
        width = len(registers[0])
        words = [sum(column[k] << width * c for c, column in enumerate(columns))
                 for k in range(self.cycles)]
        memory = Memory(shape=width * len(columns), depth=self.cycles, init=words)
        m.submodules.table = memory
        port = memory.read_port()
        m.d.comb += port.addr.eq(Staged(m, self.clock, -2, "clock").at(0))
        for c in range(len(registers)):
            registers[c] = port.data.word_select(c, width)


def _function(index, values, bit: int):
    """Return bit ``bit`` of ``values[index]``."""
    pattern = sum((value >> bit & 1) << k for k, value in enumerate(values))
    if pattern in (0, (1 << len(values)) - 1):
        return Const(pattern & 1, 1)
    return Const(pattern, len(values)).bit_select(index, 1)
