"""``taxonn check``."""

from pathlib import Path

import click

from .common import config_options, console, emit, note, on_option, progress

__all__ = ["check"]

_SAMPLES = 300


@click.command()
@config_options
@on_option
@click.option("--program", is_flag=True, help="Print what happens in a training sample, and when.")
@click.option("--schedule", "picture", type=click.Path(path_type=Path), metavar="PNG",
              help="Draw which unit is busy when in a typical sample (engine taxonn).")
@click.option("--clock", type=click.FloatRange(0, min_open=True), metavar="MHz",
              help="Print samples per second at this clock.")
@click.option("--board", "board_name", metavar="B",
              help="Print samples per second of this board: of the array at its clock (unless "
                   "--clock says otherwise), over its serial line, and of resident samples.")
def check(request, program, picture, clock, board_name):
    """Validate CONFIG; print sizes, formats and predicted clocks per sample.

    Where the clocks depend on the zeros in the data (engine taxonn), they are predicted on real
    training samples (--samples, 300 by default) of the data set.
    """
    from ..boards import load_board
    from ..engines import engine_of
    from ..golden.first_samples import run_first_samples

    board = None if board_name is None else load_board(board_name)
    if board is not None:
        clock = clock or board.clock_mhz
    network = request.network()
    training, listing = request.config.training, engine_of(network).part("listing")
    if network.depends_on_data:
        dataset, data = _dataset(request, network)
        with progress("tracing samples") as update:
            prediction = run_first_samples(network, dataset, len(dataset.x_train),
                                           update).prediction
        on = f"on {prediction.samples} samples of {data}"
    else:
        prediction, data = engine_of(network).part("predict")(network, None, None, training), None
        on = "for any data"
    facts = network.facts()
    rate = None if clock is None else 1e6 * clock / prediction.clocks_per_sample
    result = {
        **facts, "ok": True, "name": request.config.name, "engine": request.config.engine,
        "data": data, "samples": prediction.samples,
        "clocks_per_sample": prediction.clocks_per_sample,
        "utilisation": prediction.utilisation, "useful": prediction.useful,
        "training": training, "samples_per_s": rate}
    if board is not None:
        result |= _line(request, network, board)
    if picture is not None:
        result |= _draw_schedule(picture, request.config.name, prediction, data)

    def text():
        out = console()
        out.print(_layer_table(facts))
        out.print(_storage(facts))
        if "build" in facts:
            out.print(_build_line(facts["build"]))
        if "memories" in facts:
            out.print(_memory_table(facts))
        out.print(f"predicted {on}: {prediction.clocks_per_sample:.1f} clocks per "
                  f"{'training' if training else 'inference'} sample, "
                  f"utilisation {prediction.utilisation:.3f} "
                  f"(useful multiplications {prediction.useful:.3f})")
        if rate is not None:
            out.print(f"at {clock:g} MHz: {rate:,.0f} samples per second")
        if board is not None:
            out.print(f"over the line at {board.baud} baud: "
                      f"{result['samples_per_s_link']:,.0f} samples per second")
        if result.get("resident_words"):
            out.print(f"resident: about {result['resident_samples']} samples; the line asks for "
                      f"{result['samples_per_s_link_resident']:,.0f} per second")
        if program:
            out.print(listing(network), markup=False)
        if picture is not None:
            out.print(f"wrote {picture}")

    if program:
        result["program"] = listing(network).splitlines()
        if network.build is not None:
            from ..rtl.taxonn.loading import program_writes

            result["program_writes"] = program_writes(network)
    emit(request.as_json, result, text)


def _line(request, network, board) -> dict:
    """Return what the serial line of ``board`` carries a second, in samples of the data set."""
    from ..bitstream.rates import line_bytes, line_rate, resident_facts
    from ..data import quantize_dataset

    codes = quantize_dataset(network, _dataset(request, network)[0])
    x, target = codes.x_train, codes.target_train if request.config.training else None
    size = line_bytes(network, x, target)
    return {"board": board.name, "baud": board.baud, "bytes_per_sample": size,
            "samples_per_s_link": line_rate(size, board.baud),
            **resident_facts(network, x, target, board.baud)}


