"""Picture of a sample's schedule: which unit is busy when, and where clocks are lost."""

import io
from pathlib import Path

from ..files import write_file
from ..plan.schedule import SampleSchedule

__all__ = ["schedule_picture"]

_INK, _FAINT, _GREY, _LOST = "#1f2933", "#d9dee4", "#9aa5b1", "#dd6b20"
_LAYERS = ("#2b6cb0", "#2f855a", "#805ad5", "#b7791f", "#c53030", "#319795")
#: Rows of the time line, from above.
_ROWS = ("loader", "array: forward", "array: backward", "array: update", "results under way")


def schedule_picture(path: Path, schedule: SampleSchedule, *, title: str, subtitle: str) -> None:
    """Draw ``schedule`` to the PNG ``path``.

    Above, units over clocks; the colour is the layer.  A bar of an array row is as high as the
    share of its clocks that multiply; *results under way* lasts from the last slot of a pass to the
    clock in which its results can be read.  Below, for every pass, the clocks that multiply, and
    those that do not, before it (waiting for results) or within it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    n = len(schedule.passes)
    figure = Figure(figsize=(11, 3.2 + 1.2 + 0.22 * n), dpi=130, facecolor="white",
                    layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, height_ratios=[3.2, 0.8 + 0.22 * n])
    _time_line(above, schedule)
    _passes(below, schedule)
    for axes in (above, below):
        axes.tick_params(colors=_INK, length=0, labelsize=8)
        for side in ("top", "right", "left", "bottom"):
            axes.spines[side].set_visible(False)
        axes.grid(axis="x", color=_FAINT, linewidth=0.7)
        axes.set_axisbelow(True)
    above.set_title(subtitle, loc="left", fontsize=9, color="#52606d")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold", color=_INK)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    write_file(Path(path), buffer.getvalue())


def _colour(layer: int) -> str:
    return _LAYERS[(layer - 1) % len(_LAYERS)]


def _time_line(axes, schedule: SampleSchedule) -> None:
    place = {name: len(_ROWS) - 1 - k for k, name in enumerate(_ROWS)}
    for one in schedule.loads:
        first, last = max(one.first, 0), min(one.last, schedule.clocks - 1)
        axes.barh(place["loader"], last - first + 1, left=first, height=0.7, color=_GREY)
    for p in schedule.passes:
        clocks, y, colour = p.last - p.first + 1, place[f"array: {p.element}"], _colour(p.layer)
        axes.barh(y, clocks, left=p.first, height=0.8, color=colour, alpha=0.25)
        axes.barh(y - 0.4 + 0.4 * p.slots / clocks, clocks, left=p.first,
                  height=0.8 * p.slots / clocks, color=colour)
        if clocks > 0.03 * schedule.clocks:
            axes.text(p.first + clocks / 2, y, f"{p.layer}", ha="center", va="center",
                      color="white", fontsize=9, fontweight="bold")
        if p.stored is not None:
            axes.barh(place["results under way"], p.stored - p.last, left=p.last, height=0.7,
                      color=colour)
    axes.set_yticks(list(place.values()), list(place))
    axes.set_ylim(-0.6, len(_ROWS) - 0.4)
    axes.set_xlim(0, schedule.clocks)
    axes.set_xlabel("clock of the sample (numbers in bars: layers)", color=_INK, fontsize=8)


def _passes(axes, schedule: SampleSchedule) -> None:
    waits = schedule.waits()
    for k, p in enumerate(schedule.passes):
        lost = p.last - p.first + 1 - p.slots
        axes.barh(k, p.slots, height=0.75, color=_colour(p.layer))
        axes.barh(k, waits[k] + lost, left=p.slots, height=0.75, color=_LOST)
        text = f" {p.slots} multiply"
        if waits[k] + lost:
            text += f"; lost: {waits[k]} before, {lost} within"
        axes.text(p.slots + waits[k] + lost, k, text, va="center", fontsize=8, color=_INK)
    names = [f"{p.number}: layer {p.layer} {p.element}" for p in schedule.passes]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, 1.45 * max(p.last - p.first + 1 + wait for p, wait in zip(
        schedule.passes, waits, strict=False)))
    axes.set_xlabel("clocks", color=_INK, fontsize=8)
