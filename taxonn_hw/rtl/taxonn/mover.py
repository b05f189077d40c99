"""Mover: weights between the host's streams and the memories, bit for bit."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...plan.latency import WRITE_STAGE

__all__ = ["Mover"]


class Mover(wiring.Component):
    """Loads or dumps ``count`` rows from ``row`` on, a group of words a beat.

    A row passes through a row register of the array, which shifts by a group: a beat every third
    clock, for the shift comes from a register and is registered there.  Before each row a load,
    too, waits for its address to be at the memory: between two rows lie ``read_latency`` cycles
    and 6 (load) or 2 (dump).

    Parameters
    ----------
    word_group : ArrayLayout
        A beat.
    n_groups, n_addresses : int
        Beats of a row; rows or scalar biases, whichever is more.
    write_latency : int
        Stage of the array in which a row is written; ``store`` stands for its stage c2.
    read_latency : int
        From ``address`` to what the memory shows.

    Members
    -------
    load, dump : In(1)
        Strobes.
    bias : In(1)
        Move scalar biases: one beat each.
    start_row, count : In
    active, moves_bias : Out(1)
    address : Out
        Of the row that is read or written.
    next_fetch : Out(1)
        In the next cycle the memory shows the row at ``address``; in the one after that it goes
        into the row register.
    next_shift, data : Out
        In the next cycle a beat goes in at its top and one goes out below.
    store : Out(1)
        The row register is complete; ``address`` stays until it is written.
    lowest : In
        Beat at the lower end of the row register.
    i, o : In, Out(stream of word_group)
    """

    def __init__(self, *, word_group: data.ArrayLayout, n_groups: int, n_addresses: int,
                 write_latency: int = WRITE_STAGE, read_latency: int = 1) -> None:
        self.word_group, self.n_groups, self.read_latency = word_group, n_groups, read_latency
        self.write_wait = write_latency - 2
        super().__init__({
            "load": In(1), "dump": In(1), "bias": In(1),
            "start_row": In(range(max(n_addresses, 2))), "count": In(range(n_addresses + 1)),
            "active": Out(1), "moves_bias": Out(1),
            "address": Out(range(max(n_addresses, 2))), "next_fetch": Out(1),
            "next_shift": Out(1),
            "data": Out(word_group), "store": Out(1), "lowest": In(word_group),
            "i": In(stream.Signature(word_group)), "o": Out(stream.Signature(word_group)),
        })

    def elaborate(self, platform):
        m = Module()
        left = Signal(self.count.shape())  # rows or biases to go
        group = Signal(range(max(self.n_groups, self.write_wait, self.read_latency, 2)))
        last_group = Signal()
        next_row = Signal()
        m.d.comb += [
            last_group.eq(self.moves_bias | (group == self.n_groups - 1)),
            self.data.eq(self.i.payload), self.o.payload.eq(self.lowest),
        ]
        with m.If(next_row):
            m.d.sync += [self.address.eq(self.address + 1), left.eq(left - 1)]
        moves = Signal()  # the beat that was offered goes in, that which was taken goes out
        shifts, quiet, loads = Signal(), Signal(), Signal()
        m.d.comb += quiet.eq(~self.next_shift & ~moves)
        m.d.sync += [self.next_shift.eq(shifts), moves.eq(self.next_shift)]
        with m.If(moves):
            m.d.sync += group.eq(Mux(last_group, 0, group + 1))
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [self.address.eq(self.start_row), left.eq(self.count), group.eq(0),
                             self.moves_bias.eq(self.bias), loads.eq(self.load)]
                with m.If((self.load | self.dump) & (self.count != 0)):
                    m.next = "READ"
            with m.State("LOAD"):
                m.d.comb += [self.active.eq(1), self.i.ready.eq(moves)]
                m.d.comb += shifts.eq(self.i.valid & quiet)
                with m.If(moves & last_group):
                    m.next = "STORE"
            with m.State("STORE"):
                m.d.comb += [self.active.eq(1), self.store.eq(1)]
                m.next = "WRITE"
            with m.State("WRITE"):
                m.d.comb += self.active.eq(1)
                m.d.sync += group.eq(group + 1)
                with m.If(group == self.write_wait - 1):
                    m.d.comb += next_row.eq(1)
                    m.d.sync += group.eq(0)
                    m.next = "READ"
                    with m.If(left == 1):
                        m.next = "IDLE"
            with m.State("READ"):  # the memory's address is ours
                m.d.comb += self.active.eq(1)
                m.d.sync += group.eq(group + 1)
                with m.If(group == self.read_latency - 1):
                    m.d.comb += self.next_fetch.eq(~loads)
                    m.d.sync += group.eq(0)
                    with m.If(loads):
                        m.next = "LOAD"
                    with m.Else():
                        m.next = "FETCH"
            with m.State("FETCH"):
                m.d.comb += self.active.eq(1)
                m.d.sync += group.eq(group + 1)
                with m.If(group == 1):
                    m.d.sync += group.eq(0)
                    m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += [self.active.eq(1), self.o.valid.eq(quiet)]
                m.d.comb += shifts.eq(self.o.ready & quiet)
                with m.If(moves & last_group):
                    m.d.comb += next_row.eq(1)
                    m.next = "READ"
                    with m.If(left == 1):
                        m.next = "IDLE"
        return m
