"""``taxonn infer``."""

from pathlib import Path

import click
import numpy as np

from ..errors import UserError
from .common import config_options, console, emit, on_option
from .devices import check_device, open_named

__all__ = ["infer"]

@click.command()
@config_options
@on_option
@click.option("--weights", type=click.Path(path_type=Path), required=True, metavar="W.npz",
              help="Weights that train or golden saved.")
@click.option("--device", default="golden", show_default=True,
              metavar="golden|sim|sim-board:B|PORT",
              help="The numpy model; the generated Verilog, compiled; the whole board B in "
                   "simulation; or the board at a serial port. They agree.")
@click.option("--baud", type=click.IntRange(min=300), metavar="N",
              help="Rate of the serial line. Default: the simulated board's, or 1000000.")
def infer(request, weights, device, baud):
    """Classify the test set with saved weights."""
    from ..data import quantize_dataset
    from ..engines import engine_of
    from ..golden.train import accuracy, predict
    from ..weights_file import load_weights

    check_device(device, also=("golden",))
    if device in ("golden", "sim") and baud:
        raise UserError(f"--baud is for boards, not for --device {device}")
    network = request.network()
    parameters = load_weights(weights, network)
    codes = quantize_dataset(network, request.dataset(network))
    chosen = np.arange(request.samples or len(codes.x_test)) % len(codes.x_test)
    x, labels = codes.x_test[chosen], codes.y_test[chosen]
    if device == "golden":
        outputs = engine_of(network).part("golden")(network, parameters).infer(x)
    else:
        with open_named(device, network, clocks=len(x) * network.clocks_bound // 128,
                        baud=baud) as accelerator:
            accelerator.load(parameters)
            outputs = accelerator.infer(x)
    one = network.output.formats.a.one
    score = accuracy(outputs, labels, one, last=network.last_wins)
    emit(request.as_json, {
        "test_accuracy": score, "samples": len(x), "device": device,
        "predictions": predict(outputs, one, last=network.last_wins).tolist()},
        lambda: console().print(f"test accuracy {score:.2f} % over {len(x)} samples ({device})"))
