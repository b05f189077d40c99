"""The performance table for the terminal, and as a picture."""

import io

from rich.console import Group
from rich.table import Table

__all__ = ["performance_picture", "performance_tables"]

_NUMBERS = {"justify": "right"}


def performance_tables(result: dict) -> Group:
    """Return the tables of what ``taxonn bench`` has measured."""
    parts = [make(result[name]) for name, make in (
        ("hardware", _hardware), ("software", _software), ("simulation", _simulation))
        if result.get(name)]
    return Group(*(item for part in parts for item in (part, "")))


def _hardware(rows: list[dict]) -> Table:
    headers = ("lanes", "LUT", "FF", "RAM", "DSP", "fmax MHz (min median max)", "clocks",
               "useful MAC/clock", "samples/s", "inferences/s", "fullest")
    table = Table("design", "device", box=None, pad_edge=False)
    for header in headers:
        table.add_column(header, **_NUMBERS)
    for row in rows:
        used = row["resources"]
        cells = [used[name]["used"] if name in used else 0 for name in ("lut", "ff", "ram", "dsp")]
        fmax = row["fmax_mhz"]
        table.add_row(
            row["name"], row["device"], str(row["lanes"]), *map(str, cells),
            f"{fmax['min']:.1f} {fmax['median']:.1f} {fmax['max']:.1f}",
            f"{row['clocks_per_sample']:.1f}", f"{row['useful_macs_per_clock']:.1f}",
            f"{row['samples_per_s']:.0f}", f"{row['inferences_per_s']:.0f}",
            f"{row['limit']['resource']} {100 * row['limit']['used']:.0f} %")
    return table


def _software(rows: list[dict]) -> Table:
    table = Table("on a computer", "network", "on", box=None, pad_edge=False)
    for header in ("batch", "samples/s"):
        table.add_column(header, **_NUMBERS)
    for row in rows:
        table.add_row(row["way"], row["network"], row["device"], str(row["batch"]),
                      f"{row['samples_per_s']:.0f}")
    return table


def _simulation(rows: list[dict]) -> Table:
    table = Table("simulator", "network", box=None, pad_edge=False)
    for header in ("samples", "samples/s", "clocks/s", "mismatches"):
        table.add_column(header, **_NUMBERS)
    for row in rows:
        table.add_row(row["simulator"], row["network"], str(row["samples"]),
                      f"{row['samples_per_s']:.1f}", f"{row['clocks_per_s']:.0f}",
                      str(row["mismatches"]))
    return table


def performance_picture(result: dict) -> bytes:
    """Return a PNG: training samples a second of everything measured, on one axis."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    bars = [(f"{row['name']}: {row['config']}\n{row['device']}, {row['lanes']} lanes",
             row["samples_per_s"], "C0") for row in result.get("hardware", ())]
    bars += [(f"{row['network']}, {row['device']}\n{row['way']}, batch {row['batch']}",
              row["samples_per_s"], "C1") for row in result.get("software", ())]
    bars += [(f"{row['network']}\nRTL in {row['simulator']}", row["samples_per_s"], "0.6")
             for row in result.get("simulation", ())]
    labels, rates, colours = zip(*reversed(bars), strict=True)
    figure, axes = plt.subplots(figsize=(7.5, 1 + 0.42 * len(bars)), layout="constrained")
    drawn = axes.barh(labels, rates, color=colours)
    axes.bar_label(drawn, [f"{rate:,.0f}" for rate in rates], padding=3, fontsize=8)
    axes.set(xscale="log", xlabel="training samples per second")
    axes.set_xlim(min(rates) / 3, 10 * max(rates))  # room for the last number
    axes.tick_params(axis="y", labelsize=8)
    axes.grid(axis="x", alpha=0.3)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
    return picture.getvalue()
