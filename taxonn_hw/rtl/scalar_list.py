"""A list of scalars with their indices: what zero-skipping walks instead of all neurons.

Entries are appended as they come and read in order, one a clock without bubbles, as often as
wanted.  With several banks an append port feeds each (several pixels arrive in a clock); reading
goes through bank 0, then bank 1, and so on, which is as good an order as any: sums are exact and
random words depend on the row, not on the time.
"""

from amaranth.hdl import Array, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .memory import add_memory

__all__ = ["ScalarList"]


class ScalarList(wiring.Component):
    """Append-only list that can be read again and again.

    With one bank reading may start while the list is filled; with more it starts when the list is
    complete.  Latency 3 cycles from append or rewind to ``o.valid``; one entry a cycle.

    Parameters
    ----------
    shape : ShapeCastable
        Shape of an entry.
    depth : int
        Entries a bank holds.
    banks : int
        Append ports.

    Members
    -------
    clear : In(1)
        Empty the list.
    append : In, ``banks`` of {valid, entry}
    finish : In(1)
        No more entries come; may accompany the last append.
    rewind : In(1)
        Read from the start again.
    o : Out(stream of entry)
    done : Out(1)
        The list is complete and every entry has been read.
    complete : Out(1)
    """

    def __init__(self, *, shape, depth: int, banks: int = 1) -> None:
        self.shape, self.depth, self.banks = shape, depth, banks
        super().__init__({
            "clear": In(1),
            "append": In(data.ArrayLayout(data.StructLayout({"valid": 1, "entry": shape}), banks)),
            "finish": In(1),
            "rewind": In(1),
            "o": Out(stream.Signature(shape)),
            "done": Out(1),
            "complete": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        count = Array(Signal(range(self.depth + 1), name=f"count_{g}") for g in range(self.banks))
        address = Signal(range(self.depth + 1))
        bank = Signal(range(max(self.banks, 2)))
        fetch = Signal()
        fetched = Signal()
        fetched_bank = Signal.like(bank)
        words = []
        for g in range(self.banks):
            write, read = add_memory(m, f"bank_{g}", shape=self.shape, depth=self.depth)
            words.append(read.data)
            m.d.comb += [
                write.addr.eq(count[g]), write.en.eq(self.append[g].valid),
                write.data.eq(self.append[g].entry), read.addr.eq(address), read.en.eq(fetch),
            ]
            with m.If(self.clear):
                m.d.sync += count[g].eq(0)
            with m.Elif(self.append[g].valid):
                m.d.sync += count[g].eq(count[g] + 1)
        with m.If(self.clear):
            m.d.sync += self.complete.eq(0)
        with m.Elif(self.finish):
            m.d.sync += self.complete.eq(1)

        # The memory's own output holds the word that waits for the output register; of several
        # banks each has one, plain, so that a block RAM has it in it.
        firsts = [Signal(self.shape, name=f"first_{g}", reset_less=True)
                  for g in range(self.banks)]
        first_bank = Signal.like(bank)
        pop = Signal()
        move = Signal()
        at_end = Signal()
        walked = Signal()
        valid = Signal(name="first_valid")
        m.d.comb += [
            self.o.valid.eq(valid),
            self.o.payload.eq(Array(firsts)[first_bank] if self.banks > 1 else firsts[0]),
            pop.eq(valid & self.o.ready), move.eq(fetched & (~valid | pop)),
            fetch.eq(~at_end & (~fetched | move)),
            self.done.eq(self.complete & walked & ~fetched & ~valid),
        ]
        restart = Signal()
        m.d.comb += restart.eq(self.clear | self.rewind)
        with m.If(restart):
            m.d.sync += [fetched.eq(0), valid.eq(0)]
        with m.Else():
            m.d.sync += [fetched.eq(fetch | fetched & ~move), valid.eq(move | valid & ~pop)]
        with m.If(fetch):
            m.d.sync += fetched_bank.eq(bank)
        with m.If(move):
            m.d.sync += [first_bank.eq(fetched_bank),
                         *(first.eq(word) for first, word in zip(firsts, words, strict=True))]
        self._walk(m, count, address, bank, fetch, at_end, walked, restart)
        return m

    def _walk(self, m, count, address, bank, fetch, at_end, walked, restart) -> None:
        """Move ``address`` and ``bank`` on.

        ``at_end``: nothing can be fetched now; ``walked``: everything appended has been.
        """
        if self.banks == 1:
            m.d.comb += [at_end.eq(address == count[0]), walked.eq(at_end)]
            with m.If(restart):
                m.d.sync += address.eq(0)
            with m.Elif(fetch):
                m.d.sync += address.eq(address + 1)
            return
        started = Signal()
        exhausted = Signal()
        filled = Signal(self.banks)
        next_bank = Signal.like(bank)
        is_last = Signal(init=1)
        first_bank = Const(0, bank.shape())
        for g in reversed(range(self.banks)):
            first_bank = Mux(filled[g], g, first_bank)
        m.d.comb += [filled[g].eq(count[g] != 0) for g in range(self.banks)]
        for g in reversed(range(self.banks)):
            with m.If(filled[g] & (bank < g)):
                m.d.comb += [next_bank.eq(g), is_last.eq(0)]
        m.d.comb += [at_end.eq(~started | exhausted), walked.eq(started & exhausted)]
        with m.If(restart):
            m.d.sync += [started.eq(0), exhausted.eq(0)]
        with m.Elif(~started & self.complete):
            m.d.sync += [started.eq(1), exhausted.eq(filled == 0), bank.eq(first_bank),
                         address.eq(0)]
        with m.Elif(fetch):
            m.d.sync += address.eq(address + 1)
            with m.If(address + 1 == count[bank]):
                m.d.sync += [address.eq(0), bank.eq(next_bank), exhausted.eq(is_last)]
