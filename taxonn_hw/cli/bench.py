"""``taxonn bench``."""

import json
import os
from pathlib import Path

import click

from ..errors import UserError
from .common import console, emit, json_option, note

__all__ = ["bench"]

_PARTS = ("hardware", "software", "simulation")
_NETWORK = "mnist-784-128-10"   # what computers and simulators train
_SMALL = "digits-64-32-10"
_SAMPLES = {"software": 20_000, "simulation": 2_000, "icarus": 5}
_QUICK = {"software": 500, "simulation": 100, "icarus": 20}


@click.command()
@click.option("--part", "parts", multiple=True, metavar="|".join(_PARTS),
              help="Measure only this part. Repeatable; default: all.")
@click.option("--design", "designs", multiple=True, metavar="NAME",
              help="Only this row of the hardware. Repeatable; a wrong name lists them all.")
@click.option("--quick", is_flag=True,
              help="One small design and few samples: shows in a minute or two that all works.")
@click.option("--seeds", type=click.IntRange(1, 1000), metavar="N",
              help="Seeds of place and route. Default: 3, with --quick 1.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N",
              help="Placements at a time. Default: one for each processor.")
@click.option("--data", metavar="DIR|random|digits",
              help="Folder with MNIST. Default: TAXONN_DATA, else made-up data.")
@click.option("--torch", "torch_device", default="cpu", show_default=True, metavar="cpu|cuda|none",
              help="Where PyTorch trains, if it is installed.")
@click.option("-o", "--out", "out_dir", type=click.Path(path_type=Path), metavar="DIR",
              help="Also write performance.json and performance.png there.")
@json_option
def bench(parts, designs, quick, seeds, jobs, data, torch_device, out_dir, as_json):
    """Measure speed: the hardware on its devices, a computer, the simulators.

    Hardware: synthesis, place and route of each design with several seeds; samples a second are
    the median fmax over the predicted clocks of a sample, compute-bound. A computer trains the same
    784-128-10 network, a sample at a time; larger batches are shown where they are faster.
    """
    from ..performance.designs import choose_designs
    from ..report.performance import performance_picture, performance_tables

    for part in parts:
        if part not in _PARTS:
            raise UserError(f"--part must be {', '.join(_PARTS)}, not {part!r}")
    if torch_device not in ("cpu", "cuda", "none"):
        raise UserError(f"--torch must be cpu, cuda or none, not {torch_device!r}")
    chosen = choose_designs(designs, quick=quick)
    if out_dir is not None:
        from ..files import make_folder

        make_folder(out_dir)  # now, not after an hour
    parts = parts or _PARTS
    result = {"quick": quick}
    if "hardware" in parts:
        result["hardware"] = _hardware(chosen, data, seeds or (1 if quick else 3),
                                       jobs or os.cpu_count() or 1)
    if "software" in parts:
        result["software"] = _software(quick, data, torch_device)
    if "simulation" in parts:
        result["simulation"] = _simulation(quick, data)
    if out_dir is not None:
        from ..files import write_file

        write_file(out_dir / "performance.json", json.dumps(result, indent=1) + "\n")
        write_file(out_dir / "performance.png", performance_picture(result))

    def text():
        out = console()
        out.print(performance_tables(result))
        if out_dir is not None:
            out.print(f"{out_dir / 'performance.json'}, {out_dir / 'performance.png'}",
                      markup=False)

    emit(as_json, result, text)
    return int(any(row["mismatches"] for row in result.get("simulation", ())))


def _hardware(designs, data, seeds: int, jobs: int) -> list[dict]:
    from ..performance.hardware import measure_design

    return [measure_design(design, data=_folder_for(design.config(), data), seeds=seeds, jobs=jobs,
                           on_step=note) for design in designs]


def _folder_for(config, data: str | None) -> str | None:
    """``--data`` is about MNIST; networks of other data keep their own."""
    return data if config.data == "mnist" else None


def _plan(quick: bool):
    from ..config import load_config
    from ..engines import make_plan

    return make_plan(load_config(_SMALL if quick else _NETWORK))


def _dataset(plan, data, samples: int):
    """Return a data set; a made-up one where MNIST is not there."""
    from ..data import load_or_random

    return load_or_random(
        plan, data=_folder_for(plan.config, data), samples=samples,
        say=lambda why: note(f"taxonn: {why}; speeds are for random data instead"))[0]


def _software(quick: bool, data, torch_device: str) -> list[dict]:
    import numpy as np

    from ..data import one_hot, quantize_dataset
    from ..performance import pytorch
    from ..performance.software import dense_sizes, train_blas, train_golden, train_numpy

    plan = _plan(quick)
    dataset = _dataset(plan, data, (_QUICK if quick else _SAMPLES)["software"])
    x = np.ascontiguousarray(dataset.x_train, np.float32)
    target = one_hot(dataset.y_train, plan.output.n_out).astype(np.float32)
    codes, sizes = quantize_dataset(plan, dataset), dense_sizes(plan)
    rows = []

    def add(way: str, rate: float) -> None:
        rows.append({"way": way, "batch": 1, "device": "CPU, one thread", "samples_per_s": rate})

    note("numpy, BLAS and the golden model")
    add("numpy", train_numpy(sizes, x, target)[0])
    add("BLAS rank-one updates", train_blas(sizes, x, target)[0])
    add("golden model, bit-exact", train_golden(plan, codes.x_train, codes.target_train))
    if torch_device != "none":
        if pytorch.has_torch():
            rows += pytorch.train_torch(sizes, x, target, device=torch_device, say=note)
        else:
            note("PyTorch is not installed, its rows are left out: pip install 'taxonn_hw[torch]'")
    return [{"network": plan.config.name, **row} for row in rows]


def _simulation(quick: bool, data) -> list[dict]:
    from ..performance.simulation import COMPILED, measure_compiled, measure_icarus

    counts, plan, rows = _QUICK if quick else _SAMPLES, _plan(quick), []
    for simulator in COMPILED:
        note(f"the RTL in {simulator}")
        rows.append(measure_compiled(plan, _dataset(plan, data, counts["simulation"]), simulator))
    note("the RTL in Icarus under cocotb")
    rows.append(measure_icarus(plan, _dataset(plan, data, counts["icarus"])))
    return [{"network": plan.config.name, **row} for row in rows]
