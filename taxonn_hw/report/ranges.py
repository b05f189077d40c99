"""Picture of a range profile: what every signal of every layer was, and what its format holds."""

import io
from math import log2
from pathlib import Path

from ..files import write_file
from ..fixed import Format, parse_format

__all__ = ["format_span", "range_picture"]

_INK, _FAINT, _BOX, _OPERAND = "#1f2933", "#d9dee4", "#cfd8e3", "#8fa6bf"
_SEEN, _OUTSIDE = "#2b6cb0", "#dd6b20"


def format_span(fmt: Format) -> tuple[float, float]:
    """Return log2 of the smallest and of the largest magnitude that ``fmt`` holds."""
    return float(-fmt.frac), log2(max(fmt.hi, -fmt.lo)) - fmt.frac


def range_picture(path: Path, profile: dict, *, signals: tuple[str, ...]) -> None:
    """Draw ``profile`` (:meth:`taxonn_hw.golden.profile.RangeProfile.facts`) to the PNG ``path``.

    A panel a signal: over the layers, the distribution of log2 |value| in front of a box from the
    smallest to the largest magnitude of the format; in the panel of weights the inner box is the
    operand.  Values beyond the largest magnitude are orange.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    layers = profile["layers"]
    figure = Figure(figsize=(4.2 * 3, 7.4), dpi=130, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(2, 3).ravel()
    for axes, name in zip(grid, signals, strict=True):
        shown = [layer for layer in layers if name in layer["signals"]]
        for place, layer in enumerate(shown):
            _draw(axes, place, layer["signals"][name],
                  layer["operand"] if name == "weight" else None)
        axes.set_xticks(range(len(shown)), [
            f"{layer['index']}: {layer['label']}\n{layer['signals'][name]['format']}"
            for layer in shown])
        axes.set_xlim(-0.6, len(shown) - 0.4)
        axes.set_title(name, loc="left", color=_INK, fontsize=11, fontweight="bold")
        axes.set_ylabel("log2 |value|", color=_INK)
        axes.grid(axis="y", color=_FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(colors=_INK, length=0, labelsize=8)
        for side in ("top", "right", "left", "bottom"):
            axes.spines[side].set_visible(False)
    figure.suptitle(f"{profile['name']}: ranges over {profile['samples']} training samples, "
                    "against what the formats hold (boxes)", x=0.01, ha="left", fontsize=13,
                    fontweight="bold", color=_INK)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    write_file(Path(path), buffer.getvalue())


def _draw(axes, place: int, seen: dict, operand: str | None) -> None:
    """Draw one signal of one layer at ``place``."""
    low, high = format_span(parse_format(seen["format"]))
    axes.bar(place, high - low, bottom=low, width=0.9, color=_BOX, zorder=1)
    if operand is not None:
        inner_low, inner_high = format_span(parse_format(operand))
        axes.bar(place, inner_high - inner_low, bottom=inner_low, width=0.9, color=_OPERAND,
                 alpha=0.5, zorder=2)
    counts = {int(exponent): share for exponent, share in seen["log2"].items()}
    most = max(counts.values(), default=1.0)
    for exponent, share in counts.items():
        axes.bar(place, 1, bottom=exponent, width=max(0.8 * share / most, 0.02), zorder=3,
                 color=_OUTSIDE if exponent >= high else _SEEN)
    largest = max(-seen["min"], seen["max"])
    if largest > 0:
        axes.plot([place - 0.42, place + 0.42], [log2(largest)] * 2, color=_INK, linewidth=1,
                  zorder=4)
    text = f"{100 * seen['saturated']:.2g} % out" if seen["saturated"] else ""
    axes.annotate(text, (place, max([high, *(exponent + 1 for exponent in counts)])),
                  textcoords="offset points", xytext=(0, 2), ha="center", fontsize=7,
                  color=_OUTSIDE)
