"""Picture of a placed design: which unit lies where."""

import io
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

__all__ = ["UNITS", "placement_picture", "unit_names"]

#: What a cell belongs to: legend, colour, pattern of its name; the first that matches.
UNITS = (
    ("weights", "#1f77b4", r"^core\.\w*array\.weights|weights\.memory|^core\.junction.*memory"),
    ("lanes", "#ff7f0e", r"^core\.(array\.)?(lane|processor)"),
    ("adder tree, drain", "#2ca02c", r"^core\.(array\.)?(tree|drain)"),
    ("random words", "#8c564b", r"random"),
    ("vectors, lists", "#17becf", r"vectors|^core\.list_|biases"),
    ("neuron unit", "#d62728", r"^core\.neuron"),
    ("sequencer, control", "#9467bd", r"^core\.(sequencer|hazard|control|runner|junction)"),
    ("resident samples", "#98df8a", r"^core\.resident"),
    ("loader, mover", "#bcbd22", r"^core\.(loader|mover|results)"),
    ("rest of the accelerator", "#ffbb78", r"^core\."),
    ("serial link", "#e377c2", r"^link"),
    ("clock, LEDs, others", "#7f7f7f", r""),
)
_BLOCK = re.compile(r"RAM|MAC16|DP16KD|MULT18|ALU54|EHXPLL|PLL|DSP")


def unit_names(cells: Sequence[tuple[str, str, int, int]]) -> list[int]:
    """Return for each cell the index into :data:`UNITS`."""
    patterns = [re.compile(pattern) for _, _, pattern in UNITS]
    # With resident samples the engine's accelerator is a part of the core.
    names = (name.lstrip("$").replace("core.core.", "core.", 1) for name, *_ in cells)
    return [next(k for k, pattern in enumerate(patterns) if pattern.search(name))
            for name in names]


def placement_picture(cells: Sequence[tuple[str, str, int, int]], *, title: str) -> bytes:
    """Return a PNG of the device, a tile a square in the colour of the unit that fills most of it.

    Fuller tiles are darker; memories, multipliers and PLLs have a dark edge.

    Parameters
    ----------
    cells : sequence of (name, type, column, row)
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch, Rectangle

    units = unit_names(cells)
    width = max(column for _, _, column, _ in cells) + 1
    height = max(row for *_, row in cells) + 1
    tiles: dict[tuple[int, int], Counter] = {}
    blocks: dict[tuple[int, int], int] = {}
    for unit, (_, kind, column, row) in zip(units, cells, strict=True):
        tiles.setdefault((column, row), Counter())[unit] += 1
        if _BLOCK.search(kind) and "COMB" not in kind and "RAMW" not in kind:
            blocks[column, row] = unit
    fullest = max(sum(count.values()) for count in tiles.values())
    image = np.ones((height, width, 3))
    for (column, row), count in tiles.items():
        (unit, _), total = count.most_common(1)[0], sum(count.values())
        strength = 0.35 + 0.65 * min(total / fullest, 1)
        image[row, column] = 1 - strength * (1 - np.array(to_rgb(UNITS[unit][1])))
    side = 8 / max(width, height)
    figure = Figure(figsize=(width * side + 2.6, max(height * side, 3) + 0.6), dpi=120,
                    layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.imshow(image, origin="lower", interpolation="nearest", aspect="equal")
    for (column, row), unit in blocks.items():
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=UNITS[unit][1],
                                 edgecolor="black", linewidth=0.6))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title, fontsize=10)
    counts = Counter(units)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, frameon=False, handles=[
        Patch(color=colour, label=f"{label} ({100 * counts[k] / len(units):.0f} %)")
        for k, (label, colour, _) in enumerate(UNITS) if counts[k]])
    out = io.BytesIO()
    figure.savefig(out, format="png", bbox_inches="tight", metadata={"Software": None})
    return out.getvalue()
