"""``taxonn golden``."""

from dataclasses import asdict
from pathlib import Path

import click

from .common import config_options, console, emit, progress

__all__ = ["golden"]


@click.command()
@config_options
@click.option("--epochs", type=click.IntRange(min=1), help="Default: what CONFIG says.")
@click.option("--float", "with_float", is_flag=True, help="Train the float reference beside it.")
@click.option("--save", type=click.Path(path_type=Path), help="Write the weights (npz).")
def golden(request, epochs, with_float, save):
    """Train the bit-exact numpy model."""
    from ..golden.train import train_golden
    from ..weights_file import save_weights

    network = request.network()
    dataset = request.dataset(network)
    epochs = epochs or request.config.epochs
    with progress("training golden") as update:
        result = train_golden(network, dataset, epochs=epochs, progress=update,
                              with_float=with_float)
    if save is not None:
        save_weights(save, network, result.parameters)
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
        out = console()
        out.print(table)
        out.print(f"{result.samples} samples, {result.samples_per_s:.0f} samples/s")

    emit(request.as_json, {
        "test_accuracy": result.test_accuracy,
        "recent_accuracy": result.history[-1].recent_accuracy,
        "float_accuracy": result.float_accuracy,
        "samples_per_s": result.samples_per_s, "samples": result.samples, "epochs": epochs,
        "history": history}, text)
