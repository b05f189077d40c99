"""How fast the simulators are: clocks and samples a second of the compiled RTL, and of Icarus."""

import tempfile
from pathlib import Path
from time import perf_counter

from ..bench import make_job, run_job
from ..compare import count_differences
from ..data import Dataset
from ..export import generate
from ..golden.first_samples import run_first_samples
from ..host.simulation import open_simulation
from ..plan.base import Plan

__all__ = ["COMPILED", "measure_compiled", "measure_icarus"]

_TICK = 1e-3  # seconds that can be told apart
#: Simulators whose model is a library that C++ drives.
COMPILED = ("verilator", "cxxrtl")


def measure_compiled(plan: Plan, dataset: Dataset, simulator: str) -> dict:
    """Train ``dataset`` once on the compiled RTL; return JSON values.

    The golden model does not run beside it; weights are compared at the end.
    """
    first = run_first_samples(plan, dataset, len(dataset.x_train))
    clocks = round(first.prediction.cycles)
    with open_simulation(plan, clocks=clocks, simulator=simulator) as device:
        device.load(first.start)
        device.restart()
        device.clear()
        begin = perf_counter()
        device.train(first.x, first.target, rate=plan.config.rate_in(1))
        seconds = perf_counter() - begin
        counters, parameters = device.counters(), device.dump()
    return _row(simulator, first, parameters, counters.cycles, len(first.x), seconds)


def measure_icarus(plan: Plan, dataset: Dataset) -> dict:
    """Train ``dataset`` under cocotb on Icarus; the time of a run of one sample is taken off.

    At least some twenty samples of a small network, or the difference is noise.
    """
    seconds, cycles = [], []
    n = len(dataset.x_train)
    with tempfile.TemporaryDirectory(prefix="taxonn-icarus-") as folder:
        verilog = generate(plan, Path(folder, "rtl")).verilog
        for samples in (1, n):
            first = run_first_samples(plan, dataset, samples)
            job = make_job(plan, first.start, first.x, first.target, first.end, first.outputs,
                           rate=plan.config.rate_in(1))
            begin = perf_counter()
            outcome = run_job(plan, verilog, job, simulator="icarus",
                              build_dir=Path(folder, f"sim{samples}"), timeout_s=24 * 3600)
            seconds.append(perf_counter() - begin)
            cycles.append(outcome.cycles)
    return _row("icarus, cocotb", first, outcome.parameters, cycles[1] - cycles[0], n - 1,
                seconds[1] - seconds[0])


def _row(simulator, first, parameters, cycles: int, samples: int, seconds: float) -> dict:
    return {"simulator": simulator, "samples": samples,
            "samples_per_s": samples / max(seconds, _TICK),
            "clocks_per_s": cycles / max(seconds, _TICK),
            "mismatches": count_differences(first.end, parameters)}
