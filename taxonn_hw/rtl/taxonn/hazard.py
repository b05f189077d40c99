"""Row hazards: a slot waits while an update of its row is between read and write-back."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...plan.latency import WRITE_LATENCY

__all__ = ["HazardStage"]


class HazardStage(wiring.Component):
    """One slot register that lets a slot go when nothing in the array holds its row.

    Latency 1 cycle, 2 with a look ahead; one slot a cycle without hazards.  With a single port an
    update pass takes two cycles a row, as many reads as a write takes cycles, then as many writes;
    backward and update of a row, which share its read, still take one slot a cycle or, from an odd
    number of cycles, lose one now and then.

    Parameters
    ----------
    slot : StructLayout
        Must have ``row``, ``read``, ``update``.
    single_port : bool
        The weight memory cannot be read in a cycle in which it is written.
    write_latency, read_latency : int
        From the register to the write-back, and to the read.
    looks_ahead : bool
        Another slot register comes before: rows are compared while a slot is in it.

    Members
    -------
    i : In(stream of slot)
    blocked : In(1)
        The slot must wait for another reason.
    host, host_row : In
        No slot is under way, and a host wants its own row to go where those of slots do.
    enters : Out({valid, slot})
        The slot that goes into the register in this cycle.
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
                 write_latency: int = WRITE_LATENCY, read_latency: int = 0,
                 looks_ahead: bool = False) -> None:
        self.slot, self.single_port, self.looks_ahead = slot, single_port, looks_ahead
        self.write_latency, self.read_latency = write_latency, read_latency
        passing = data.StructLayout({"valid": 1, "slot": slot})
        super().__init__({
            "i": In(stream.Signature(slot)),
            "blocked": In(1), "host": In(1), "host_row": In(slot.members["row"]),
            "enters": Out(passing), "o": Out(passing),
            "waits": Out(1),
            "back": Out(data.StructLayout({"valid": 1, "row": slot.members["row"]})),
            "next_back": Out(data.StructLayout({"valid": 1, "row": slot.members["row"]})),
            "empty": Out(1),
        })
        # Of the look ahead; a proof of it speaks of them.
        self.next_valid = Signal()
        self.found = Signal(write_latency - 1)  # which updates in flight are of the row to come
        self.same = Signal()                    # the held slot is an update of it

    def elaborate(self, platform):
        m = Module()
        row = self.slot.members["row"]
        held = Signal(self.slot, name="held", reset_less=True)
        flight = [Signal(data.StructLayout({"valid": 1, "update": 1, "row": row}),
                         name=f"flight_{k}") for k in range(1, self.write_latency + 1)]
        # Whether a slot must wait in the next cycle is found out in this one.
        hit = Signal(self.write_latency)  # which update in flight is of the held row
        conflict = Signal()
        leaves, room, empty = Signal(), Signal(), Signal()
        leaving = Signal(flight[0].shape())
        ahead = [leaving, *flight[:-1]]   # where flights will be
        writes = ahead[-1 - self.read_latency].update if self.single_port else 0
        enters = self.enters
        m.d.comb += [
            leaving.valid.eq(leaves), leaving.update.eq(leaves & held.update),
            leaving.row.eq(held.row),
            leaves.eq(self.waits & ~conflict & ~self.blocked), room.eq(~self.waits | leaves),
            self.o.valid.eq(leaves), self.o.slot.eq(held),
            self.back.valid.eq(flight[-1].update), self.back.row.eq(flight[-1].row),
            self.next_back.valid.eq(flight[-2].update), self.next_back.row.eq(flight[-2].row),
            empty.eq(~(self.waits | reduce(or_, (f.valid for f in flight)))),
        ]
        if self.looks_ahead:
            hits = self._look_ahead(m, held, leaves, room, ahead, empty)
        else:
            hits = self._hits(ahead, self.i.payload.row)
            m.d.comb += [enters.valid.eq(self.i.valid & room), enters.slot.eq(self.i.payload),
                         self.i.ready.eq(room), self.empty.eq(empty)]
        with m.If(room):
            m.d.sync += [self.waits.eq(enters.valid), held.eq(enters.slot), hit.eq(hits),
                         conflict.eq(enters.slot.read & (hits.any() | writes))]
        with m.Else():
            m.d.sync += [hit.eq(hit << 1),
                         conflict.eq(held.read & (hit[:-1].any() | writes))]
        with m.If(self.host):
            m.d.sync += held.row.eq(self.host_row)
        m.d.sync += [f.eq(f_ahead) for f, f_ahead in zip(flight, ahead, strict=True)]
        return m

    def _look_ahead(self, m, held, leaves, room, ahead, empty):
        """Add the register before; return which updates under way are of its row, once the slot
        in it goes on."""
        valid, found = self.next_valid, self.found
        # What became the held slot when this one came, and whether it is an update of the row.
        follows, stayed, same_next, same_held = (
            Signal(name=name) for name in ("follows", "stayed", "same_next", "same_held"))
        m.d.comb += self.same.eq(follows & same_next | stayed & same_held)
        slot = Signal(self.slot, name="next_slot", reset_less=True)
        moves, row = Signal(name="next_moves"), self.i.payload.row
        m.d.comb += [
            moves.eq(valid & room), self.i.ready.eq(~valid | room),
            self.enters.valid.eq(moves), self.enters.slot.eq(slot),
            self.empty.eq(empty & ~valid),
        ]
        with m.If(self.i.ready):
            m.d.sync += [
                valid.eq(self.i.valid), slot.eq(self.i.payload),
                follows.eq(moves), same_next.eq(slot.update & (slot.row == row)),
                stayed.eq(self.waits & ~leaves), same_held.eq(held.update & (held.row == row)),
                found.eq(self._hits(ahead[:-1], row)),
            ]
        with m.Else():
            m.d.sync += found.eq(found << 1)
        return Cat(self.same & leaves, found)

    def _hits(self, flight, row):
        """Which update under way is of ``row``, a bit each."""
        return Cat(f.update & (f.row == row) for f in flight)
