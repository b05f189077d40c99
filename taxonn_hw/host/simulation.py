"""An accelerator in simulation, opened like a board."""

import tempfile
from contextlib import contextmanager
from pathlib import Path

from ..export import build
from ..plan.base import Plan
from .compiled import CompiledModel
from .driver import Accelerator
from .transport import SimTransport

__all__ = ["open_simulation"]

_LONG_RUN_CLOCKS = 30_000_000  # from here on a slower compilation pays


@contextmanager
def open_simulation(plan: Plan, *, clocks: int = 0, trace: Path | None = None,
                    stall_in: float = 0.0, stall_out: float = 0.0,
                    simulator: str = "verilator", component=None):
    """Generate, compile and open the accelerator of ``plan``; yields the driver.

    Parameters
    ----------
    clocks : int
        About how many will be simulated; long runs are compiled with more optimisation.
    trace : Path, optional
        VCD file to write.
    stall_in, stall_out : float
        Probabilities of a stall on either side.
    simulator : str
        ``verilator`` or ``cxxrtl``.
    component : Component, optional
        A variant of the accelerator, with the same ports, to be used in its place.
    """
    made = build(plan, component=component)
    with tempfile.TemporaryDirectory(prefix="taxonn-sim-") as folder:
        verilog = Path(folder, "accelerator.v")
        verilog.write_text(made.verilog)
        opt = "-O3" if clocks > _LONG_RUN_CLOCKS else "-O1"
        with CompiledModel(verilog, made.sidecar, trace=trace, opt=opt,
                           simulator=simulator) as model:
            yield Accelerator(SimTransport(model, stall_in=stall_in, stall_out=stall_out), plan)
