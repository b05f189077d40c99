"""``taxonn golden``."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from .common import config_options, console, emit, on_option, progress

__all__ = ["golden"]


@click.command()
@config_options
@on_option
@click.option("--epochs", type=click.IntRange(min=1), help="Default: what CONFIG says.")
@click.option("--float", "with_float", is_flag=True, help="Train the float reference beside it.")
@click.option("--save", type=click.Path(path_type=Path), help="Write the weights (npz).")
@click.option("--profile", "with_profile", is_flag=True,
              help="Record the range of every signal: NAME-profile.json and .png in --out.")
@click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("."),
              help="Folder of the profile. Default: here.")
def golden(request, epochs, with_float, save, with_profile, out):
    """Train the bit-exact numpy model."""
    from ..golden.train import train_golden
    from ..weights_file import save_weights

    network = request.network()
    dataset = request.dataset(network)
    epochs = epochs or request.config.epochs
    with progress("training golden") as update:
        result = train_golden(network, dataset, epochs=epochs, progress=update,
                              with_float=with_float, with_profile=with_profile)
    if save is not None:
        save_weights(save, network, result.parameters)
    files = _write_profile(out, result.profile) if with_profile else {}
    history = [asdict(record) for record in result.history]
    for record, reference in zip(history, result.float_history or [], strict=False):
        record["float_test_accuracy"] = reference.test_accuracy

    def text():
        from rich.table import Table

        table = Table("epoch", "test %", "train %", "last 1000 %",
                      *(["float test %"] if with_float else []), box=None, pad_edge=False)
        for record in history:
            cells = [f"{record[f'{kind}_accuracy']:.2f}" for kind in ("test", "train", "recent")]
            if with_float:
                cells.append(f"{record['float_test_accuracy']:.2f}")
            table.add_row(str(record["epoch"]), *cells)
        screen = console()
        screen.print(table)
        screen.print(f"{result.samples} samples, {result.samples_per_s:.0f} samples/s")
        for file in files.values():
            screen.print(f"wrote {file}")

    emit(request.as_json, {
        "test_accuracy": result.test_accuracy,
        "recent_accuracy": result.history[-1].recent_accuracy,
        "float_accuracy": result.float_accuracy,
        "samples_per_s": result.samples_per_s, "samples": result.samples, "epochs": epochs,
        "history": history, **files}, text)


def _write_profile(folder: Path, profile: dict) -> dict[str, str]:
    """Write the profile and its picture; return their paths by key."""
    from ..files import make_folder, write_file
    from ..golden.profile import SIGNALS
    from ..report.ranges import range_picture

    folder = make_folder(folder)
    files = {"profile": folder / f"{profile['name']}-profile.json",
             "profile_picture": folder / f"{profile['name']}-profile.png"}
    write_file(files["profile"], json.dumps(profile, indent=1) + "\n")
    range_picture(files["profile_picture"], profile, signals=SIGNALS)
    return {key: str(path) for key, path in files.items()}
