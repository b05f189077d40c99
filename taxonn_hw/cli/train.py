"""``taxonn train``."""

from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from ..errors import UserError
from .common import config_options, console, emit, note, on_option, progress
from .devices import check_device, open_named

__all__ = ["train"]


@click.command()
@config_options
@on_option
@click.option("--device", default="sim", show_default=True, metavar="sim|sim-board:B|PORT",
              help="What trains: the generated Verilog, compiled; the whole board B in simulation, "
                   "behind a serial port; or the board at a serial port, such as /dev/ttyUSB1.")
@click.option("--baud", type=click.IntRange(min=300), metavar="N",
              help="Rate of the serial line. Default: the simulated board's, or 1000000.")
@click.option("--epochs", type=click.IntRange(min=1), help="Default: what CONFIG says.")
@click.option("--resident", type=click.IntRange(min=1), metavar="N",
              help="Keep the first N training samples on the chip and train on them from there; "
                   "an epoch is N samples. CONFIG says with resident how many there is room for.")
@click.option("--test", "n_test", type=click.IntRange(min=1), metavar="N",
              help="Measure test accuracy on the first N samples of the test set. Default: all.")
@click.option("--save", type=click.Path(path_type=Path), help="Write the weights (npz).")
@click.option("--checkpoint", type=click.Path(path_type=Path), metavar="FILE",
              help="Write what has been learnt now and then (npz), where a board trains.")
@click.option("--resume", is_flag=True, help="Go on from the --checkpoint FILE.")
def train(request, device, baud, epochs, resident, n_test, save, checkpoint, resume):
    """Train the hardware through the driver, and compare with the golden model.

    Test accuracy is measured by inference on the same hardware, after every epoch. A board that is
    reset or unplugged goes on from the last checkpoint when it comes back.
    """
    from ..compare import first_difference
    from ..host.checkpoint import load_checkpoint
    from ..host.training import train_on_device
    from ..weights_file import save_weights

    check_device(device)
    if device == "sim" and (baud or checkpoint or resume):
        raise UserError("--baud, --checkpoint and --resume are for boards, not for --device sim")
    if resume and checkpoint is None:
        raise UserError("--resume needs --checkpoint FILE")
    if not request.config.training:
        raise UserError("this configuration is for inference only (training = false)")
    if resident is not None and request.samples not in (None, resident):
        raise UserError(f"--samples {request.samples} and --resident {resident} differ: all "
                        "samples of an epoch are resident, or none")
    network = request.network()
    dataset = request.dataset(network, samples=resident)
    dataset = replace(dataset, x_test=dataset.x_test[:n_test], y_test=dataset.y_test[:n_test])
    if resident is not None:
        _check_resident(network, dataset)
    epochs = epochs or request.config.epochs
    clocks = epochs * len(dataset.x_train) * network.clocks_bound // 128
    before = load_checkpoint(checkpoint, network) if resume else None
    if before is not None:
        note(f"resuming after sample {before.samples}")
    with open_named(device, network, clocks=clocks, baud=baud,
                    checkpoint=checkpoint) as accelerator:
        with progress("training hardware") as update:
            result = train_on_device(
                network, dataset, accelerator, epochs=epochs, resume=before,
                resident=resident is not None, progress=update,
                on_epoch=lambda record: _report(record, epochs))
    if save is not None:
        save_weights(save, network, result.parameters)
    difference = first_difference(network, result.golden, result.parameters)
    matches = result.weights_match and result.outputs_match

    simulated = " in simulation" if device.startswith("sim") else ""
    resumed = getattr(accelerator, "resumed", 0)

    def text():
        out = console()
        out.print(f"test accuracy {result.history[-1].test_accuracy:.2f} % after {epochs} "
                  f"epoch{'s' * (epochs > 1)}, {result.samples} samples, "
                  f"{result.samples_per_s:.0f} samples/s{simulated}")
        out.print(f"{result.counters.clocks_per_sample:.1f} clocks per sample, utilisation "
                  f"{result.counters.utilisation:.3f}")
        if matches:
            out.print(f"SUCCESS: all {network.n_weights} weights and all outputs equal the "
                      "golden model's")
        else:
            out.print(f"FAIL: {difference or 'an output differs from the golden model'}")

    emit(request.as_json, {
        "test_accuracy": result.history[-1].test_accuracy, "matches_golden": matches,
        "outputs_match": result.outputs_match, "samples": result.samples,
        "samples_per_s": result.samples_per_s, "resumed": resumed,
        "clocks_per_sample": result.counters.clocks_per_sample,
        "utilisation": result.counters.utilisation, "device": device, "epochs": epochs,
        "resident": resident or 0,
        "history": [{"epoch": record.epoch, "test_accuracy": record.test_accuracy,
                     "train_accuracy": record.train_accuracy,
                     "recent_accuracy": record.recent_accuracy} for record in result.history],
        "first_difference": None if difference is None else str(difference)}, text)
    return 0 if matches else 1


def _check_resident(network, dataset) -> None:
    """Raise UserError when not all samples of ``dataset`` fit into the resident memory."""
    from ..data import quantize_dataset
    from ..plan.resident import resident_layout

    layout, codes = resident_layout(network), quantize_dataset(network, dataset)
    elements, starts = layout.encode(network, codes.x_train, codes.target_train)
    words = len(elements) // 2
    if words > layout.words:
        ends = np.append(starts[1:], words)
        raise UserError(f"--resident {len(starts)}: the samples take {words} words of the resident "
                        f"memory, which has {layout.words}; the first "
                        f"{int((ends <= layout.words).sum())} would fit, or --set resident=N makes "
                        "it larger")


def _report(record, epochs: int) -> None:
    """Log an epoch; of many epochs, every so many."""
    if record.epoch % max(epochs // 20, 1) == 0 or record.epoch == epochs:
        note(f"epoch {record.epoch}: test accuracy {record.test_accuracy:.2f} %")
