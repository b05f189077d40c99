"""``taxonn simulate``."""

import tempfile
from pathlib import Path

import click

from ..errors import UserError
from .common import config_options, console, emit, note, on_option, progress

__all__ = ["simulate"]

_SAMPLES = 20


@click.command()
@config_options
@on_option
@click.option("--sim", "simulator", default="verilator", show_default=True,
              metavar="verilator|icarus", help="Simulator.")
@click.option("--waves", type=click.Path(path_type=Path), metavar="FILE",
              help="Write waves: .vcd, or .fst with Icarus.")
@click.option("--stall", type=click.FloatRange(0, 0.95), default=0.0, show_default=True,
              help="Probability of a stall in a clock, on both sides.")
def simulate(request, simulator, waves, stall):
    """Train the generated Verilog under cocotb and compare every weight (--samples, default 20).

    Prints SUCCESS, or FAIL with the first weight that differs.
    """
    from ..bench import Stress, make_job, run_job
    from ..compare import count_differences, first_difference
    from ..export import generate
    from ..flow.cocotb_runner import SIMULATORS, require
    from ..golden.first_samples import run_first_samples

    if simulator not in SIMULATORS:
        raise UserError(f"--sim must be {' or '.join(SIMULATORS)}, not {simulator!r}")
    kinds = (".vcd", ".fst") if simulator == "icarus" else (".vcd",)
    if waves is not None and waves.suffix not in kinds:
        raise UserError(f"--waves must end in {' or '.join(kinds)} with {simulator}, "
                        f"not {waves.name!r}")
    if waves is not None and not waves.absolute().parent.is_dir():
        raise UserError(f"--waves: there is no folder {str(waves.parent)!r}")
    require(simulator)
    network = request.network()
    wanted = request.samples or _SAMPLES
    with progress("training golden") as update:
        golden = run_first_samples(network, request.dataset(network, samples=wanted), wanted,
                                   update)
    x, outputs, prediction = golden.x, golden.outputs, golden.prediction
    job = make_job(network, golden.start, x, golden.target, golden.end, outputs,
                   rate=request.config.rate_in(1),
                   stress=Stress(stall_in=stall, stall_out=stall, seed=request.config.seed))
    with tempfile.TemporaryDirectory(prefix="taxonn-simulate-") as folder:
        note(f"generating, then {len(x)} samples in {simulator}")
        verilog = generate(network, Path(folder, "rtl")).verilog
        outcome = run_job(network, verilog, job, simulator=simulator,
                          build_dir=Path(folder, "sim"), timeout_s=24 * 3600,
                          waves=None if waves is None else waves.absolute())
    mismatches, difference = None, None
    if outcome.parameters is not None:
        mismatches = count_differences(golden.end, outcome.parameters)
        mismatches += int((outcome.results != outputs).sum())
        difference = first_difference(network, golden.end, outcome.parameters)
    ok = mismatches == 0 and not outcome.error
    measured = outcome.cycles / max(outcome.samples, 1)
    utilisation = outcome.slots / max(outcome.cycles, 1)

    def text():
        out = console()
        if ok:
            out.print(f"SUCCESS: {network.n_weights} weights and biases and "
                      f"{outputs.size} outputs identical after {len(x)} samples ({simulator})")
        else:
            out.print(f"FAIL: {difference or outcome.error or 'an output differs'}", markup=False)
            if mismatches:
                out.print(f"{mismatches} values differ")
        if outcome.samples:
            out.print(f"{measured:.1f} clocks per sample measured, "
                      f"{prediction.clocks_per_sample:.1f} predicted; "
                      f"utilisation {utilisation:.3f} and {prediction.utilisation:.3f}")
        if waves is not None:
            out.print(f"waves: {waves}", markup=False)

    emit(request.as_json, {
        "ok": ok, "samples": len(x), "mismatches": mismatches, "simulator": simulator,
        "clocks_per_sample": measured, "utilisation": utilisation,
        "predicted_clocks_per_sample": prediction.clocks_per_sample,
        "predicted_utilisation": prediction.utilisation, "useful": prediction.useful,
        "weights": network.n_weights, "error": outcome.error or None,
        "first_difference": None if difference is None else vars(difference)}, text)
    return 0 if ok else 1
