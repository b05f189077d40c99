"""Row hazards: a slot waits while an update of its row is between read and write-back."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...plan.latency import WRITE_LATENCY

__all__ = ["HazardStage"]


class HazardStage(wiring.Component):
    """One slot register that lets a slot go when nothing in the array holds its row.

    Latency 1 cycle; one slot a cycle without hazards.  With a single port an update pass takes two
    cycles a row, as many reads as a write takes cycles, then as many writes; backward and update of
    a row, which share its read, still take one slot a cycle or, from an odd number of cycles, lose
    one now and then.

    Parameters
    ----------
    slot : StructLayout
        Must have ``row``, ``read``, ``update``.
    single_port : bool
        The weight memory cannot be read in a cycle in which it is written.
    write_latency, read_latency : int
        From here to the write-back, and to the read.

    Members
    -------
    i : In(stream of slot)
    blocked : In(1)
        The slot must wait for another reason.
    o : Out({valid, slot})
        The slot in the register; ``valid`` in the cycle in which it leaves.
    waits : Out(1)
        There is a slot, whether it leaves or not.
    back : Out({valid, row})
        The update that is written back in this cycle.
    next_back : Out({valid, row})
        The one of the next cycle.
    empty : Out(1)
        No slot is here or on its way to its write.
    """

    def __init__(self, *, slot: data.StructLayout, single_port: bool = False,
                 write_latency: int = WRITE_LATENCY, read_latency: int = 0) -> None:
        self.slot, self.single_port = slot, single_port
        self.write_latency, self.read_latency = write_latency, read_latency
        super().__init__({
            "i": In(stream.Signature(slot)),
            "blocked": In(1),
            "o": Out(data.StructLayout({"valid": 1, "slot": slot})),
            "waits": Out(1),
            "back": Out(data.StructLayout({"valid": 1, "row": slot.members["row"]})),
            "next_back": Out(data.StructLayout({"valid": 1, "row": slot.members["row"]})),
            "empty": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        row = self.slot.members["row"]
        held = Signal(self.slot, name="held", reset_less=True)
        flight = [Signal(data.StructLayout({"valid": 1, "update": 1, "row": row}),
                         name=f"flight_{k}") for k in range(1, self.write_latency + 1)]
        # Whether a slot must wait in the next cycle is found out in this one.
        hit = Signal(self.write_latency)  # which update in flight is of the held row
        conflict = Signal()
        leaves = Signal()
        leaving = Signal(flight[0].shape())
        ahead = [leaving, *flight[:-1]]   # where flights will be
        hits = self._hits(ahead, self.i.payload.row)
        writes = ahead[-1 - self.read_latency].update if self.single_port else 0
        m.d.comb += [
            leaving.valid.eq(leaves), leaving.update.eq(leaves & held.update),
            leaving.row.eq(held.row),
            leaves.eq(self.waits & ~conflict & ~self.blocked),
            self.i.ready.eq(~self.waits | leaves),
            self.o.valid.eq(leaves), self.o.slot.eq(held),
            self.back.valid.eq(flight[-1].update), self.back.row.eq(flight[-1].row),
            self.next_back.valid.eq(flight[-2].update), self.next_back.row.eq(flight[-2].row),
            self.empty.eq(~(self.waits | _any(f.valid for f in flight))),
        ]
        with m.If(self.i.ready):
            m.d.sync += [self.waits.eq(self.i.valid), held.eq(self.i.payload), hit.eq(hits),
                         conflict.eq(self.i.payload.read & (hits.any() | writes))]
        with m.Else():
            m.d.sync += [hit.eq(hit << 1),
                         conflict.eq(held.read & (hit[:-1].any() | writes))]
        m.d.sync += [f.eq(f_ahead) for f, f_ahead in zip(flight, ahead, strict=True)]
        return m

    def _hits(self, flight, row):
        """Which update under way is of ``row``, a bit each."""
        return Cat(f.update & (f.row == row) for f in flight)


def _any(bits):
    result = 0
    for bit in bits:
        result = result | bit
    return result
