"""The top level of a board for a configuration, as text for synthesis or simulation."""

from dataclasses import dataclass

from amaranth.back import rtlil

from ..boards import Board, ClockPlan, Pin, board_pins, plan_clock
from ..boards.pins import input_mhz
from ..errors import UserError
from ..plan.base import Plan
from ..rtl.accelerator import make_accelerator
from ..rtl.board import BoardTop
from ..rtl.link.link import Link
from ..rtl.link.uart import CLOCKS_PER_BIT_MIN
from ..rtlil import merge_modules
from ..sidecar import stream_table
from ..verilog import Converted, convert

__all__ = ["TOP", "BoardDesign", "board_design", "board_verilog"]

#: Name of the top module.
TOP = "taxonn_board"

#: What nextpnr's placer gives for time rather than wires, by engine and family, where its own 10 is
#: not the best.  784-128-10, 4 bit, one seed each: 121 MHz, not 113, on an LFE5U-45F (P = 64), of a
#: tenth less wire; 113 on an LFE5U-85F (P = 128).  With 40 it is 121 and 112, but 108, not 118, at
#: 8 bit.  The junctions of engine ``edge`` took a quarter more wire with 300, and were not routed.
_TIMING_WEIGHT = {("taxonn", "ecp5"): 300}


@dataclass(frozen=True, kw_only=True)
class BoardDesign:
    """A board's top level, ready for synthesis; ``rtlil`` is the text of all modules.

    ``timing_weight`` is for :func:`taxonn_hw.flow.nextpnr.place_options`.
    """

    board: Board
    clock: ClockPlan
    baud: int
    pins: dict[str, Pin]
    rtlil: str
    timing_weight: int | None = None

    @property
    def mhz(self) -> float:
        """Clock of the accelerator."""
        return float(self.clock.output_mhz)


def board_design(plan: Plan, board: Board, *, mhz: float | None = None,
                 baud: int | None = None) -> BoardDesign:
    """Return the design of ``plan`` on ``board``; same arguments, same bytes.

    Parameters
    ----------
    mhz, baud : optional
        Clock and rate of the serial line; by default the board's.

    Raises
    ------
    UserError
        The PLL cannot make the clock, or the clock is too slow for the serial line.
    """
    component, clock, pins = _component(plan, board, mhz, baud, simulate=False)
    text = rtlil.convert(component, name=TOP, emit_src=False)
    return BoardDesign(board=board, clock=clock, baud=baud or board.baud, pins=pins,
                       rtlil=merge_modules(text, top=TOP),
                       timing_weight=_TIMING_WEIGHT.get((plan.config.engine, board.device.family)))


def board_verilog(plan: Plan, board: Board, *, mhz: float | None = None,
                  baud: int | None = None) -> Converted:
    """Return the same top level as Verilog for simulation, with the PLL a wire.

    Each clock at the port ``clock`` is one clock of the accelerator, at the PLL's frequency.
    """
    component, _, _ = _component(plan, board, mhz, baud, simulate=True)
    return convert(component, top=TOP, banner=f"{plan.config.name} on {board.title}, "
                                              "for simulation: the PLL is a wire.")


def _component(plan: Plan, board: Board, mhz: float | None, baud: int | None, *, simulate: bool):
    clock = plan_clock(board.device.family, input_mhz(board), mhz or board.clock_mhz)
    pins = board_pins(board)
    hertz, baud = round(clock.output_mhz * 1_000_000), baud or board.baud
    if hertz < CLOCKS_PER_BIT_MIN * baud:
        raise UserError(f"--baud: the serial line needs {CLOCKS_PER_BIT_MIN} clocks a bit, so at "
                        f"{float(clock.output_mhz):g} MHz at most "
                        f"{hertz // CLOCKS_PER_BIT_MIN} baud, not {baud}")
    # Simulators know no cells of a device.
    core = make_accelerator(plan, "generic" if simulate else board.device.family)
    # Large ECP5 designs need the registers for their clock; an iCE40 has no cell to spare for them.
    link = Link(streams=stream_table(plan), clock_hz=hertz, baud=baud,
                registered=board.device.family == "ecp5")
    leds = [(led.role, pins[f"led_{k}"].invert) for k, led in enumerate(board.leds)]
    return BoardTop(core=core, link=link, clock=clock, at_pad=board.pll_at_pad, leds=leds,
                    levels=tuple(board.levels.values()), simulate=simulate), clock, pins
