"""Power of a mapped design with OpenSTA, from counted toggles.

Memories are cut out, as in the areas: their outputs are inputs with the toggles that they had.
There are no wires yet: a net's load is that of the pins on it, and the clock is ideal, so that
neither a clock tree nor glitches are in the figures.
"""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..flow.errors import ToolError
from ..flow.opensta import run_sta
from ..sidecar import TOP
from .activity import Activity
from .liberty import Liberty
from .netlist import Netlist

__all__ = ["Power", "measure_power"]

_TIMEOUT_S = 3 * 3600
_PARTS = ("internal", "switching", "leakage")
_TOTAL = re.compile(r"^\s*Total\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)", re.M)
#: The one of Debian (2019) does not get through its own command for pins; later ones do, and take
#: what lies below it in other units.
_PROCEDURES = """\
set_cmd_units -time ns
set direct [expr [string first -density [info body set_power_activity]] < 0]
proc toggles {pin activity duty} {
  global direct
  if {$direct} {
    sta::set_power_pin_activity [get_pins $pin] $activity $duty
  } else {
    set_power_activity -pins [get_pins $pin] -activity $activity -duty $duty
  }
}
proc input_toggles {port activity duty} {
  set_power_activity -input_ports [get_ports $port] -activity $activity -duty $duty
}"""


@dataclass(frozen=True, kw_only=True)
class Power:
    """Mean power of a run, mW; ``parts_mw``: internal, switching and leakage."""

    total_mw: float
    parts_mw: dict[str, float]


def measure_power(netlist: Netlist, liberty: Liberty, activity: Activity, *, mhz: float) -> Power:
    """Return the power at a clock of ``mhz``.

    Raises
    ------
    ToolError
        OpenSTA is missing, fails or reports nothing.
    """
    period = 1e3 / mhz  # ns, the time unit of what follows
    lines = [_PROCEDURES, "read_liberty cells.lib", "read_verilog gates.v",
             f"link_design {TOP}"]
    clock = netlist.inputs["clk"][0]
    lines.append(f"create_clock -period {period:.6f} [get_ports n{clock}]")
    lines.append("source activity.tcl")
    lines.append("report_power -digits 8")
    with tempfile.TemporaryDirectory(prefix="taxonn-power-") as name:
        folder = Path(name)
        (folder / "cells.lib").write_text(liberty.text)
        (folder / "gates.v").write_text(netlist.verilog())
        (folder / "activity.tcl").write_text("\n".join(_activities(netlist, activity, clock)))
        log = run_sta("\n".join(lines), cwd=folder, timeout_s=_TIMEOUT_S)
    found = _TOTAL.search(log)
    if found is None:
        raise ToolError(f"sta reported no power\n{log[-400:]}")
    values = [1e3 * float(text) for text in found.groups()]
    return Power(total_mw=values[3], parts_mw=dict(zip(_PARTS, values, strict=False)))


def _activities(netlist: Netlist, activity: Activity, clock: int):
    """Yield a command for every driver, and for every input but the clock."""
    driven = set()
    for number, (kind, pins) in enumerate(netlist.cells):
        for pin in netlist.functions[kind].outputs:
            if pin in pins:
                driven.add(pins[pin])
                yield _command(f"toggles g{number}/{pin}", pins[pin], activity)
    used = {net for _, pins in netlist.cells for net in pins.values()}
    for net in sorted(used - driven - {0, 1, clock}):
        yield _command(f"input_toggles n{net}", net, activity)


def _command(what: str, net: int, activity: Activity) -> str:
    return f"{what} {activity.toggles[net]:.6f} {activity.ones[net]:.6f}"
