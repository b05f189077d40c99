"""``taxonn explore``."""

from pathlib import Path
from statistics import mean

import click

from .common import config_options, console, emit, progress

__all__ = ["explore"]


@click.command()
@config_options
@click.option("--loss", type=float, default=0.5, show_default=True, metavar="POINTS",
              help="What golden may lose to float, on training samples that are held out.")
@click.option("--epochs", type=click.IntRange(min=1), help="Default: what CONFIG says.")
@click.option("--seeds", type=click.IntRange(1, 99), default=1, show_default=True,
              help="Trainings of every candidate.")
@click.option("-o", "--out", type=click.Path(path_type=Path),
              help="The configuration with what was found. Default: NAME-explored.toml.")
def explore(request, loss, epochs, seeds, out):
    """Search the smallest formats of every layer and signal for a loss."""
    import tomli_w

    from ..errors import UserError
    from ..explore.formats import search_formats
    from ..files import write_file

    out = out or Path(f"{request.config.name}-explored.toml")
    if not out.parent.is_dir():  # said now, not after the search
        raise UserError(f"there is no folder {str(out.parent)!r} to write {out.name!r} into")
    dataset = request.dataset(request.network())
    with progress("searching formats", "trainings") as update:
        found = search_formats(request.config, dataset, loss=loss, seeds=seeds, progress=update,
                               epochs=epochs or request.config.epochs)
    values = found.config.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    write_file(out, f"# Formats that taxonn explore found, for a loss of {loss:g} points.\n"
               + tomli_w.dumps(values))
    rows = _rows(found)

    def text():
        from rich.table import Table

        table = Table("layer", "signal", "from", "to", "(I, F)", box=None, pad_edge=False)
        for row in rows:
            table.add_row(str(row["layer"]), row["signal"], row["from"], row["to"],
                          f"({row['integer_bits']}, {row['fraction_bits']})")
        screen = console()
        screen.print(table)
        screen.print(f"{found.trainings} trainings; loss on samples held out {found.loss:.2f}; "
                     f"test set: golden {mean(found.golden):.2f} %, float "
                     f"{mean(found.reference):.2f} % (mean of {seeds})")
        screen.print(f"wrote {out}")

    emit(request.as_json, {
        "allowed_loss": loss, "loss": found.loss, "trainings": found.trainings, "formats": rows,
        "test_accuracy": found.golden, "float_accuracy": found.reference, "config": str(out),
    }, text)


def _rows(found) -> list[dict]:
    """What has become of every signal; I counts the sign."""
    from ..explore.formats import SIGNALS

    rows = []
    for layer, (before, after) in enumerate(zip(found.before, found.after, strict=True), 1):
        for key, name in SIGNALS.items():
            old, new = getattr(before, name), getattr(after, name)
            rows.append({"layer": layer, "signal": key, "from": str(old), "to": str(new),
                         "integer_bits": new.width - new.frac, "fraction_bits": new.frac})
    return rows
