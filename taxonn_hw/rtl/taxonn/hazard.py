"""Row hazards: a slot waits while an update of its row is between read and write-back."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...plan.latency import WRITE_LATENCY

__all__ = ["HazardStage"]


class HazardStage(wiring.Component):
    """One slot register that lets a slot go when nothing in the array holds its row.

    Latency 1 cycle; one slot a cycle without hazards.  A row read is also held back while the
    drain is taken, if the slot completes a sum that is drained.

    Parameters
    ----------
    slot : StructLayout
        Must have ``row``, ``read``, ``update``.

    Members
    -------
    i : In(stream of slot)
    o : Out({valid, slot})
        Stage c0 of the array; never stalls.
    blocked : In(1)
        The slot in the register must wait for another reason.
    held : Out(slot)
        The slot in the register (valid with ``held_valid``), for that reason.
    leaves : Out(1)
        The held slot goes to c0 at the end of this cycle.
    empty : Out(1)
        No slot is here or on its way to its write.
    """

    def __init__(self, *, slot: data.StructLayout) -> None:
        self.slot = slot
        super().__init__({
            "i": In(stream.Signature(slot)),
            "o": Out(data.StructLayout({"valid": 1, "slot": slot})),
            "blocked": In(1),
            "held": Out(slot), "held_valid": Out(1),
            "leaves": Out(1),
            "empty": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        row = self.slot.members["row"]
        flight = [Signal(data.StructLayout({"valid": 1, "update": 1, "row": row}),
                         name=f"flight_{k}") for k in range(WRITE_LATENCY)]
        conflict = Signal()
        m.d.comb += [
            conflict.eq(self.held.read & self._matches(flight)),
            self.leaves.eq(self.held_valid & ~conflict & ~self.blocked),
            self.i.ready.eq(~self.held_valid | self.leaves),
            self.empty.eq(~(self.held_valid | _any(f.valid for f in flight))),
        ]
        with m.If(self.i.ready):
            m.d.sync += [self.held_valid.eq(self.i.valid), self.held.eq(self.i.payload)]
        m.d.sync += [
            self.o.valid.eq(self.leaves), self.o.slot.eq(self.held),
            flight[0].valid.eq(self.leaves), flight[0].update.eq(self.held.update),
            flight[0].row.eq(self.held.row),
        ]
        for k in range(1, WRITE_LATENCY):
            m.d.sync += flight[k].eq(flight[k - 1])
        return m

    def _matches(self, flight):
        return _any(f.valid & f.update & (f.row == self.held.row) for f in flight)


def _any(bits):
    result = 0
    for bit in bits:
        result = result | bit
    return result
