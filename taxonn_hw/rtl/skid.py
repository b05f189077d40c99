"""Skid buffer: cuts the path of ``ready`` through a stream without adding a clock.

While the receiver takes what comes, payloads pass straight through.  When it does not, the one that
was offered in that clock is kept, and only then is the sender told to wait.  So ``i.ready`` comes
from a register.
"""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SkidBuffer"]


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
