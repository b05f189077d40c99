"""A design on its device: what it takes, how fast it is, clocks of a sample."""

from collections.abc import Callable

from ..bitstream.build import build_bitstream
from ..boards import load_board
from ..data import Dataset, load_or_random
from ..engines import engine_of, make_plan
from ..golden.first_samples import run_first_samples
from .designs import Design

__all__ = ["measure_design", "sample_clocks"]

_SAMPLES = 300
#: Resources that can run out; the fullest one is the limit of a design.
_LIMITS = ("lut", "ram", "spram", "dsp")


def measure_design(design: Design, *, data: str | None, seeds: int, jobs: int,
                   on_step: Callable[[str], None] = lambda text: None) -> dict:
    """Build ``design`` with ``seeds`` seeds of place and route; return JSON values.

    ``fmax_mhz`` and ``samples_per_s`` are about the array: median fmax over clocks of a sample.
    Without ``data`` a set that is not there is replaced by a made-up one, and ``data`` says so.
    """
    plan, board = make_plan(design.config()), load_board(design.board)
    clocks = sample_clocks(plan, *load_or_random(plan, data=data, samples=_SAMPLES))
    result = build_bitstream(plan, board, seeds=range(1, seeds + 1), mhz=design.mhz, jobs=jobs,
                             on_step=lambda text: on_step(f"{design.name}: {text}"))
    report = result.report(plan)
    median_hz = report["fmax_mhz"]["median"] * 1e6
    resources = report["resources"]
    used = {name: row["used"] / row["available"] for name, row in resources.items()
            if name in _LIMITS and row["available"]}
    limit = max(used, key=used.get)
    return {
        "name": design.name, "command": design.command, "board": design.board,
        "device": report["device"], "config": report["config"], "lanes": plan.lanes,
        "resources": resources, "limit": {"resource": limit, "used": used[limit]},
        "seeds": report["seeds"], "fmax_mhz": report["fmax_mhz"],
        "clock_mhz": report["clock_mhz"], "timing_met": report["timing_met"],
        "worst_path": report["worst_path"], **clocks,
        "samples_per_s": median_hz / clocks["clocks_per_sample"],
        "inferences_per_s": median_hz / clocks["clocks_per_inference"],
        "versions": report["versions"]}


def sample_clocks(plan, dataset: Dataset, data: str) -> dict:
    """Return the predicted clocks of a training sample and of an inference, and the work in one."""
    engine = engine_of(plan)
    first = run_first_samples(plan, dataset, len(dataset.x_train))
    golden = engine.part("golden")(plan, first.end)
    golden.traces = []
    golden.train_run(first.x, first.target)  # only for where the zeros are
    inference = engine.part("predict")(plan, golden, len(first.x), False)
    training = first.prediction
    return {
        "data": data, "clocks_per_sample": training.clocks_per_sample,
        "clocks_per_inference": inference.clocks_per_sample,
        "utilisation": training.utilisation,
        "useful_macs_per_clock": training.useful * plan.lanes}