def _draw_schedule(path, name, prediction, data: str | None) -> dict:
    """Draw a typical sample; return its facts.  A picture names no folder but that of the data."""
    from ..plan.schedule import sample_schedule
    from ..report.schedule import schedule_picture

    schedule = sample_schedule(prediction)
    schedule_picture(path, schedule, title=f"{name}: a sample of {schedule.clocks} clocks",
                     subtitle=f"predicted on {prediction.samples} samples"
                              f"{f' of {Path(data).name}' if data else ''}; utilisation over all "
                              f"of them {prediction.utilisation:.3f}")
    return {"schedule_picture": str(path), "schedule": schedule.facts()}


def _dataset(request, network):
    """Return a data set and its name; a made-up one where the named one is not there."""
    from ..data import load_or_random

    return load_or_random(network, data=request.data, samples=request.samples or _SAMPLES,
                          say=lambda why: note(f"taxonn: {why}; predicting on random data instead"))


def _rows(layer) -> str:
    return f"{layer['row_base']}..{layer['row_base'] + layer['rows'] - 1}"


#: Columns of the table of layers: header, what of a layer's facts must be there, cell.
_COLUMNS = (
    ("layer", "index", lambda layer: layer["index"]),
    ("in", "n_in", lambda layer: layer["n_in"]),
    ("out", "n_out", lambda layer: layer["n_out"]),
    ("activation", "activation", lambda layer: layer["activation"]),
    ("lanes are", "mapping", lambda layer: layer["mapping"]),
    ("blocks", "blocks", lambda layer: layer["blocks"]),
    ("rows", "rows", _rows),
    ("fan-out", "fan_out", lambda layer: layer["fan_out"]),
    ("fan-in", "fan_in", lambda layer: layer["fan_in"]),
    ("z", "z", lambda layer: layer["z"]),
    ("edges", "edges", lambda layer: layer["edges"]),
    ("density", "density", lambda layer: f"{100 * layer['density']:.2f} %"),
)
_SIGNALS = ("weight", "operand", "bias", "x", "a", "delta")


def _layer_table(facts):
    from rich.table import Table

    first = facts["layers"][0]
    columns = [(header, cell) for header, key, cell in _COLUMNS if key in first]
    table = Table(*(header for header, _ in columns), *_SIGNALS, box=None, pad_edge=False)
    for layer in facts["layers"]:
        table.add_row(*(str(cell(layer)) for _, cell in columns),
                      *(layer["formats"][signal] for signal in _SIGNALS))
    return table


def _storage(facts) -> str:
    if "cycles" not in facts:
        sums = facts["gradient_bits"]
        return (f"{facts['weights']} weights in {facts['weight_rows']} rows of {facts['lanes']} "
                f"lanes of {facts['word_bits']} bits: {facts['storage_bits']} bits"
                + (f", {sums} of them sums of gradients" if sums else ""))
    full, words = facts["weights_full"], facts["storage_words"]
    return (f"junction cycle: {facts['cycles']} clocks of reads and {facts['overhead']} of "
            f"latency; {facts['lanes']} edge processors\n"
            f"{facts['weights']} weights and biases, density {100 * facts['density']:.2f} % "
            f"(fully connected: {full}, {full / facts['weights']:.1f} times as many)\n"
            f"{words} words of storage (fully connected: {facts['storage_words_full']}, "
            f"{facts['storage_words_full'] / words:.1f} times as many)")


def _build_line(build) -> str:
    return (f"on build {build['name']}, which has room for {build['layers']} layers, "
            f"{build['inputs']} inputs, {build['outputs']} outputs, {build['weight_rows']} rows of "
            f"weights, {build['neurons']} hidden neurons, {build['delta_rows']} rows of deltas, "
            f"{build['tap_rows']} tap rows, {build['lane_groups']} lane groups")


def _memory_table(facts):
    from rich.table import Table

    table = Table("memory", *(("copies", "banks", "depth", "width", "words")), box=None,
                  pad_edge=False)
    for memory in facts["memories"]:
        table.add_row(*(str(memory[key]) for key in (
            "name", "copies", "banks", "depth", "width", "words")))
    return table
