"""Mover: weights between the host's streams and the memories, bit for bit."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

__all__ = ["Mover"]

_READ_LATENCY = 2
_DEPTH = 4  # beats: a read latency and the two registers of the queue


class Mover(wiring.Component):
    """Loads or dumps ``count`` rows from ``row`` on, a group of words a beat.

    A beat a clock either way; the first dumped one comes 4 cycles after the strobe.

    Parameters
    ----------
    word_group : ArrayLayout
        A beat.
    n_groups, n_addresses : int
        Beats of a row; rows or scalar biases, whichever is more.

    Members
    -------
    load, dump : In(1)
        Strobes.
    bias : In(1)
        Move scalar biases: one beat each.
    start_row, count : In(32)
    active : Out(1)
    address, group, write, data, moved : Out, In
        To the memories; ``moved`` follows two cycles after its address and group.
    i, o : In, Out(stream of word_group)
    """

    def __init__(self, *, word_group: data.ArrayLayout, n_groups: int, n_addresses: int) -> None:
        self.word_group, self.n_groups = word_group, n_groups
        super().__init__({
            "load": In(1), "dump": In(1), "bias": In(1), "start_row": In(32), "count": In(32),
            "active": Out(1), "moves_bias": Out(1),
            "address": Out(range(max(n_addresses, 2))), "group": Out(range(max(n_groups, 2))),
            "write": Out(1), "data": Out(word_group), "moved": In(word_group),
            "i": In(stream.Signature(word_group)), "o": Out(stream.Signature(word_group)),
        })

    def elaborate(self, platform):
        m = Module()
        left = Signal(32)  # rows or biases to go
        last_group = Signal()
        advance = Signal()
        m.submodules.queue = queue = SyncFIFOBuffered(width=self.word_group.size, depth=_DEPTH)
        credit = Signal(range(_DEPTH + 1), init=_DEPTH)  # room for beats that are on their way
        fetch = Signal()
        popped = Signal()
        travel = Signal(_READ_LATENCY)
        m.d.sync += [travel.eq(travel << 1 | fetch), credit.eq(credit - fetch + popped)]
        m.d.comb += [
            last_group.eq(self.moves_bias | (self.group == self.n_groups - 1)),
            self.data.eq(self.i.payload),
            queue.w_en.eq(travel[-1]), queue.w_data.eq(self.moved),
            self.o.valid.eq(queue.r_rdy), self.o.payload.eq(queue.r_data),
            queue.r_en.eq(self.o.ready), popped.eq(self.o.valid & self.o.ready),
        ]
        with m.If(advance):
            m.d.sync += self.group.eq(Mux(last_group, 0, self.group + 1))
            with m.If(last_group):
                m.d.sync += [self.address.eq(self.address + 1), left.eq(left - 1)]
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [self.group.eq(0), self.address.eq(self.start_row),
                             left.eq(self.count), self.moves_bias.eq(self.bias)]
                with m.If(self.load):
                    m.next = "LOAD"
                with m.Elif(self.dump):
                    m.next = "DUMP"
            with m.State("LOAD"):
                m.d.comb += [
                    self.active.eq(1), self.i.ready.eq(left != 0),
                    self.write.eq(self.i.valid & self.i.ready), advance.eq(self.write),
                ]
                with m.If(left == 0):
                    m.next = "IDLE"
            with m.State("DUMP"):
                m.d.comb += [self.active.eq(1), fetch.eq((left != 0) & (credit != 0)),
                             advance.eq(fetch)]
                with m.If((left == 0) & (credit == _DEPTH)):
                    m.next = "IDLE"
        return m
