"""Which training samples begin a batch, take its step, or let the weights decay."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .numerics import Numerics

__all__ = ["SampleSteps", "step_marks"]


def step_marks(numerics: Numerics) -> dict:
    """Return what marks the slots of a sample, as members of a layout.

    Where there are batches ``fresh``: the first of its batch, and ``takes_step``: the last; where
    weights decay ``decays``: they do, after the step.
    """
    batch = {"fresh": 1, "takes_step": 1} if numerics.batch > 1 else {}
    return {**batch, **({"decays": 1} if numerics.decay is not None else {})}


class SampleSteps(wiring.Component):
    """Counts the samples of a batch and of a period of decay.

    Every run begins a batch, and its last sample ends one, whole or not.  After ``stop`` a batch
    may be left without its step: the next run begins another.  Decay counts the training samples
    since ``restart``.

    Members
    -------
    start, restart : In(1)
        A run begins; the next training sample is sample 0.
    train : In(1)
        Samples are training samples.
    sample_starts, sample_ends : In(1)
        From the sequencer.
    final : In(1)
        The sample that starts is the last of its run.
    o : Out
        :func:`step_marks` of the sample under way, from the cycle after its first slot on.
    """

    def __init__(self, *, numerics: Numerics) -> None:
        self.numerics = numerics
        super().__init__({
            "start": In(1), "restart": In(1), "train": In(1), "sample_starts": In(1),
            "sample_ends": In(1), "final": In(1), "o": Out(data.StructLayout(step_marks(numerics))),
        })

    def elaborate(self, platform):
        m = Module()
        n = self.numerics
        begins, ends = self.train & self.sample_starts, self.train & self.sample_ends

        def count(name, period, starts_over):
            """Samples of the present batch or period that have ended; whether this is its last."""
            place = Signal(range(max(period, 2)), name=name)
            with m.If(starts_over):
                m.d.sync += place.eq(0)
            with m.Elif(ends):
                m.d.sync += place.eq(Mux(place == period - 1, 0, place + 1))
            return place, place == period - 1

        if n.batch > 1:
            ended = ends & self.o.takes_step
            place, complete = count("in_batch", n.batch, self.start | self.restart | ended)
            with m.If(begins):
                m.d.sync += [self.o.fresh.eq(place == 0),
                             self.o.takes_step.eq(self.final | complete)]
        if n.decay is not None:
            period = n.network.config.weight_decay_period
            _, complete = count("in_period", period, self.restart)
            with m.If(begins):
                m.d.sync += self.o.decays.eq(complete)
        return m
