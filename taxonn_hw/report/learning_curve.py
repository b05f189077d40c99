"""Test accuracy over epochs: float, golden model and hardware in one picture."""

import io
from pathlib import Path

from ..files import write_file

__all__ = ["learning_curve"]

_INK, _FAINT = "#1f2933", "#d9dee4"
_FLOAT, _GOLDEN, _HARDWARE = "#9aa5b1", "#2b6cb0", "#dd6b20"


def learning_curve(path: Path, *, title: str, subtitle: str, golden: list[float],
                   hardware: list[float], reference: list[float] | None = None) -> None:
    """Draw the test accuracies (percent, an entry an epoch) to the PNG ``path``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(8, 4.6), dpi=150, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    epochs = range(1, len(golden) + 1)
    curves = [(golden, "golden model, bit-exact integers", dict(
                  color=_GOLDEN, linewidth=5, alpha=0.45, solid_capstyle="round")),
              (hardware, "generated Verilog in simulation", dict(
                  color=_HARDWARE, linewidth=1.6, marker="o", markersize=5))]
    if reference is not None:
        curves.insert(0, (reference, "float reference", dict(
            color=_FLOAT, linewidth=2, linestyle=(0, (4, 2)))))
    for values, label, style in curves:
        axes.plot(epochs, values, label=f"{label}: {values[-1]:.1f} %", **style)
    lowest = min(min(values) for values, _, _ in curves)
    axes.set_ylim(max(0, lowest - 0.15 * (100 - lowest) - 0.5), 100)
    axes.set_xlim(0.8, len(golden) + 0.2)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch (passes over the training samples)", color=_INK)
    axes.set_ylabel("test accuracy (%)", color=_INK)
    axes.grid(axis="y", color=_FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_FAINT)
    axes.tick_params(colors=_INK, length=0)
    axes.legend(loc="lower right", frameon=False, labelcolor=_INK)
    axes.set_title(subtitle, loc="left", fontsize=10, color="#52606d")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold", color=_INK)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    write_file(Path(path), buffer.getvalue())
