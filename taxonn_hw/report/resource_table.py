"""Utilisation and timing of a build as a table for the terminal."""

from rich.console import Group
from rich.table import Table

from ..flow.pnr_report import RESOURCES

__all__ = ["resource_table"]


def resource_table(report: dict) -> Group:
    """Return the tables of a build's ``report``: resources, then clocks and rates."""
    used = Table("resource", box=None, pad_edge=False)
    for heading in ("used", "available", "share"):
        used.add_column(heading, justify="right")
    for name, row in report["resources"].items():
        used.add_row(RESOURCES[name][0], f"{row['used']}", f"{row['available']}",
                     f"{100 * row['used'] / row['available']:.0f} %")
    fmax = report["fmax_mhz"]
    seeds = len(report["seeds"])
    text = Table(box=None, pad_edge=False, show_header=False)
    text.add_row("clock", f"{report['clock_mhz']:.4g} MHz, timing "
                          f"{'met' if report['timing_met'] else 'NOT MET'}")
    text.add_row("fmax", f"{fmax['min']:.1f} / {fmax['median']:.1f} / {fmax['max']:.1f} MHz "
                         f"(min / median / max of {seeds} seed{'s' * (seeds > 1)})")
    text.add_row("worst path", report["worst_path"])
    if report.get("samples_per_s") is not None:
        text.add_row("rate", f"{report['samples_per_s']:.0f} samples/s at the median fmax, "
                             f"{report['clocks_per_sample']:.1f} clocks each")
        text.add_row("over the line", f"{report['samples_per_s_link']:.0f} samples/s at "
                                      f"{report['baud']} baud")
    if report.get("resident_words"):
        text.add_row("resident", f"about {report['resident_samples']} samples; the line asks for "
                                 f"{report['samples_per_s_link_resident']:.0f} a second")
    return Group(used, "", text)
