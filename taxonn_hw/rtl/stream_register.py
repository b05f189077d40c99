"""Stream register: cuts the paths of ``valid`` and of the payload through a stream."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["StreamRegister"]


class StreamRegister(wiring.Component):
    """One payload on its way.

    Latency 1 cycle, one payload a cycle; ``i.ready`` follows ``o.ready`` in the same cycle.

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
        held = Signal(self.shape, reset_less=True)
        m.d.comb += [
            self.i.ready.eq(~full | self.o.ready), self.o.valid.eq(full),
            Value.cast(self.o.payload).eq(held),
        ]
        with m.If(self.i.ready):
            m.d.sync += [full.eq(self.i.valid), held.eq(self.i.payload)]
        return m
