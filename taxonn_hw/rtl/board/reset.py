"""Reset after power-up and after the PLL has lost its lock."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["ResetGenerator"]


class ResetGenerator(wiring.Component):
    """Holds the reset while the clock is not stable and ``cycles`` clocks (at least) after that.

    Block RAM of an iCE40 reads zeros in the first microseconds after configuration, so the wait
    must cover those.  Runs in domain ``sync``, whose reset it makes; none of its own registers
    has one, they start from their values at configuration.

    Members
    -------
    locked : In(1)
        Not synchronous.
    reset : Out(1)
        From a register.
    """

    locked: In(1)
    reset: Out(1, init=1)

    def __init__(self, *, cycles: int) -> None:
        if cycles < 1:
            raise ValueError(f"cycles must be at least 1, not {cycles}")
        self.cycles = cycles
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        locked = Signal(reset_less=True)
        count = Signal(self.cycles.bit_length(), reset_less=True)
        reset = Signal(init=1, reset_less=True)
        m.submodules.locked = FFSynchronizer(self.locked, locked, reset_less=True)
        m.d.comb += self.reset.eq(reset)
        waited = Signal(reset_less=True)
        m.d.sync += [waited.eq(count.all()), reset.eq(~(waited & locked))]
        with m.If(~locked):
            m.d.sync += count.eq(0)
        with m.Elif(~count.all()):
            m.d.sync += count.eq(count + 1)
        return m
