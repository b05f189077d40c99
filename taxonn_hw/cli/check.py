"""``taxonn check``."""

import click

from ..errors import UserError
from .common import config_options, console, emit, note, progress

__all__ = ["check"]

_SAMPLES = 300


@click.command()
@config_options
@click.option("--program", is_flag=True, help="Print the passes of a training sample.")
def check(request, program):
    """Validate CONFIG; print sizes, formats and predicted clocks per sample.

    The clocks depend on the zeros in the data, so they are predicted on real training samples
    (--samples, 300 by default) of the data set.
    """
    from ..engines import engine_of
    from ..golden.first_samples import run_first_samples

    network = request.network()
    dataset, data = _dataset(request, network)
    training, listing = request.config.training, engine_of(network).part("listing")
    with progress("tracing samples") as update:
        prediction = run_first_samples(network, dataset, len(dataset.x_train), update).prediction
    facts = network.facts()
    result = {
        "ok": True, "name": request.config.name, "data": data, "samples": prediction.samples,
        "clocks_per_sample": prediction.clocks_per_sample,
        "utilisation": prediction.utilisation, "useful": prediction.useful,
        "training": training, **facts}

    def text():
        out = console()
        out.print(_layer_table(facts))
        out.print(f"{facts['weights']} weights in {facts['weight_rows']} rows of "
                  f"{facts['lanes']} lanes of {facts['word_bits']} bits: "
                  f"{facts['storage_bits']} bits")
        out.print(f"predicted on {prediction.samples} samples of {data}: "
                  f"{prediction.clocks_per_sample:.1f} clocks per "
                  f"{'training' if training else 'inference'} sample, "
                  f"utilisation {prediction.utilisation:.3f} "
                  f"(useful multiplications {prediction.useful:.3f})")
        if program:
            out.print(listing(network), markup=False)

    if program:
        result["program"] = listing(network).splitlines()
    emit(request.as_json, result, text)


def _dataset(request, network):
    """Return the data set and its name; a made-up one where the named one is not there."""
    try:
        return request.dataset(network, samples=_SAMPLES), request.data or request.config.data
    except UserError as error:
        if request.data is not None:
            raise
        note(f"taxonn: {error}; predicting on random data instead")
    from ..data import load_for

    samples = request.samples or _SAMPLES
    return load_for(network, data="random", samples=samples), "random"


def _layer_table(facts):
    from rich.table import Table

    table = Table("layer", "in", "out", "activation", "lanes are", "blocks", "rows", "weight",
                  "operand", "bias", "x", "a", "delta", box=None, pad_edge=False)
    for layer in facts["layers"]:
        formats = layer["formats"]
        rows = f"{layer['row_base']}..{layer['row_base'] + layer['rows'] - 1}"
        table.add_row(str(layer["index"]), str(layer["n_in"]), str(layer["n_out"]),
                      layer["activation"], layer["mapping"], str(layer["blocks"]), rows,
                      *(formats[key] for key in ("weight", "operand", "bias", "x", "a", "delta")))
    return table
