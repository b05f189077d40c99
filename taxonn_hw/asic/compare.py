"""The comparison itself: every variant mapped, measured, and set beside each other."""

from collections.abc import Callable

from ..config import Config
from ..data import Dataset
from ..engines import engine_of
from ..flow.opensta import missing_sta, sta_version
from ..flow.yosys import yosys_version
from ..golden.first_samples import FirstSamples, run_first_samples
from ..plan.program import Finish, Program
from .liberty import Liberty
from .mapping import Mapped, map_component
from .variants import Variant, make_variants, narrow_inference

__all__ = ["EXCLUDED", "RATIOS", "compare"]

#: Names of the ratios: what is divided by what.
RATIOS = {"training/inference": ("training", "inference"),
          "separate/training": ("separate", "training"),
          "separate_same_width/training": ("separate_same_width", "training")}
EXCLUDED = ("the words of every memory (weights, scalar biases, vectors, inputs, lists, queues); "
            "the logic around them is counted")


def compare(config: Config, liberty: Liberty, dataset: Dataset, *, samples: int, mhz: float,
            power: bool, on_step: Callable[[str], None]) -> dict:
    """Map all variants of ``config``; return areas, powers and ratios as JSON values.

    Parameters
    ----------
    dataset : Dataset
        Samples for the clocks, and for the run whose toggles make the power.
    samples : int
        How many of them.
    mhz : float
        Clock of the figures of power.
    power : bool
        Measure power where OpenSTA is there.
    on_step : (str) -> None
        Is told what begins.

    Raises
    ------
    UserError
        There are no variants of such a configuration.
    ToolError
        Yosys, the compiler or OpenSTA failed.
    """
    variants = make_variants(config)
    note = missing_sta() if power else "power was not asked for"
    results = {}
    for variant in variants.values():
        run = run_first_samples(variant.plan, dataset, samples)
        on_step(f"mapping {variant.name} on {liberty.name}")
        mapped = map_component(variant.component(), liberty)
        results[variant.name] = _facts(variant, mapped, run)
        if note is None:
            results[variant.name] |= _power(variant, mapped, liberty, run, mhz, on_step)
    on_step(f"mapping inference_narrow on {liberty.name}")
    narrow = narrow_inference(config)
    mapped = map_component(narrow.component(), liberty)
    ratios = _ratios(results, "area_um2") | {
        "training/inference_narrow": results["training"]["area_um2"] / mapped.area_um2}
    versions = {"yosys": yosys_version()} | ({} if note else {"opensta": sta_version()})
    return {
        "name": config.name, "lanes": config.lanes, "bits": config.bits,
        "library": liberty.name, "library_cells": len(liberty.cells),
        "cells_left_alone": len(liberty.left_alone), "excluded": EXCLUDED,
        "samples": samples, "clock_mhz": mhz, "variants": results,
        "inference_narrow": {
            "area_um2": mapped.area_um2, "units": mapped.units, "cells": mapped.cells,
            "formats": [layer.formats.as_strings() for layer in narrow.plan.layers]},
        "ratios": ratios, "power_ratios": _ratios(results, "power_mw"),
        "power_note": note, "versions": versions,
    }


def _facts(variant: Variant, mapped: Mapped, run: FirstSamples) -> dict:
    plan = variant.plan
    program = Program(plan)
    trees = [any(p.finish is Finish.TREE for p in passes)
             for passes in (program.forward, program.backward)]
    return {
        "area_um2": mapped.area_um2, "power_mw": None, "cells": mapped.cells,
        "units": mapped.units, "bits": plan.config.bits,
        "forward_tree": trees[0], "backward_tree": trees[1],
        "mapping": list(plan.mapping),
        "forward_clocks_per_sample": _forward_clocks(plan, run),
    }


def _forward_clocks(plan, run: FirstSamples) -> float:
    """Predict the clocks of inferring the samples of ``run``."""
    engine = engine_of(plan)
    golden = engine.part("golden")(plan, run.start)
    golden.traces = []
    golden.infer_run(run.x, None)
    return engine.part("predict")(plan, golden, len(run.x), False).clocks_per_sample


def _power(variant: Variant, mapped: Mapped, liberty: Liberty, run: FirstSamples, mhz: float,
           on_step: Callable[[str], None]) -> dict:
    """Return power, and the clocks of the run that it is of."""
    from .activity import measure_activity
    from .netlist import read_netlist
    from .power import measure_power

    verb = "inferring" if run.target is None else "training"
    on_step(f"{verb} {len(run.x)} samples on the cells of {variant.name}")
    netlist = read_netlist(mapped, liberty)
    activity = measure_activity(variant.plan, netlist, run)
    on_step(f"power of {variant.name}")
    power = measure_power(netlist, liberty, activity, mhz=mhz)
    return {
        "power_mw": power.total_mw, "power_parts_mw": power.parts_mw,
        "clocks_per_sample": activity.clocks_per_sample,
        "energy_per_sample_nj": power.total_mw * activity.clocks_per_sample / mhz,
        "matches_golden": activity.matches_golden,
    }


def _ratios(results: dict, key: str) -> dict:
    def ratio(one, other):
        a, b = results[one][key], results[other][key]
        return None if a is None or b is None else a / b

    return {name: ratio(*pair) for name, pair in RATIOS.items()}
