"""``taxonn generate``."""

from pathlib import Path

import click

from .common import config_options, console, emit

__all__ = ["generate"]


@click.command()
@config_options
@click.option("-o", "--out", "out_dir", type=click.Path(path_type=Path), required=True,
              metavar="DIR", help="Folder to write to; made where it is missing.")
@click.option("--target", default="generic", show_default=True, metavar="generic|ice40|ecp5",
              help="What the Verilog is for.")
def generate(request, out_dir, target):
    """Write Verilog, JSON sidecar, C header and FuseSoC core."""
    from ..export import generate as write

    result = write(request.network(), out_dir, target=target)
    files = {"verilog": result.verilog, "sidecar": result.sidecar, "header": result.header,
             "core": result.core}

    def text():
        for path in files.values():
            console().print(str(path))

    emit(request.as_json, {**{key: str(path) for key, path in files.items()},
                           "sha256": result.sha256}, text)
