"""Walk: where a junction is in its junction cycle, on its left and on its right side.

Left: sweep after sweep of ``depth`` clocks.  Right: groups of neurons that end together, each
``clocks`` clocks; group ``g`` lies in row ``g div parts``, part ``g mod parts`` of the memories
that take its results.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Walk"]


class Walk(wiring.Component):
    """Counters of one junction, a clock behind ``valid``.

    Parameters
    ----------
    cycles : int
        Clocks of reads, C.
    sweeps : int
        Sweeps of ``cycles / sweeps`` clocks.
    groups, parts : int
        Groups of ``cycles / groups`` clocks; groups of a row.

    Members
    -------
    valid, first : In(1)
        A clock of a junction cycle comes next; it is its first.
    sweep_ahead, sweep_starts : Out
        Sweep of the clock that comes next, and whether it is the first clock of a sweep.
    sweep, sweep_first, sweep_last : Out
        Sweep of the present clock; whether it is the first, the last.
    row, part : Out
        Of the present group.
    group_first, group_last : Out(1)
        The present clock is the first, the last of the group.
    """

    def __init__(self, *, cycles: int, sweeps: int, groups: int, parts: int) -> None:
        self.sweeps, self.depth = sweeps, cycles // sweeps
        self.groups, self.clocks, self.parts = groups, cycles // groups, parts
        sweep = range(max(sweeps, 2))
        super().__init__({
            "valid": In(1), "first": In(1),
            "sweep_ahead": Out(sweep), "sweep_starts": Out(1),
            "sweep": Out(sweep), "sweep_first": Out(1), "sweep_last": Out(1),
            "row": Out(range(max(-(-groups // parts), 2))), "part": Out(range(max(parts, 2))),
            "group_first": Out(1), "group_last": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        _, step_ends = self._count(m, "step", self.depth)
        clock, group_ends = self._count(m, "clock", self.clocks)
        m.d.comb += [
            self.sweep_starts.eq(self.first | step_ends),
            self.sweep_ahead.eq(Mux(self.first, 0, self.sweep + step_ends)),
            self.sweep_first.eq(self.sweep == 0),
            self.sweep_last.eq(self.sweep == self.sweeps - 1),
            self.group_first.eq(clock == 0), self.group_last.eq(group_ends),
        ]
        with m.If(self.valid):
            m.d.sync += self.sweep.eq(self.sweep_ahead)
            with m.If(self.first):
                m.d.sync += [self.part.eq(0), self.row.eq(0)]
            with m.Elif(group_ends):
                m.d.sync += self.part.eq(self.part + 1)
                with m.If(self.part == self.parts - 1):
                    m.d.sync += [self.part.eq(0), self.row.eq(self.row + 1)]
        return m

    def _count(self, m, name: str, length: int):
        """Return a counter of ``length`` clocks and whether it is at its last."""
        count = Signal(range(max(length, 2)), name=name)
        ends = Signal(name=f"{name}_ends")
        m.d.comb += ends.eq(count == length - 1)
        with m.If(self.valid):
            m.d.sync += count.eq(Mux(self.first | ends, 0, count + 1))
        return count, ends
