"""How often every net of a mapped design toggles in a real run, from its own netlist.

Weights are loaded, then samples are trained (or inferred), and only that run is counted.  Weights
and outputs are compared with the golden model, so the netlist is verified on the way.
"""

from dataclasses import dataclass

import numpy as np

from ..golden.first_samples import FirstSamples
from ..host.compiled import CompiledModel
from ..host.driver import Accelerator
from ..host.transport import SimTransport
from ..sidecar import TOP, stream_table
from .netlist import Netlist
from .simulator import build_simulator, toggle_counts

__all__ = ["Activity", "measure_activity"]


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Toggles of one run.

    Members
    -------
    toggles, ones : float64 [n_nets]
        Changes of a net a clock; share of the clocks at 1.
    clocks : int
        Of the run, from its start to the last result that was read.
    clocks_per_sample : float
        As the accelerator counts them.
    matches_golden : bool
        Outputs and, after training, weights.
    """

    toggles: np.ndarray
    ones: np.ndarray
    clocks: int
    clocks_per_sample: float
    matches_golden: bool


def measure_activity(plan, netlist: Netlist, run: FirstSamples) -> Activity:
    """Train the mapped design as ``run`` trained the golden model; or infer, where it did.

    Raises
    ------
    ToolError
        The compiler fails.
    DeviceError
        The design hangs, or does not answer.
    """
    sidecar = {"top": TOP, "streams": stream_table(plan)}
    library = build_simulator(netlist, sidecar)
    training = plan.config.training
    with CompiledModel(library, sidecar, library=library) as model:
        device = Accelerator(SimTransport(model), plan)
        device.load(run.start)
        device.restart()
        toggle_counts(library, True, netlist.n_nets)
        outputs = (device.train(run.x, run.target, plan.config.rate_in(1)) if training
                   else device.infer(run.x))
        clocks, toggles, ones = toggle_counts(library, False, netlist.n_nets)
        matches = np.array_equal(outputs, run.outputs)
        counters = device.counters()
        if training:
            matches &= all(np.array_equal(got, wanted)
                           for pair, expected in zip(device.dump(), run.end, strict=True)
                           for got, wanted in zip(pair, expected, strict=True))
    return Activity(toggles=toggles / clocks, ones=ones / clocks, clocks=clocks,
                    clocks_per_sample=counters.clocks_per_sample, matches_golden=bool(matches))
