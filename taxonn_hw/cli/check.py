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
    from ..plan.program import program_listing
    from ..plan.timing import predict
    from ..sidecar import network_facts

    network = request.network()
    dataset, data = _dataset(request, network)
    training = request.config.training
    with progress("tracing samples") as update:
        traces = _traces(network, dataset, training, update)
    prediction = predict(network, traces, training=training)
    facts = network_facts(network)
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
            out.print(program_listing(network), markup=False)

    if program:
        result["program"] = program_listing(network).splitlines()
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


def _traces(network, dataset, training, update):
    from ..data import quantize_dataset
    from ..golden import GoldenModel
    from ..golden.train import sample_order

    codes, golden = quantize_dataset(network, dataset), GoldenModel(network)
    n, traces = len(codes.x_train), []
    for done, i in enumerate(sample_order(network.config.seed, 1, n)):
        traces.append(golden.train(codes.x_train[i], codes.target_train[i]))
        update(done + 1, n)
    return traces


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
