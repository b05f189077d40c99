"""The top level of a board: clock, reset, serial link, accelerator, LEDs."""

from amaranth.hdl import Cat, ClockDomain, Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...boards.pll import ClockPlan
from ...bus.registers import FIELDS, REGISTERS
from .clock import ClockGenerator
from .leds import StatusLeds
from .reset import ResetGenerator

__all__ = ["BoardTop"]

_RESET_S = 16e-6
_STREAMS = ("i_samples", "i_weights", "o_results", "o_weights", "csr")


class BoardTop(wiring.Component):
    """An accelerator behind a serial line.

    Parameters
    ----------
    core : Component
        The accelerator: the streams and registers of :class:`taxonn_hw.rtl.taxonn.top.Accelerator`.
    link : Component
        The serial link, with the other ends of them, ``rx``, ``tx``, ``reset`` (of the
        accelerator) and ``error`` (a strobe).
    clock : ClockPlan
        Frequencies and PLL settings.
    at_pad : bool
        See :class:`ClockGenerator`.
    leds : sequence of (role, inverted)
    levels : sequence of int
        Outputs that hold a level.
    simulate : bool
        The PLL is a wire: ``clock`` is the accelerator's clock.

    Members
    -------
    clock : In(1)
        From the oscillator.
    rx, tx : In(1), Out(1)
        The serial line, idle high.
    led_0, led_1 ... : Out(1)
        As the pins want them.
    level_0 ... : Out(1)
    """

    def __init__(self, *, core, link, clock: ClockPlan, at_pad: bool = False, leds=(), levels=(),
                 simulate: bool = False) -> None:
        self.core, self.link, self.plan = core, link, clock
        self.at_pad, self.simulate = at_pad, simulate
        self.led_roles = [role for role, _ in leds]
        self.led_inverted = [inverted for _, inverted in leds]
        self.levels = tuple(levels)
        super().__init__({
            "clock": In(1), "rx": In(1), "tx": Out(1),
            **{f"led_{k}": Out(1) for k in range(len(self.led_roles))},
            **{f"level_{k}": Out(1) for k in range(len(self.levels))},
        })

    def elaborate(self, platform):
        m = Module()
        hertz = int(self.plan.output_mhz * 1_000_000)
        m.domains.sync = domain = ClockDomain()
        m.submodules.clock_generator = clock = ClockGenerator(
            plan=self.plan, at_pad=self.at_pad, simulate=self.simulate)
        m.submodules.reset_generator = reset = ResetGenerator(
            cycles=2**int(hertz * _RESET_S).bit_length() - 1)
        m.d.comb += [clock.clock_in.eq(self.clock), domain.clk.eq(clock.clock_out),
                     reset.locked.eq(clock.locked), domain.rst.eq(reset.reset)]
        core, link = self.core, self.link
        m.submodules.core, m.submodules.link = ResetInserter(link.reset)(core), link
        for name in _STREAMS:
            wiring.connect(m, getattr(link, name), getattr(core, name))
        m.d.comb += [link.rx.eq(self.rx), self.tx.eq(link.tx)]
        if self.led_roles:
            self._leds(m, hertz)
        m.d.comb += [getattr(self, f"level_{k}").eq(level) for k, level in enumerate(self.levels)]
        return m

    def _leds(self, m, hertz: int) -> None:
        core, link = self.core, self.link
        m.submodules.leds = leds = StatusLeds(clock_hz=hertz, roles=self.led_roles)
        training = Signal()
        with m.If(link.csr.w_stb & (link.csr.addr == REGISTERS["control"].address)):
            m.d.sync += training.eq(link.csr.w_data[FIELDS["control.train"]])
        m.d.comb += [
            leds.sample.eq(core.i_samples.valid & core.i_samples.ready),
            leds.training.eq(training), leds.error.eq(link.error),
            Cat(getattr(self, f"led_{k}") for k in range(len(self.led_roles))).eq(
                leds.led ^ sum(int(flip) << k for k, flip in enumerate(self.led_inverted))),
        ]
