"""Sequencer: begins junction cycles, and knows which junction works on which sample.

A sample's *age* is the junction cycle since it was taken, from 1: forward in junction ``i`` at age
``i``, backward and update at age ``2 L + 1 - i``.  Samples move up together; the whole machine
waits when the next one has not come or its results would find no room.
"""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...plan.edge.network import EdgeNetwork

__all__ = ["LEAD", "Sequencer", "context_layout", "left_copies"]

#: Stage at which a clock of a junction cycle is known: so many cycles before its addresses.
LEAD = -3


def left_copies(network: EdgeNetwork, index: int) -> int:
    """Return the samples that the left bank of junction ``index`` (from 1) holds."""
    return 2 * (len(network.layers) - index) + 3 if network.config.training else 2


def context_layout(network: EdgeNetwork) -> data.StructLayout:
    """What a junction needs to know in a junction cycle.

    ``forward``: a sample goes forward; ``learns``: it is a training sample; ``update``: a sample is
    learnt, with the learning-rate exponent ``extra`` below the highest; copies of the left bank
    to read forward and for the update, and to write; ``toggle`` changes every junction cycle.
    """
    copy = range(max(left_copies(network, 1), 2))
    return data.StructLayout({"forward": 1, "learns": 1, "update": 1, "extra": 3, "toggle": 1,
                              "forward_copy": copy, "update_copy": copy, "write_copy": copy})


