"""Runner: how many samples, when the next may start, and when all is done."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Runner"]


class Runner(wiring.Component):
    """Counts samples and outstanding results.

    Parameters
    ----------
    n_out, depth : int
        Results of a sample, and what the result queue holds: a sample starts only when its
        results fit, so the array never stalls on them.

    Members
    -------
    start, stop : In(1)
        Strobes; ``samples``, which counts from ``start``, must be there a cycle before.
    sample_ready : In(1)
        The loader has a sample.
    sample_starts, sample_ends, pass_starts, stopped : In(1)
        From the sequencer.
    stored : In(2)
        Passes whose results are stored (two cycles ahead of the write).
    empty : In(1)
        No slot is in the array.
    results, popped : In(1)
        Results are wanted; one left the queue.
    run, idle_results, next_idle : Out(1)
        To the sequencer; ``next_idle``: ``idle_results`` of the next cycle.
    busy, counting : Out(1)
        Work is under way; and it has begun (the clock counter runs).
    final : Out(1)
        One sample is left to end, where ``shows_final``.
    """

    def __init__(self, *, n_out: int, depth: int, shows_final: bool = False) -> None:
        self.n_out, self.depth, self.shows_final = n_out, depth, shows_final
        super().__init__({
            **({"final": Out(1)} if shows_final else {}),
            "start": In(1), "stop": In(1), "samples": In(32),
            "sample_ready": In(1), "sample_starts": In(1), "sample_ends": In(1),
            "pass_starts": In(1), "stopped": In(1), "stored": In(2), "empty": In(1),
            "results": In(1), "popped": In(1),
            "run": Out(1), "idle_results": Out(1), "next_idle": Out(1),
            "busy": Out(1), "counting": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        # The sequencer's paths begin at registers beside the counters, each a comparison ahead.
        credit = Signal(range(self.depth + 1), init=self.depth)
        fits = Signal()     # credit >= n_out, but for what is popped in this clock
        takes = self.sample_starts & self.results
        m.d.sync += [credit.eq(credit - Mux(takes, self.n_out, 0) + self.popped),
                     fits.eq(Mux(takes, credit >= 2 * self.n_out, credit >= self.n_out))]
        left = Signal(32)   # samples that have not ended
        more = Signal()     # left != 0
        final = Signal()    # left == 1
        ends = Signal()
        m.d.comb += ends.eq(self.sample_ends & more)
        if self.shows_final:
            m.d.comb += self.final.eq(final)
        some, one = Signal(), Signal()  # of the samples that are asked for
        m.d.sync += [some.eq(self.samples != 0), one.eq(self.samples == 1)]
        with m.If(self.start):
            m.d.sync += [left.eq(self.samples), more.eq(some), final.eq(one)]
        with m.Elif(self.stop):
            m.d.sync += [left.eq(~self.stopped & ~self.sample_ends),
                         more.eq(~self.stopped & ~self.sample_ends), final.eq(1)]
        with m.Elif(ends):
            m.d.sync += [left.eq(left - 1), more.eq(~final), final.eq(left == 2)]
        pending = Signal(4)  # passes whose results are not stored, but for one that starts
        started = Signal()
        waiting = Signal(4)
        idle = Signal(init=1)
        m.d.comb += waiting.eq(pending + started - self.stored)
        m.d.sync += [started.eq(self.pass_starts), pending.eq(waiting),
                     idle.eq(self.next_idle)]
        m.d.comb += self.next_idle.eq((waiting == 0) & ~self.pass_starts)
        m.d.comb += [
            self.run.eq(more & ~self.stop & self.sample_ready & (~self.results | fits)),
            self.idle_results.eq(idle),
            self.busy.eq(more | ~self.stopped | ~self.empty | started | (pending != 0)),
        ]
        m.d.sync += self.counting.eq((self.counting | self.sample_starts) & self.busy)
        return m
