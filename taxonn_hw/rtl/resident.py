"""Resident memory: samples that stay on the chip and are trained on again and again."""

from amaranth.hdl import Cat, Const, Module, Mux, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ..plan.resident import ResidentLayout
from .memory import add_deep_memory
from .spram import add_spram

__all__ = ["ResidentMemory"]

#: Words that are read ahead: as many as there are cycles from an address to the end of the queue.
_AHEAD = 6


class ResidentMemory(wiring.Component):
    """Lies in the sample stream: passes beats on, keeps them, or makes them from what it keeps.

    Format and meaning of the beats are those of :mod:`taxonn_hw.plan.resident`.  A replayed sample
    takes a clock a beat, and ten or so before its first.  The memory may be large and far: all that
    goes to it comes from registers, and its word goes into one.

    Parameters
    ----------
    layout : ResidentLayout
    spram : bool
        Made of SPRAM cells; else as the device has it.

    Members
    -------
    fill, replay : In(1)
        What ``i`` carries, see the register ``resident``.
    begin : In(1)
        They were written: begin afresh.
    train : In(1)
        Samples have targets.
    i, o : In, Out(stream of beat_bits)
    """

    def __init__(self, *, layout: ResidentLayout, spram: bool = False) -> None:
        self.layout, self.spram = layout, spram
        super().__init__({
            "fill": In(1), "replay": In(1), "begin": In(1), "train": In(1),
            "i": In(stream.Signature(layout.beat_bits)),
            "o": Out(stream.Signature(layout.beat_bits)),
        })

    def elaborate(self, platform):
        m = Module()
        n = self.layout
        address, written = Signal(n.address_bits), Signal(n.address_bits)
        write = Signal()
        beat = Signal(n.beat_bits, reset_less=True)  # of the word that is filled in
        second = Signal()
        # Registers before the cells, of which there may be many, and one behind.
        place, new = Signal(n.address_bits), Signal(n.word_bits, reset_less=True)
        word, writes = Signal(n.word_bits, name="far_word", reset_less=True), Signal()
        m.d.sync += [place.eq(Mux(self.fill, written, address)), writes.eq(write),
                     new.eq(Cat(beat, self.i.payload[:n.run_bits])),
                     word.eq(self._memory(m, place, writes, new))]
        with m.If(self.begin):
            m.d.sync += [second.eq(0), written.eq(0)]
        with m.Elif(self.fill):
            m.d.comb += [self.i.ready.eq(1), write.eq(self.i.valid & second)]
            with m.If(self.i.valid):
                m.d.sync += [second.eq(~second), written.eq(written + second),
                             beat.eq(self.i.payload)]
        with m.Elif(~self.replay):
            m.d.comb += [self.o.valid.eq(self.i.valid), self.o.payload.eq(self.i.payload),
                         self.i.ready.eq(self.o.ready)]
        self._replay(m, word, address)
        return m

    def _memory(self, m, address, write, new):
        n = self.layout
        if self.spram:
            return add_spram(m, "cells", width=n.word_bits, depth=n.words, address=address,
                             write=write, new=new)
        return add_deep_memory(m, "memory", width=n.word_bits, depth=n.words, address=address,
                               write=write, new=new)

    def _replay(self, m, read, address) -> None:
        """A place comes in, the beats of its sample go out."""
        n = self.layout
        most = n.input_beats + n.target_beats
        part = Signal(range(n.address_beats))       # of the place
        collected = Signal(n.address_beats * n.beat_bits, reset_less=True)
        left = Signal(range(most + 1))              # beats of the sample
        zeros = Signal(n.run_bits)                  # of the run that are to come
        in_run = Signal()
        seek, ends = Signal(), Signal()             # ends: the word, with this beat
        words = SyncFIFOBuffered(width=n.word_bits, depth=_AHEAD)
        m.submodules.words = ResetInserter(seek)(words)
        room = Signal(range(_AHEAD + 1))            # words that may still be asked for
        asks, coming = Signal(), Signal(3)          # those on their way
        word, valid = words.r_data, words.r_rdy
        run = word[n.beat_bits:]
        m.d.comb += [
            asks.eq(room != 0), words.r_en.eq(ends),
            words.w_data.eq(read), words.w_en.eq(coming[-1]),
        ]
        with m.If(seek):
            m.d.sync += [address.eq(collected), room.eq(_AHEAD), coming.eq(0)]
        with m.Else():
            m.d.sync += [address.eq(address + asks), room.eq(room - asks + ends),
                         coming.eq(Cat(asks, coming))]
        with m.FSM():
            with m.State("PLACE"):
                m.d.sync += [in_run.eq(0), left.eq(Mux(self.train, most, n.input_beats))]
                with m.If(self.replay & ~self.begin):
                    m.d.comb += self.i.ready.eq(1)
                    with m.If(self.i.valid):
                        m.d.sync += [collected.eq(Cat(collected, self.i.payload)[n.beat_bits:]),
                                     part.eq(part + 1)]
                        with m.If(part == n.address_beats - 1):
                            m.d.sync += part.eq(0)
                            m.next = "SEEK"
            with m.State("SEEK"):
                m.d.comb += seek.eq(1)
                m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += [
                    self.o.valid.eq(self.replay & valid),
                    self.o.payload.eq(Mux(in_run, Const(0, n.beat_bits), word[:n.beat_bits])),
                    ends.eq(self.o.valid & self.o.ready & Mux(in_run, zeros == 1, run == 0)),
                ]
                with m.If(self.o.valid & self.o.ready):
                    m.d.sync += [left.eq(left - 1), in_run.eq(~ends),
                                 zeros.eq(Mux(in_run, zeros - 1, run))]
                    with m.If(left == 1):
                        m.next = "PLACE"
                with m.If(self.begin):
                    m.next = "PLACE"
        with m.If(self.begin):
            m.d.sync += part.eq(0)
