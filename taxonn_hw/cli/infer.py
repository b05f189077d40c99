"""``taxonn infer``."""

from pathlib import Path

import click
import numpy as np

from ..errors import UserError
from .common import config_options, console, emit, note

__all__ = ["infer"]

DEVICES = ("golden", "sim")


@click.command()
@config_options
@click.option("--weights", type=click.Path(path_type=Path), required=True, metavar="W.npz",
              help="Weights that train or golden saved.")
@click.option("--device", default="golden", show_default=True, metavar="golden|sim",
              help="The numpy model, or the generated Verilog in simulation; they agree.")
def infer(request, weights, device):
    """Classify the test set with saved weights."""
    from ..data import quantize_dataset
    from ..engines import engine_of
    from ..golden.train import accuracy, predict
    from ..host.simulation import open_simulation
    from ..weights_file import load_weights

    if device not in DEVICES:
        raise UserError(f"--device must be {' or '.join(DEVICES)}, not {device!r}")
    network = request.network()
    parameters = load_weights(weights, network)
    codes = quantize_dataset(network, request.dataset(network))
    chosen = np.arange(request.samples or len(codes.x_test)) % len(codes.x_test)
    x, labels = codes.x_test[chosen], codes.y_test[chosen]
    if device == "golden":
        outputs = engine_of(network).part("golden")(network, parameters).infer(x)
    else:
        note("generating and compiling the hardware")
        with open_simulation(network) as accelerator:
            accelerator.load(parameters)
            outputs = accelerator.infer(x)
    one = network.output.formats.a.one
    score = accuracy(outputs, labels, one, last=network.last_wins)
    emit(request.as_json, {
        "test_accuracy": score, "samples": len(x), "device": device,
        "predictions": predict(outputs, one, last=network.last_wins).tolist()},
        lambda: console().print(f"test accuracy {score:.2f} % over {len(x)} samples ({device})"))
