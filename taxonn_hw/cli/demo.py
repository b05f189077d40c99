"""``taxonn demo``: the whole idea in one command."""

from pathlib import Path

import click

from .common import console, emit, json_option, note, progress

__all__ = ["demo"]

PRESET = "digits-64-32-10"


@click.command()
@click.option("-o", "--out", "out_dir", type=click.Path(path_type=Path), default=Path("out"),
              show_default=True, metavar="DIR", help="Folder to write to.")
@click.option("--epochs", type=click.IntRange(min=1), default=10, show_default=True)
@json_option
def demo(out_dir, epochs, as_json):
    """Train handwritten digits on generated hardware, in simulation, and compare."""
    from ..compare import first_difference
    from ..config import load_config
    from ..data import load_for
    from ..export import generate
    from ..golden.first_samples import run_first_samples
    from ..golden.train import train_golden
    from ..host.simulation import open_simulation
    from ..host.training import train_on_device
    from ..plan import Network
    from ..report import learning_curve

    network = Network(load_config(PRESET))
    dataset = load_for(network)
    note(f"1/4  float reference and bit-exact golden model: {epochs} epochs of "
         f"{len(dataset.x_train)} samples")
    with progress("training golden and float") as update:
        golden = train_golden(network, dataset, epochs=epochs, with_float=True, progress=update)
    note("2/4  generating the Verilog")
    made = generate(network, out_dir)
    note("3/4  compiling the Verilog and training it, clock by clock")
    with open_simulation(network) as accelerator:
        with progress("training hardware") as update:
            device = train_on_device(network, dataset, accelerator, epochs=epochs,
                                     progress=update)
    n = len(dataset.x_train)
    ideal = run_first_samples(network, dataset, n).prediction.slots / n
    note("4/4  drawing the learning curves")
    picture = out_dir / "learning-curve.png"
    history = {"float": [r.test_accuracy for r in golden.float_history],
               "golden": [r.test_accuracy for r in golden.history],
               "hardware": [r.test_accuracy for r in device.history]}
    shape = "-".join(map(str, [network.n_inputs, *(layer.n_out for layer in network.layers)]))
    learning_curve(
        picture, title=f"Learning handwritten digits on chip: {shape}, {network.config.bits} bit",
        subtitle=f"{network.lanes} multipliers, {device.counters.clocks_per_sample:.0f} clocks a "
                 f"sample; all {network.n_weights} weights of hardware and golden model "
                 + ("identical" if device.weights_match else "DIFFER"),
        golden=history["golden"], hardware=history["hardware"], reference=history["float"])
    difference = first_difference(network, golden.parameters, device.parameters)
    ok = difference is None and device.outputs_match
    clocks = device.counters.clocks_per_sample

    def text():
        out = console()
        if ok:
            out.print(f"SUCCESS: after {device.samples} samples all {network.n_weights} weights "
                      "of the hardware equal the golden model's")
        else:
            out.print(f"FAIL: {difference or 'an output differs from the golden model'}")
        out.print(f"test accuracy   {history['hardware'][-1]:.2f} % hardware, "
                  f"{history['golden'][-1]:.2f} % golden, {history['float'][-1]:.2f} % float")
        out.print(f"speed           {clocks:.1f} clocks per training sample; {ideal:.1f} is the "
                  f"ideal of {network.lanes} multipliers that skip zeros "
                  f"({100 * ideal / clocks:.0f} %)")
        out.print(f"Verilog         {made.verilog}")
        out.print(f"picture         {picture}")
        out.print("\nNext, try:\n"
                  f"  .venv/bin/taxonn check {PRESET} --program     what the hardware will do\n"
                  f"  .venv/bin/taxonn simulate {PRESET} --sim icarus --samples 20\n"
                  f"  .venv/bin/taxonn train {PRESET} --device sim --bits 4\n"
                  "  .venv/bin/taxonn presets", markup=False)

    emit(as_json, {
        "ok": ok, "test_accuracy": history["hardware"][-1],
        "golden_accuracy": history["golden"][-1], "float_accuracy": history["float"][-1],
        "matches_golden": ok, "samples": device.samples, "clocks_per_sample": clocks,
        "ideal_clocks_per_sample": ideal, "verilog": str(made.verilog), "picture": str(picture),
        "history": history}, text)
    return 0 if ok else 1
