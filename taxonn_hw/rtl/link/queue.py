"""A queue in block RAM, smaller than the general one: its depth is a power of two."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..memory import add_memory

__all__ = ["BlockQueue"]


class BlockQueue(wiring.Component):
    """First in, first out.

    Latency 4 cycles from ``i`` to ``o``; a beat a cycle in, and out.  ``i.ready`` and ``o`` come
    from registers.

    Parameters
    ----------
    width, depth : int
        Bits of a beat; beats, a power of two (and two more, on their way out).

    Members
    -------
    i, o : In, Out(stream of width bits)
    """

    def __init__(self, *, width: int, depth: int) -> None:
        self.width, self.depth = width, depth
        if depth < 2 or depth & depth - 1:
            raise ValueError(f"depth must be a power of two, at least 2, not {depth}")
        super().__init__({"i": In(stream.Signature(width)), "o": Out(stream.Signature(width))})

    def elaborate(self, platform):
        m = Module()
        bits = (self.depth - 1).bit_length()
        write, read = add_memory(m, "words", shape=self.width, depth=self.depth)
        written, fetched = Signal(bits + 1), Signal(bits + 1)
        shown, held = Signal(), Signal()  # the memory's output has a beat; `o` has one
        move = Signal()                   # it goes from there to here
        beat = Signal(self.width, reset_less=True)
        m.d.comb += [
            write.en.eq(self.i.valid & self.i.ready), write.addr.eq(written[:bits]),
            write.data.eq(self.i.payload),
            move.eq(shown & (~held | self.o.ready)),
            read.en.eq((written != fetched) & (~shown | move)),
            read.addr.eq(fetched[:bits]),
            self.o.valid.eq(held), self.o.payload.eq(beat),
        ]
        after, ready = Signal(bits + 1), Signal(init=1)  # a beat more
        m.d.comb += [after.eq(written + 1), self.i.ready.eq(ready)]
        full, fills = (written ^ fetched) == self.depth, (after ^ fetched) == self.depth
        m.d.sync += [fetched.eq(fetched + read.en), ready.eq(~full & ~(fills & write.en))]
        with m.If(write.en):
            m.d.sync += written.eq(after)
        m.d.sync += [shown.eq(read.en | shown & ~move), held.eq(move | held & ~self.o.ready)]
        with m.If(move):
            m.d.sync += beat.eq(read.data)
        return m
