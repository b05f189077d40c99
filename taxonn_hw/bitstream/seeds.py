"""Place and route from several seeds, each result kept between runs."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from ..flow.cache import cached, digest
from ..flow.nextpnr import cells_file, nextpnr_version, place_and_route, place_options
from ..flow.pnr_report import Timing, Usage, read_timing, read_usage
from .constraints import constraints
from .design import BoardDesign
from .synthesis import Netlist

__all__ = ["Placed", "place_seeds"]


@dataclass(frozen=True, kw_only=True)
class Placed:
    """One placed and routed design; ``folder`` holds nextpnr's files."""

    seed: int
    folder: Path
    timing: Timing
    usage: dict[str, Usage]

    @property
    def cells(self) -> list[tuple[str, str, int, int]]:
        """Name, type, column and row of every cell."""
        return cells_file(self.folder / "cells.json.gz")


def place_seeds(design: BoardDesign, netlist: Netlist, seeds: Sequence[int], *, jobs: int = 1,
                on_done: Callable[[Placed], None] | None = None) -> list[Placed]:
    """Place and route ``netlist`` once for each seed, ``jobs`` at a time; sorted by seed.

    Raises
    ------
    FitError
        The design is larger than the device.
    ToolError
        nextpnr failed.
    """
    placed, stop = [], Event()
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(_place, design, netlist, seed, stop) for seed in seeds]
        try:
            for future in as_completed(futures):
                placed.append(future.result())
                if on_done is not None:
                    on_done(placed[-1])
        except BaseException:  # also an interrupt: the others must not go on for minutes
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return sorted(placed, key=lambda one: one.seed)


def _place(design: BoardDesign, netlist: Netlist, seed: int, stop: Event) -> Placed:
    board = design.board
    text = constraints(board.device.family, design.pins, float(design.clock.input_mhz))
    key = digest(netlist.key, text, board.device.name, board.package, str(board.speed),
                 f"{design.mhz:.6f}", str(seed), nextpnr_version(board.device),
                 *place_options(board.device, design.timing_weight))
    folder = cached("placed", key, lambda out: place_and_route(
        board.device, package=board.package, speed=board.speed, netlist=netlist.path,
        constraints=text, mhz=design.mhz, seed=seed, out=out,
        timing_weight=design.timing_weight, stop=stop))
    report = json.loads((folder / "report.json").read_text())
    return Placed(seed=seed, folder=folder, timing=read_timing(report, design.mhz),
                  usage=read_usage(report, board.device.family))
