"""What nextpnr's report says: resources under common names, clocks, and the worst path in words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["RESOURCES", "Timing", "Usage", "read_timing", "read_usage", "unit_of"]

#: Our name of a resource -> what people call it, and nextpnr's name by family.
RESOURCES = {
    "lut": ("look-up tables", {"ice40": "ICESTORM_LC", "ecp5": "TRELLIS_COMB"}),
    "ff": ("flip-flops", {"ecp5": "TRELLIS_FF"}),
    "ram": ("block RAMs", {"ice40": "ICESTORM_RAM", "ecp5": "DP16KD"}),
    "spram": ("large single-port RAMs", {"ice40": "ICESTORM_SPRAM"}),
    "lutram": ("LUT RAM slices", {"ecp5": "TRELLIS_RAMW"}),
    "dsp": ("multipliers", {"ice40": "ICESTORM_DSP", "ecp5": "MULT18X18D"}),
    "pll": ("PLLs", {"ice40": "ICESTORM_PLL", "ecp5": "EHXPLLL"}),
    "io": ("pins", {"ice40": "SB_IO", "ecp5": "TRELLIS_IO"}),
}

_OUTPUTS = (  # what a path starts in, by the port it leaves
    (re.compile(r"^(RDATA|DO[AB]?\d|DO[AB]|DATAOUT)"), "RAM"),
    (re.compile(r"^(P\d|O_\d|O\[\d|ACCUM|O\d+$)"), "multiplier"),
)
_CARRY = re.compile(r"^(COUT|FCO|CO)")
#: What Yosys and nextpnr append to the name of the signal that a cell drives.
_GENERATED = re.compile(
    r"(_(TRELLIS_FF|SB_DFF\w*?|LUT4|SB_LUT4|CCU2C|SB_CARRY|PFUMX|L6MUX21|SB_MAC16|MULT18X18D)"
    r"(_[A-Z]\w*)?|_DFFLC|_LC|\$\w+).*$")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """How much of a resource is used."""

    used: int
    available: int


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Clock of a placed design.

    Members
    -------
    fmax_mhz : float
        Of the slowest clock that is not an input of the chip.
    clock_mhz : float
        What it has to run at.
    worst_path : str
        Where the time goes, in words.
    """

    fmax_mhz: float
    clock_mhz: float
    worst_path: str

    @property
    def met(self) -> bool:
        """Whether the design runs at its clock."""
        return self.fmax_mhz >= self.clock_mhz


def read_usage(report: Mapping, family: str) -> dict[str, Usage]:
    """Return used and available by our names, for what the device has."""
    table, found = report["utilization"], {}
    for name, (_, native) in RESOURCES.items():
        row = table.get(native.get(family))
        if row is not None and row["available"]:
            found[name] = Usage(used=row["used"], available=row["available"])
    return found


def read_timing(report: Mapping, mhz: float) -> Timing:
    """Return the timing of the only clock of the design.

    Raises
    ------
    ValueError
        When the clock is not constrained to ``mhz``: then nextpnr aimed at something else.
    """
    clocks = report["fmax"]
    if len(clocks) != 1:
        raise ValueError(f"the design has {len(clocks)} clocks ({', '.join(clocks)}), not one")
    ((name, clock),) = clocks.items()
    if abs(clock["constraint"] - mhz) > mhz / 200:  # nextpnr derives it from rounded periods
        raise ValueError(f"clock {name} is constrained to {clock['constraint']} MHz, not {mhz}")
    edge = f"posedge {name}"
    paths = [path for path in report["critical_paths"] if path["from"] == path["to"] == edge]
    return Timing(fmax_mhz=clock["achieved"], clock_mhz=mhz,
                  worst_path=_words(paths[0]["path"]) if paths else "no path between registers")


def unit_of(cell: str) -> str:
    """Return the signal or unit that a cell belongs to: its name without what tools appended."""
    return _GENERATED.sub("", cell.lstrip("$")).rstrip(".") or cell


def _words(path: list[Mapping]) -> str:
    wires = sum(hop["delay"] for hop in path if hop["type"] == "routing")
    total = sum(hop["delay"] for hop in path)
    logic = [hop for hop in path if hop["type"] == "logic"]
    carries = sum(bool(_CARRY.match(hop["to"]["port"])) for hop in logic)
    start, end = path[0]["to"], path[-1]["from"]
    kind = next((word for ports, word in _OUTPUTS if ports.match(start["port"])), "register")
    steps = f"{len(logic) - carries} logic cells"
    if carries:
        steps += f" and {carries} carries"
    return (f"{total:.1f} ns from {kind} {unit_of(start['cell'])} to {unit_of(end['cell'])} "
            f"through {steps}: {total - wires:.1f} ns in cells, {wires:.1f} ns in wires")
