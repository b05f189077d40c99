"""Place and route with nextpnr."""

import gzip
import json
import os
import re
from pathlib import Path
from threading import Event

from ..boards.devices import Device
from .errors import ToolError
from .nextpnr_tools import find_program
from .process import error_lines, run_tool

__all__ = ["FitError", "cells_file", "nextpnr_version", "place_and_route", "place_options",
           "used_resources"]

#: Options of the router by family.  The second router of ECP5 takes half the time, but sends some
#: nets of a full LFE5U-85F on detours of 20 ns (36 MHz where the first reached 66).  With
#: --tmg-ripup a half-full LFE5U-45F gained 4 % of clock, but an LFE5U-85F took hours.
_ROUTER = {"ice40": [], "ecp5": ["--router", "router1"]}
_ROW = re.compile(r"Info:\s+(\w+):\s*(\d+)/\s*(\d+)\s+\d+%")


class FitError(RuntimeError):
    """The design needs more of the device than there is.

    ``used`` maps the device's own names of its resources to (used, available).
    """

    def __init__(self, used: dict[str, tuple[int, int]]) -> None:
        self.used = used
        super().__init__(", ".join(f"{name} {n} of {most}" for name, (n, most) in used.items()))


def nextpnr_version(device: Device) -> str:
    """Return the version of the nextpnr for ``device``."""
    return find_program(f"nextpnr-{device.family}").version


def place_options(device: Device, timing_weight: int | None = None) -> list[str]:
    """Return nextpnr's options for ``device``.

    timing_weight : what the placer gives for time rather than wires; nextpnr's own is 10.
    """
    weight = [] if timing_weight is None else ["--placer-heap-timingweight", str(timing_weight)]
    return _ROUTER[device.family] + weight


def place_and_route(device: Device, *, package: str, speed: str | None, netlist: Path,
                    constraints: str, mhz: float, seed: int, out: Path,
                    timing_weight: int | None = None, timeout_s: float = 4 * 3600,
                    stop: Event | None = None) -> None:
    """Place and route ``netlist`` into the folder ``out``.

    ``out`` gets ``routed.txt`` (for the packer), ``report.json`` (nextpnr's), ``cells.json.gz``
    (see :func:`cells_file`) and ``nextpnr.log``.

    Parameters
    ----------
    netlist : Path
        Yosys' JSON.
    constraints : str
        PCF (iCE40) or LPF (ECP5).
    mhz : float
        Clock to aim at; a design that misses it is still a result, the report says so.
    seed : int
        Of the placer.
    timing_weight : int, optional
        See :func:`place_options`.
    stop : Event, optional
        Ends the run when set, from another thread.

    Raises
    ------
    FitError
        The design is larger than the device.
    ToolError
        nextpnr failed otherwise or took too long.
    """
    ice40 = device.family == "ice40"
    kind = "pcf" if ice40 else "lpf"
    (out / f"pins.{kind}").write_text(constraints)
    options = [device.option, "--package", package.lower() if ice40 else package]
    if speed is not None:
        options += ["--speed", speed]
    options += place_options(device, timing_weight)
    try:
        status, printed = run_tool([
            *find_program(f"nextpnr-{device.family}").command, *options,
            "--json", os.path.relpath(netlist, out), f"--{kind}", f"pins.{kind}",
            "--asc" if ice40 else "--textcfg", "routed.txt", "--report", "report.json",
            "--write", "placed.json", "--log", "nextpnr.log", "--quiet",
            "--seed", str(seed), "--freq", f"{mhz:.6f}", "--timing-allow-fail",
        ], cwd=out, timeout_s=timeout_s, check=False, stop=stop)
        log = (out / "nextpnr.log").read_text() if (out / "nextpnr.log").exists() else printed
        if status:
            full = {name: row for name, row in used_resources(log).items() if row[0] > row[1]}
            if full:
                raise FitError(full)
            if status < 0:
                raise ToolError(f"nextpnr-{device.family} was killed by signal {-status}")
            raise ToolError(f"nextpnr-{device.family} failed (exit status {status})\n"
                            f"{_errors(log)}")
        cells = _cells(out / "placed.json")
        (out / "cells.json.gz").write_bytes(gzip.compress(json.dumps(cells).encode(), mtime=0))
    finally:
        (out / "placed.json").unlink(missing_ok=True)  # a hundred megabytes on a large device


def cells_file(path: Path) -> list[tuple[str, str, int, int]]:
    """Return the placed cells of ``cells.json.gz``: name, type, column, row."""
    return [tuple(cell) for cell in json.loads(gzip.decompress(path.read_bytes()))]


def used_resources(log: str) -> dict[str, tuple[int, int]]:
    """Return used and available by the device's own names, from a log of nextpnr."""
    _, _, table = log.partition("Device utilisation:")
    return {name: (int(used), int(most)) for name, used, most in _ROW.findall(table)}


def _errors(log: str) -> str:
    lines = [line for line in log.splitlines() if line.startswith("ERROR:")]
    return "\n".join(lines[:2]) or error_lines(log, limit=2)


def _cells(placed: Path) -> list[tuple[str, str, int, int]]:
    (module,) = (m for m in json.loads(placed.read_text())["modules"].values() if m["cells"])
    found = []
    for name, cell in module["cells"].items():
        place = re.match(r"X(\d+)/Y(\d+)/", cell["attributes"].get("NEXTPNR_BEL", ""))
        if place is not None:
            found.append((name, cell["type"], int(place[1]), int(place[2])))
    return found
