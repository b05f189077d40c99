"""Clock generator: the PLL of the family, the oscillator as it is, or a model for simulation."""

from amaranth.hdl import Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...boards.pll import ClockPlan

__all__ = ["ClockGenerator"]

_MODEL_LOCK_CLOCKS = 16


class ClockGenerator(wiring.Component):
    """Makes the accelerator's clock.

    In simulation the PLL is a wire: each clock of ``clock_in`` is one of the accelerator, and
    ``locked`` rises after a few of them.

    Parameters
    ----------
    plan : ClockPlan
        Frequencies and PLL settings.
    at_pad : bool
        iCE40: ``clock_in`` is the pad that feeds the PLL directly.
    simulate : bool
        Use the model.

    Members
    -------
    clock_in : In(1)
    clock_out : Out(1)
    locked : Out(1)
        The clock is stable; not synchronous to anything.
    """

    clock_in: In(1)
    clock_out: Out(1)
    locked: Out(1)

    def __init__(self, *, plan: ClockPlan, at_pad: bool = False, simulate: bool = False) -> None:
        self.plan, self.at_pad, self.simulate = plan, at_pad, simulate
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        if self.simulate:
            wait = Signal(range(_MODEL_LOCK_CLOCKS + 1), reset_less=True)
            m.d.comb += [self.clock_out.eq(self.clock_in),
                         self.locked.eq(wait == _MODEL_LOCK_CLOCKS)]
            m.d.sync += wait.eq(wait + ~self.locked)
        elif self.plan.settings is None:
            m.d.comb += [self.clock_out.eq(self.clock_in), self.locked.eq(1)]
        elif self.plan.family == "ice40":
            m.submodules.pll = self._ice40()
        else:
            m.submodules.pll = self._ecp5()
        return m

    def _ice40(self) -> Instance:
        widths = {"DIVR": 4, "DIVF": 7, "DIVQ": 3, "FILTER_RANGE": 3}
        settings = {f"p_{name}": Const(self.plan.settings[name], width)
                    for name, width in widths.items()}
        cell, pin = ("PAD", "PACKAGEPIN") if self.at_pad else ("CORE", "REFERENCECLK")
        return Instance(
            f"SB_PLL40_{cell}", p_FEEDBACK_PATH="SIMPLE", p_PLLOUT_SELECT="GENCLK", **settings,
            **{f"i_{pin}": self.clock_in}, i_RESETB=Const(1, 1), i_BYPASS=Const(0, 1),
            o_PLLOUTGLOBAL=self.clock_out, o_LOCK=self.locked)

    def _ecp5(self) -> Instance:
        settings = {f"p_{name}": value for name, value in self.plan.settings.items()}
        feedback = Signal()
        # Without a phase shift the coarse phase of an output is its divider less one.
        phases = {f"p_{out}_CPHASE": self.plan.settings[f"{out}_DIV"] - 1
                  for out in ("CLKOP", "CLKOS")}
        off = {f"p_{name}": "DISABLED"
               for name in ("PLLRST_ENA", "INTFB_WAKE", "STDBY_ENABLE", "DPHASE_SOURCE")}
        return Instance(
            "EHXPLLL",
            # Loop filter and charge pump, as prjtrellis' ecppll sets them.
            a_ICP_CURRENT="12", a_LPF_RESISTOR="8", a_MFG_ENABLE_FILTEROPAMP="1",
            a_MFG_GMCREF_SEL="2", a_FREQUENCY_PIN_CLKI=f"{float(self.plan.input_mhz):g}",
            a_FREQUENCY_PIN_CLKOS=f"{float(self.plan.output_mhz):g}",
            **settings, **phases, **off,
            p_CLKOP_ENABLE="ENABLED", p_CLKOS_ENABLE="ENABLED", p_CLKOP_FPHASE=0, p_CLKOS_FPHASE=0,
            p_FEEDBK_PATH="CLKOP",
            p_OUTDIVIDER_MUXA="DIVA", p_OUTDIVIDER_MUXB="DIVB", p_OUTDIVIDER_MUXC="DIVC",
            p_OUTDIVIDER_MUXD="DIVD",
            i_CLKI=self.clock_in, i_CLKFB=feedback, o_CLKOP=feedback, o_CLKOS=self.clock_out,
            o_LOCK=self.locked,
            i_RST=Const(0, 1), i_STDBY=Const(0, 1), i_PHASESEL0=Const(0, 1),
            i_PHASESEL1=Const(0, 1), i_PHASEDIR=Const(1, 1), i_PHASESTEP=Const(1, 1),
            i_PHASELOADREG=Const(1, 1), i_PLLWAKESYNC=Const(0, 1), i_ENCLKOP=Const(0, 1))
