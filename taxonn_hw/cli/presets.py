"""``taxonn presets``."""

import click

from ..config import load_config
from ..presets import preset_names, preset_path
from .common import console, emit, json_option

__all__ = ["presets"]


@click.command()
@json_option
def presets(as_json):
    """List the ready-made configurations."""
    rows = [_row(name) for name in preset_names()]

    def text():
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        for column in ("preset", "engine", "layers", "bits", "lanes", "data"):
            table.add_column(column, no_wrap=True)
        table.add_column("what it is")
        for row in rows:
            shape = "-".join(map(str, row["layers"]))
            table.add_row(row["name"], row["engine"], shape, str(row["bits"]),
                          str(row["lanes"]), row["data"], row["purpose"])
        console().print(table)

    emit(as_json, {"presets": rows}, text)


def _row(name: str) -> dict:
    from ..engines import make_plan

    config = load_config(name)
    comment = []
    for line in preset_path(name).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("# "))
    purpose = " ".join(comment).split(". ")[0].split(".  ")[0].rstrip(".")
    return {"name": name, "layers": [config.inputs, *(layer.label for layer in config.layers)],
            "bits": config.bits, "lanes": make_plan(config).lanes, "engine": config.engine,
            "data": config.data, "purpose": purpose}
