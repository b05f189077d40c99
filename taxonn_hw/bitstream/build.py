"""``taxonn build``: synthesis, place and route, bitstream, and a report of it all."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from ..boards import Board
from ..config_hash import hardware_hash
from ..errors import UserError
from ..flow.nextpnr import FitError, nextpnr_version
from ..flow.nextpnr_tools import find_program
from ..flow.pack import pack
from ..flow.pnr_report import RESOURCES, Usage
from ..flow.yosys import yosys_version
from ..plan.base import Plan
from .design import TOP, BoardDesign, board_design
from .memories import RAM_CELLS
from .seeds import Placed, place_seeds
from .synthesis import Netlist, synthesise

__all__ = ["BuildResult", "build_bitstream"]

#: What to change when a resource runs out.
_ADVICE = {
    "lut": "fewer lanes, fewer bits, or a larger board",
    "ff": "fewer lanes, fewer bits, or a larger board",
    "ram": "a smaller network, fewer bits, or a larger board",
    "spram": "a smaller network, fewer bits, or a larger board",
}
#: Blocks without which a design can do, and how.
_REPLACED = {
    "ice40": {"dsp": "the cheapest products from look-up tables",
              "ram": "the smallest memories from registers"},
    "ecp5": {"dsp": "the cheapest products from look-up tables"},
}
_CELLS = {  # resource -> cells of a netlist that each take one
    "ice40": {"ram": RAM_CELLS, "spram": ("SB_SPRAM256KA",), "dsp": ("SB_MAC16",)},
    "ecp5": {"ram": ("DP16KD",), "dsp": ("MULT18X18D",)},
}


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """A finished build; nothing is written yet.

    Members
    -------
    design : BoardDesign
    placed : list of Placed
        One for each seed.
    best : Placed
        The fastest of them.
    bitstream : bytes
        Of the fastest.
    usage : dict
        Resources of the fastest, by name.
    versions : dict
        Of the tools.
    """

    design: BoardDesign
    placed: list[Placed]
    best: Placed
    bitstream: bytes
    usage: dict[str, Usage]
    versions: dict[str, str]

    @property
    def fmax_mhz(self) -> dict[str, float]:
        """Slowest, middle and fastest of the seeds."""
        each = [one.timing.fmax_mhz for one in self.placed]
        return {"min": min(each), "median": median(each), "max": max(each)}

    @property
    def timing_met(self) -> bool:
        """Whether the bitstream's seed runs at its clock."""
        return self.best.timing.met

    def report(self, plan: Plan) -> dict:
        """Return what is known of the build, as JSON values (samples/s are added by the verb)."""
        board = self.design.board
        return {
            "board": board.name,
            "device": f"{board.device.name}-{board.package}"
                      + (f"-{board.speed}" if board.speed else ""),
            "config": plan.config.name,
            "config_hash": f"{hardware_hash(plan):08x}",
            "lanes": plan.lanes,
            "clock_mhz": self.design.mhz,
            "timing_met": self.timing_met,
            "fmax_mhz": self.fmax_mhz,
            "seeds": {one.seed: one.timing.fmax_mhz for one in self.placed},
            "seed": self.best.seed,
            "resources": {name: {"used": row.used, "available": row.available}
                          for name, row in self.usage.items()},
            "worst_path": self.best.timing.worst_path,
            "baud": self.design.baud,
            "bitstream_bytes": len(self.bitstream),
            "bitstream_sha256": hashlib.sha256(self.bitstream).hexdigest(),
            "versions": self.versions,
        }


def build_bitstream(plan: Plan, board: Board, *, seeds: Sequence[int] = (1,),
                    mhz: float | None = None, baud: int | None = None, jobs: int = 1,
                    on_step: Callable[[str], None] = lambda text: None) -> BuildResult:
    """Build ``plan`` for ``board``.

    Synthesis and every placement are kept in the cache, so the same design is not made twice.

    Parameters
    ----------
    seeds : sequence of int
        Of place and route; the bitstream is that of the fastest.
    mhz, baud : optional
        Clock and rate of the serial line; by default the board's.
    jobs : int
        Placements at a time.
    on_step : callable
        Called with what begins or has ended.

    Raises
    ------
    UserError
        The design does not fit, or the PLL cannot make the clock.
    ToolError
        A program is missing or fails.
    """
    device = board.device
    design = board_design(plan, board, mhz=mhz, baud=baud)
    on_step(f"synthesis for {device.name}")
    netlist = synthesise(design.rtlil, top=TOP, device=device)
    over, saved = _missing_blocks(board, netlist), {}
    for name, words in _REPLACED[device.family].items():
        if name in over:
            used, most = over[name]
            on_step(f"{used} {RESOURCES[name][0]} of {most}: synthesis again, {words}")
            saved[f"save_{name}"] = used - most
            netlist = synthesise(design.rtlil, top=TOP, device=device, **saved)
            over = _missing_blocks(board, netlist)
    if over:
        raise _does_not_fit(plan, board, over)
    on_step(f"place and route at {design.mhz:g} MHz, {len(seeds)} "
            f"seed{'s' * (len(seeds) > 1)}")
    try:
        placed = place_seeds(design, netlist, seeds, jobs=jobs, on_done=lambda one: on_step(
            f"seed {one.seed}: {one.timing.fmax_mhz:.1f} MHz"))
    except FitError as error:
        raise _does_not_fit(plan, board, {
            _common(name, device.family): pair for name, pair in error.used.items()}) from None
    best = max(placed, key=lambda one: one.timing.fmax_mhz)
    bitstream = pack(device.family, best.folder / "routed.txt", board.pack)
    packer = find_program({"ice40": "icepack", "ecp5": "ecppack"}[device.family])
    return BuildResult(
        design=design, placed=placed, best=best, bitstream=bitstream,
        usage=_usage(best, netlist, board),
        versions={"yosys": yosys_version(), "nextpnr": nextpnr_version(device),
                  "packer": packer.version})


def _usage(best: Placed, netlist: Netlist, board: Board) -> dict[str, Usage]:
    """Add flip-flops, which nextpnr does not count on an iCE40: each logic cell has one."""
    usage = dict(best.usage)
    if board.device.family == "ice40":
        used = sum(count for cell, count in netlist.cells.items() if cell.startswith("SB_DFF"))
        usage["ff"] = Usage(used=used, available=usage["lut"].available)
    return {name: usage[name] for name in RESOURCES if name in usage}


def _missing_blocks(board: Board, netlist: Netlist) -> dict[str, tuple[int, int]]:
    """Find memories and multipliers that run out, before nextpnr spends minutes on it."""
    device, over = board.device, {}
    for name, cells in _CELLS[device.family].items():
        used, most = sum(netlist.cells.get(cell, 0) for cell in cells), device.capacity.get(name, 0)
        if used > most:
            over[name] = used, most
    return over


def _common(native: str, family: str) -> str:
    names = (name for name, (_, table) in RESOURCES.items() if table.get(family) == native)
    return next(names, native)


def _does_not_fit(plan: Plan, board: Board, over: dict[str, tuple[int, int]]) -> UserError:
    needs = " and ".join(f"{used} {RESOURCES[name][0] if name in RESOURCES else name} of {most}"
                         for name, (used, most) in over.items())
    advice = next((_ADVICE[name] for name in over if name in _ADVICE), "a larger board")
    return UserError(f"{plan.config.name} with {plan.lanes} lanes does not fit {board.name} "
                     f"({board.device.name}): it takes {needs}; try {advice}")
