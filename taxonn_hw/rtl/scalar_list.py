"""A list of scalars with their indices: what zero-skipping walks instead of all neurons.

Entries are appended as they come and read in order, one a clock without bubbles, as often as
wanted.  With several banks an append port feeds each (several pixels arrive in a clock); reading
goes through bank 0, then bank 1, and so on, which is as good an order as any: sums are exact and
random words depend on the row, not on the time.
"""

from amaranth.hdl import Array, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

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
            memory = Memory(shape=self.shape, depth=self.depth, init=[])
            m.submodules[f"bank_{g}"] = memory
            write, read = memory.write_port(), memory.read_port()
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

        # Two output registers take the word in flight when the reader stalls.
        first = Signal(self.shape, reset_less=True)
        second = Signal(self.shape, reset_less=True)
        n_held = Signal(range(3))
        pop = Signal()
        word = Array(words)[fetched_bank] if self.banks > 1 else words[0]
        at_end = Signal()
        walked = Signal()
        m.d.comb += [
            self.o.valid.eq(n_held != 0), self.o.payload.eq(first),
            pop.eq(self.o.valid & self.o.ready),
            fetch.eq(~at_end & (n_held + fetched - pop < 2)),
            self.done.eq(self.complete & walked & ~fetched & (n_held == 0)),
        ]
        restart = Signal()
        m.d.comb += restart.eq(self.clear | self.rewind)
        with m.If(restart):
            m.d.sync += [fetched.eq(0), n_held.eq(0)]
        with m.Else():
            m.d.sync += [fetched.eq(fetch), fetched_bank.eq(bank)]
            m.d.sync += n_held.eq(n_held + fetched - pop)
            with m.If(pop):
                m.d.sync += first.eq(second)
            with m.If(fetched):
                with m.If((n_held - pop) == 0):
                    m.d.sync += first.eq(word)
                with m.Else():
                    m.d.sync += second.eq(word)
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
