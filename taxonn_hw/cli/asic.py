"""``taxonn asic``."""

from pathlib import Path

import click

from .common import config_options, console, emit, note

__all__ = ["asic"]

_SAMPLES = 3  # a run on cells takes seconds a sample


@click.command()
@config_options
@click.option("--liberty", required=True, type=click.Path(path_type=Path), metavar="FILE",
              help="Library of standard cells in liberty format, .lib or .lib.gz.")
@click.option("--freq", type=click.FloatRange(0, min_open=True), default=100.0,
              show_default=True, metavar="MHZ", help="Clock of the figures of power.")
@click.option("--no-power", is_flag=True, help="Areas only.")
def asic(request, liberty, freq, no_power):
    """Cell area by unit, and power, of inference only, with training, and plain references.

    The references have separate multipliers for forward, backward and update: at 16 bit, and at
    the width of CONFIG. Memories are left out. Power needs OpenSTA; it is that of a run of real
    samples (--samples, 3 by default) on the mapped cells, whose results are checked.
    """
    from ..asic.compare import compare
    from ..asic.liberty import read_liberty
    from ..asic.variants import make_variants
    from ..data import load_or_random

    variants = make_variants(request.config)  # refuses what cannot be compared, before all else
    library, samples = read_liberty(liberty), request.samples or _SAMPLES
    dataset, data = load_or_random(  # inputs and outputs of all variants are as many
        variants["training"].plan, data=request.data, samples=samples,
        say=lambda why: note(f"taxonn: {why}; using random data instead"))
    report = compare(request.config, library, dataset, samples=samples, mhz=freq,
                     power=not no_power, on_step=note)
    report["data"] = data
    emit(request.as_json, report, lambda: _print(report))
    return 0 if all(v.get("matches_golden", True) for v in report["variants"].values()) else 1


def _print(report: dict) -> None:
    from rich.table import Table

    out, variants = console(), report["variants"]
    out.print(f"{report['name']}, {report['lanes']} lanes, on {report['library']}, without "
              f"memories: area in um2", markup=False)
    units = list(dict.fromkeys(unit for v in variants.values() for unit in v["units"]))
    table = Table("unit", *variants, box=None, pad_edge=False)
    for unit in units:
        table.add_row(unit, *(_number(v["units"].get(unit)) for v in variants.values()))
    table.add_row("all", *(_number(v["area_um2"]) for v in variants.values()))
    table.add_row("operand bits", *(str(v["bits"]) for v in variants.values()))
    table.add_row("forward clocks a sample",
                  *(f"{v['forward_clocks_per_sample']:.1f}" for v in variants.values()))
    if not report["power_note"]:
        table.add_row(f"power, mW at {report['clock_mhz']:g} MHz",
                      *(f"{v['power_mw']:.3f}" for v in variants.values()))
        table.add_row("as golden", *("yes" if v["matches_golden"] else "NO"
                                     for v in variants.values()))
    out.print(table)
    out.print("inference_narrow, with weights and biases stored as wide as operands: "
              f"{report['inference_narrow']['area_um2']:.0f} um2", markup=False)
    for what, ratios in (("area", report["ratios"]), ("power", report["power_ratios"])):
        for name, ratio in ratios.items():
            if ratio is not None:
                out.print(f"{what} of {name.replace('/', ' / ')}: {ratio:.2f}", markup=False)
    out.print(f"not counted: {report['excluded']}", markup=False)
    if report["power_note"]:
        out.print(report["power_note"], markup=False)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