class Sequencer(wiring.Component):
    """Counts samples and clocks.

    Parameters
    ----------
    network : EdgeNetwork
    slots : int
        Samples whose targets are kept.
    tail : int
        Clocks by which the last results come later than the end of their junction cycle.

    Members
    -------
    start, stop : In(1)
        Strobes; ``samples`` counts from ``start``.
    samples, train, results, extra : In
        From the registers; ``train`` and ``extra`` go with a sample when it is taken.
    waiting, copy, slot, take : In, Out
        To the loader.
    room, reserve : In, Out
        To the result queue.
    begin : Out(1)
        A junction cycle begins: its first clock is known one cycle later.  From a register, as
        ``take`` and ``reserve``: what they follow from stays as it is until they come.
    clock, valid, first : Out
        Clock of a junction cycle, :data:`LEAD` stages before its addresses.
    contexts : Out, one a junction
        With ``clock``.
    emit, target_slot : Out
        Of the sample that goes forward in the last junction: whether its results are wanted, where
        its targets lie.
    busy, counting, sample : Out(1)
        Work is under way; junction cycles are (the clock counter runs); a sample ends.
    """

    def __init__(self, *, network: EdgeNetwork, slots: int, tail: int) -> None:
        self.network, self.tail = network, tail
        self.depth = len(network.layers)
        self.period = network.cycles + network.overhead
        self.context = context_layout(network)
        copy, slot = range(max(left_copies(network, 1), 2)), range(max(slots, 2))
        self.sample_layout = data.StructLayout(
            {"valid": 1, "train": 1, "extra": 3, "copy": copy, "slot": slot})
        super().__init__({
            "start": In(1), "stop": In(1), "samples": In(32),
            "train": In(1), "results": In(1), "extra": In(3),
            "waiting": In(1), "copy": In(copy), "slot": In(slot), "take": Out(1),
            "room": In(1), "reserve": Out(1),
            "begin": Out(1), "clock": Out(range(max(network.cycles, 2))),
            "valid": Out(1), "first": Out(1),
            "contexts": Out(data.ArrayLayout(self.context, self.depth)),
            "emit": Out(1), "target_slot": Out(slot),
            "busy": Out(1), "counting": Out(1), "sample": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        n, training = self.depth, self.network.config.training
        last_age = 2 * n if training else n
        ages = [Signal(self.sample_layout, name=f"age_{a}") for a in range(1, last_age + 1)]
        left = Signal(33, init=-1)  # samples to take, less one; below zero: none
        wanted = Signal()
        timer = Signal(range(self.period))
        ready = Signal()
        go = Signal()          # the next cycle begins a junction cycle
        unfinished = Signal()  # a sample needs another junction cycle
        entering = Signal()    # a sample comes to the last junction
        taken = Signal(self.sample_layout)
        drain = Signal(range(self.tail + 2))
        m.d.comb += [
            wanted.eq(~left[-1]), ready.eq(timer == 0),
            unfinished.eq(Cat(
                age.valid & (age.train if a >= n else 1)
                for a, age in enumerate(ages[:-1], 1)).any() if last_age > 1 else 0),
            go.eq((timer[1:] == 0) & ~self.begin & (wanted | unfinished)
                  & (self.waiting | ~wanted) & (self.room | ~(entering & self.results))),
            entering.eq(ages[n - 2].valid if n > 1 else wanted),
            taken.valid.eq(self.take), taken.train.eq(self.train if training else 0),
            taken.extra.eq(self.extra), taken.copy.eq(self.copy), taken.slot.eq(self.slot),
            self.sample.eq((timer == 1) & self._ends(ages)),
            self.busy.eq(wanted | self.begin | self.counting | (drain != 0)),
        ]
        m.d.sync += [self.begin.eq(go), self.take.eq(go & wanted),
                     self.reserve.eq(go & entering & self.results)]
        with m.If(self.start):
            m.d.sync += left.eq(self.samples - 1)
        with m.Elif(self.stop):
            m.d.sync += left.eq(-1)
        with m.Elif(self.take):
            m.d.sync += left.eq(left - 1)
        with m.If(self.begin):
            m.d.sync += [timer.eq(self.period - 1), ages[0].eq(taken), self.emit.eq(self.reserve)]
            m.d.sync += [age.eq(before) for before, age in pairwise(ages)]
        with m.Elif(~ready):
            m.d.sync += timer.eq(timer - 1)
        m.d.sync += self.counting.eq(self.begin | (self.counting & (~ready | wanted | unfinished)))
        with m.If(self.counting):
            m.d.sync += drain.eq(self.tail + 1)
        with m.Elif(drain != 0):
            m.d.sync += drain.eq(drain - 1)
        self._clocks(m)
        self._contexts(m, ages)
        return m

    def _ends(self, ages):
        """Whether a sample has its last junction cycle."""
        inferred = ages[self.depth - 1]
        ends = inferred.valid & ~inferred.train
        if len(ages) > self.depth:
            ends = ends | (ages[-1].valid & ages[-1].train)
        return ends

    def _clocks(self, m) -> None:
        last = self.clock == self.network.cycles - 1
        with m.If(self.begin):
            m.d.sync += [self.valid.eq(1), self.clock.eq(0), self.first.eq(1)]
        with m.Elif(self.valid):
            m.d.sync += [self.valid.eq(~last), self.clock.eq(self.clock + 1), self.first.eq(0)]

    def _contexts(self, m, ages) -> None:
        n, network = self.depth, self.network
        training = network.config.training
        toggle = Signal()
        m.d.sync += toggle.eq(toggle ^ self.begin)
        contexts = []
        for index in range(1, n + 1):
            context = Signal(self.context, name=f"context_{index}")
            forward = ages[index - 1]
            m.d.comb += [context.forward.eq(forward.valid), context.toggle.eq(toggle),
                         context.learns.eq(forward.valid & forward.train)]
            if training:
                learnt = ages[2 * n - index]
                m.d.comb += [context.update.eq(learnt.valid & learnt.train),
                             context.extra.eq(learnt.extra)]
            if index == 1:  # copies belong to samples: one may be loaded while none is taken
                m.d.comb += [context.forward_copy.eq(forward.copy),
                             context.update_copy.eq(ages[-1].copy)]
            else:           # every junction cycle writes the next copy
                self._ring(m, context, left_copies(network, index), index)
            contexts.append(context)
        m.d.comb += [self.contexts.as_value().eq(Cat(contexts)),
                     self.target_slot.eq(ages[n - 1].slot)]

    def _ring(self, m, context, copies: int, index: int) -> None:
        shape = context.write_copy.shape()
        write = Signal(shape, name=f"write_copy_{index}")
        before = Signal(shape, init=copies - 1, name=f"forward_copy_{index}")
        oldest = Signal(shape, init=1, name=f"update_copy_{index}")
        with m.If(self.begin):
            m.d.sync += [before.eq(write), write.eq(oldest),
                         oldest.eq(Mux(oldest == copies - 1, 0, oldest + 1))]
        m.d.comb += [context.write_copy.eq(write), context.forward_copy.eq(before),
                     context.update_copy.eq(oldest)]
