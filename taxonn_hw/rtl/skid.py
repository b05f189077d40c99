"""Cuts through a stream: of ``ready`` alone without a clock, or of everything for one clock.

While the receiver takes what comes, payloads pass on.  When it does not, the one that was offered
in that clock is kept, and only then is the sender told to wait.  So ``i.ready`` comes from a
register.
"""

from amaranth.hdl import Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SkidBuffer", "StreamRegister"]


class SkidBuffer(wiring.Component):
    """One kept payload.

    Latency 0 cycles, one payload a cycle; a payload that waits holds still.

    Parameters
    ----------
    shape : ShapeCastable
        Of a payload.

    Members
    -------
    i, o : In, Out(stream of shape)
    """

    def __init__(self, *, shape) -> None:
        self.shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        full = Signal()
        kept = Signal(self.shape, reset_less=True)
        m.d.comb += [
            self.i.ready.eq(~full), self.o.valid.eq(full | self.i.valid),
            Value.cast(self.o.payload).eq(Mux(full, kept, self.i.payload)),
        ]
        m.d.sync += full.eq(self.o.valid & ~self.o.ready)
        with m.If(~full):
            m.d.sync += kept.eq(self.i.payload)
        return m


class StreamRegister(wiring.Component):
    """A skid buffer with a register behind it: every output comes from a register.

    Latency 1 cycle, one payload a cycle; a payload that waits holds still.  Parameter as of
    :class:`SkidBuffer`.

    Members
    -------
    i, o : In, Out(stream of shape)
    clear : In(1)
        Drop what is shown, what is kept and what is offered.
    """

    def __init__(self, *, shape) -> None:
        self.shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)),
                          "clear": In(1)})

    def elaborate(self, platform):
        m = Module()
        skid = SkidBuffer(shape=self.shape)
        m.submodules.skid = ResetInserter(self.clear)(skid)
        wiring.connect(m, wiring.flipped(self.i), skid.i)
        shown = Signal()
        payload = Signal(self.shape, name="shown_payload", reset_less=True)
        m.d.comb += [
            skid.o.ready.eq(~shown | self.o.ready), self.o.valid.eq(shown),
            Value.cast(self.o.payload).eq(Value.cast(payload)),
        ]
        with m.If(skid.o.ready):
            m.d.sync += [shown.eq(skid.o.valid), payload.eq(skid.o.payload)]
        with m.If(self.clear):
            m.d.sync += shown.eq(0)
        return m
