"""Bytes on a serial line: eight data bits, no parity, one stop bit.

A phase accumulator makes the bit clock, so that any baud rate down to four clocks a bit is met
within :data:`RATE_ERROR`, whatever the clock.
"""

from fractions import Fraction

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["CLOCKS_PER_BIT_MIN", "RATE_ERROR", "UartReceiver", "UartTransmitter", "phase_step"]

CLOCKS_PER_BIT_MIN = 4
RATE_ERROR = Fraction(1, 500)
_FRAME_BITS = 10


def phase_step(clock_hz: int, baud: int) -> tuple[int, int]:
    """Return (bits, step): an accumulator of ``bits`` bits overflows ``baud`` times a second.

    Raises
    ------
    ValueError
        When a bit would take fewer than four clocks.
    """
    if baud < 1 or clock_hz < CLOCKS_PER_BIT_MIN * baud:
        raise ValueError(f"a bit must take at least {CLOCKS_PER_BIT_MIN} clocks, so {clock_hz} Hz "
                         f"carry at most {clock_hz // CLOCKS_PER_BIT_MIN} baud, not {baud}")
    ratio = Fraction(baud, clock_hz)
    bits = 2
    while True:
        step = round(ratio * 2**bits)
        if abs(Fraction(step, 2**bits) / ratio - 1) <= RATE_ERROR:
            return bits, step
        bits += 1


class UartReceiver(wiring.Component):
    """Takes bytes from a line.

    Each bit is read in its middle, by a majority of three clocks.  A byte comes out in the middle
    of its stop bit.  After a bad stop bit the line must first go high.

    Parameters
    ----------
    clock_hz, baud : int

    Members
    -------
    rx : In(1)
        The line, idle high; not synchronous to anything.
    valid : Out(1)
        A byte has come: strobe.
    data : Out(8)
        That byte, only beside ``valid``.
    error : Out(1)
        A byte with a bad stop bit (or a break) has come: strobe.
    """

    rx: In(1, init=1)
    valid: Out(1)
    data: Out(8)
    error: Out(1)

    def __init__(self, *, clock_hz: int, baud: int) -> None:
        self.bits, self.step = phase_step(clock_hz, baud)
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        synchronous = Signal(init=1)
        past = Signal(2, init=3)
        level = Signal()
        m.submodules.synchronizer = FFSynchronizer(self.rx, synchronous, init=1)
        m.d.sync += past.eq(Cat(synchronous, past[0]))
        m.d.comb += level.eq((synchronous & past[0]) | (past[0] & past[1])
                             | (past[1] & synchronous))
        busy = Signal()
        armed = Signal()  # the line was high
        first = Signal()  # the start bit is still to be read
        # The start bit at the lowest place tells that all data bits are there.
        shift = Signal(9, reset_less=True)
        phase = Signal(self.bits)
        total = Signal(self.bits + 1)
        m.d.comb += [total.eq(phase + self.step), self.data.eq(shift[1:])]
        m.d.sync += [self.valid.eq(0), self.error.eq(0)]
        with m.If(~busy):
            m.d.sync += [armed.eq(level), phase.eq(1 << self.bits - 1)]
            with m.If(armed & ~level):
                m.d.sync += [busy.eq(1), first.eq(1), shift.eq(2**9 - 1)]
        with m.Else():
            m.d.sync += phase.eq(total)
            with m.If(total[-1]):
                m.d.sync += [first.eq(0), shift.eq(Cat(shift[1:], level))]
                with m.If(first & level):
                    m.d.sync += busy.eq(0)
                with m.If(~shift[0]):
                    m.d.sync += [busy.eq(0), armed.eq(level), shift.eq(shift),
                                 self.valid.eq(level), self.error.eq(~level)]
        return m


class UartTransmitter(wiring.Component):
    """Puts bytes on a line, one after the other with a clock between them.

    Parameters
    ----------
    clock_hz, baud : int

    Members
    -------
    i : In(stream of 8 bits)
        A byte is taken when the one before is through.
    tx : Out(1)
        The line, idle high; from a register.
    """

    i: In(stream.Signature(8))
    tx: Out(1, init=1)

    def __init__(self, *, clock_hz: int, baud: int) -> None:
        self.bits, self.step = phase_step(clock_hz, baud)
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        line = Signal(init=1)
        shift = Signal(8, reset_less=True)
        left = Signal(range(_FRAME_BITS + 1))  # bits that have not ended
        phase = Signal(self.bits)
        total = Signal(self.bits + 1)
        next_bit = Signal()
        m.d.comb += [total.eq(phase + self.step), self.tx.eq(line), self.i.ready.eq(left == 0)]
        m.d.sync += next_bit.eq(0)
        with m.If(left == 0):  # a bit begins a clock after its phase
            m.d.sync += phase.eq(self.step)
            with m.If(self.i.valid):
                m.d.sync += [line.eq(0), shift.eq(self.i.payload), left.eq(_FRAME_BITS)]
        with m.Else():
            m.d.sync += [phase.eq(total), next_bit.eq(total[-1])]
            with m.If(next_bit):
                m.d.sync += [line.eq(shift[0]), shift.eq(Cat(shift[1:], 1)), left.eq(left - 1)]
        return m
