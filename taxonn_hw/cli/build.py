"""``taxonn build``."""

import os
from pathlib import Path

import click

from ..errors import UserError
from .common import config_options, console, emit, note, progress

__all__ = ["build"]

_SAMPLES = 100  # enough for clocks and bytes per sample


@click.command()
@config_options
@click.option("--board", "board_name", required=True, metavar="B",
              help="Board, such as icebreaker or ulx3s-25f; a wrong name lists them all.")
@click.option("--seeds", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N",
              help="Place and route N times; the bitstream is the fastest.")
@click.option("--freq", type=float, metavar="MHZ", help="Clock. Default: what suits the board.")
@click.option("--baud", type=click.IntRange(min=300), metavar="N",
              help="Rate of the serial line. Default: the board's.")
@click.option("-o", "--out", "out_dir", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder to write to. Default: out/CONFIG-BOARD.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N",
              help="Placements at a time. Default: one for each processor.")
@click.option("--allow-timing-failure", is_flag=True,
              help="Write the bitstream even when it misses its clock.")
def build(request, board_name, seeds, freq, baud, out_dir, jobs, allow_timing_failure):
    """Make a bitstream: synthesis, place and route, utilisation and timing.

    Writes the bitstream, report.json and placement.png. Nothing is written, and the exit status
    is 1, when the design misses its clock.
    """
    from ..bitstream.build import build_bitstream
    from ..bitstream.files import bitstream_path, check_folder, default_folder, write_build
    from ..boards import load_board
    from ..report.placement import placement_picture
    from ..report.resource_table import resource_table

    board = load_board(board_name)
    if freq is not None and not 0 < freq < 10_000:
        raise UserError(f"--freq must be above 0 MHz, not {freq:g}")
    plan = request.network()
    folder = out_dir or default_folder(plan, board)
    check_folder(folder)  # now, not after minutes
    result = build_bitstream(plan, board, seeds=range(1, seeds + 1), mhz=freq, baud=baud,
                             jobs=jobs or os.cpu_count() or 1, on_step=note)
    written = result.timing_met or allow_timing_failure
    path = bitstream_path(plan, board, folder) if written else None
    report = result.report(plan) | _rates(request, plan, result)
    report["bitstream"] = None if path is None else str(path)
    if written:
        picture = placement_picture(result.best.cells, title=(
            f"{plan.config.name} on {board.title}, {report['device']}, {plan.lanes} lanes, "
            f"{result.best.timing.fmax_mhz:.1f} MHz"))
        write_build(path, bitstream=result.bitstream, picture=picture, report=report)

    def text():
        out = console()
        out.print(f"{plan.config.name} on {board.title} ({report['device']}), "
                  f"{plan.lanes} lanes", markup=False)
        out.print(resource_table(report))
        if written:
            out.print(f"{path} ({report['bitstream_bytes']} bytes)", markup=False)
        if not result.timing_met:
            out.print(_advice(result, allow_timing_failure))

    emit(request.as_json, report, text)
    return 0 if written else 1


def _rates(request, plan, result) -> dict:
    """Return clocks and bytes of a sample, and the rates that follow."""
    from ..bitstream.rates import line_bytes, line_rate, resident_facts
    from ..golden.first_samples import run_first_samples

    dataset, data = _dataset(request, plan)
    with progress("tracing samples") as update:
        first = run_first_samples(plan, dataset, len(dataset.x_train), update)
    clocks = first.prediction.clocks_per_sample
    size = line_bytes(plan, first.x, first.target)
    return {
        "data": data, "clocks_per_sample": clocks,
        "samples_per_s": result.fmax_mhz["median"] * 1e6 / clocks,
        "samples_per_s_at_clock": result.design.mhz * 1e6 / clocks,
        "bytes_per_sample": size, "samples_per_s_link": line_rate(size, result.design.baud),
        **resident_facts(plan, first.x, first.target, result.design.baud)}


def _dataset(request, plan):
    """Return a data set and its name; a made-up one where the named one is not there."""
    from ..data import load_or_random

    return load_or_random(plan, data=request.data, samples=request.samples or _SAMPLES,
                          say=lambda why: note(f"taxonn: {why}; rates are for random data instead"))


def _advice(result, allowed: bool) -> str:
    slower = 0.95 * result.fmax_mhz["max"]
    what = "the bitstream is written all the same" if allowed else "nothing was written"
    return (f"FAIL: fmax {result.fmax_mhz['max']:.1f} MHz is below the clock of "
            f"{result.design.mhz:.4g} MHz, {what}: try --freq {slower:.3g}, or more --seeds")
