"""A job for the cocotb bench of the accelerator, and its outcome.

The bench itself is ``sim/tb_accelerator.py`` of a checkout; a wheel carries the same folder as
``taxonn_hw.sim_files``.  A :class:`Job` goes in as an npz, a :class:`Outcome` comes back as one.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np

from .bus.registers import REGISTERS
from .flow.cocotb_runner import BenchError, run_bench
from .golden.weights import Parameters
from .plan.base import Plan
from .plan.streams import element_width, pack_bits, result_shape, sample_beats, unpack_bits
from .sidecar import TOP

__all__ = ["JOB_VARIABLE", "Job", "Outcome", "Stress", "make_job", "run_job"]

#: Environment variable of the bench: JSON with the paths of the job and of its outcome.
JOB_VARIABLE = "TAXONN_JOB"


@dataclass(frozen=True, kw_only=True)
class Stress:
    """What a bench does beyond the plain run.

    Members
    -------
    stall_in, stall_out : float
        Probability that a beat is not offered, or not accepted, in a clock.
    reset_after : int
        Clocks after the start at which the hardware is reset and everything begins anew; 0: never.
    parts : int
        Starts into which the samples of a run are divided.
    runs : int
        Complete runs, one after the other; each must end alike.
    seed : int
        Of the stalls.
    """

    stall_in: float = 0.0
    stall_out: float = 0.0
    reset_after: int = 0
    parts: int = 1
    runs: int = 1
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Job:
    """Beats to feed, beats to expect; all beats uint32 [n, words], the lowest word first.

    ``moves`` has ``bias, count, beats`` of each command of the weight streams (see
    :class:`taxonn_hw.plan.base.Move`), whose beats lie in ``weights_in`` and ``weights_out`` one
    after the other.  ``widths`` are the bits of the streams ``i_samples``, ``i_weights``,
    ``o_results`` and ``o_weights``.  ``clocks_bound``: more clocks than a sample can take.
    ``program`` are the registers to write after a reset, address and value: the network of a
    loadable build.
    """

    train: bool
    rate: int
    n_samples: int
    clocks_bound: int
    moves: np.ndarray
    weights_in: np.ndarray
    samples: np.ndarray
    weights_out: np.ndarray
    results: np.ndarray
    widths: np.ndarray
    program: np.ndarray
    stress: Stress = field(default_factory=Stress)

    def save(self, path: Path) -> None:
        """Write the job at ``path``."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "stress"}
        np.savez(path, stress=json.dumps(asdict(self.stress)), **values)

    @classmethod
    def load(cls, path: Path) -> "Job":
        """Read the job at ``path``."""
        with np.load(path) as file:
            values = {name: file[name] for name in file.files}
        stress = Stress(**json.loads(str(values.pop("stress"))))
        return cls(stress=stress, **{name: array if array.ndim else array.item()
                                     for name, array in values.items()})


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came back, of the last run.

    ``error`` is empty when the bench passed; without weights (a hang, say) ``parameters`` is None.
    """

    parameters: Parameters | None
    results: np.ndarray | None
    cycles: int
    slots: int
    samples: int
    error: str


def make_job(plan: Plan, start: Parameters, x: np.ndarray, target: np.ndarray | None,
             expected: Parameters, outputs: np.ndarray, *, rate: int | None = None,
             stress: Stress | None = None) -> Job:
    """Return the job of samples ``x`` [n, n_in], for training with ``target`` [n, n_out].

    ``expected`` are the weights at the end, ``outputs`` [n, n_out] the outputs of every sample.
    """
    def beats(parameters):
        return pack_bits(np.concatenate(plan.pack(parameters)), plan.word)

    width, (bits, _) = element_width(plan), result_shape(plan)
    elements = sample_beats(plan, x, target) & (1 << width) - 1
    return Job(
        train=target is not None, n_samples=len(x), clocks_bound=plan.clocks_bound,
        rate=plan.config.learning_rate_exponent if rate is None else rate,
        moves=np.array([[move.bias, move.count, move.beats] for move in plan.moves]),
        weights_in=beats(start), samples=pack_bits(elements, width), weights_out=beats(expected),
        results=pack_bits(outputs.reshape(-1, 1), bits),
        widths=np.array([width * elements.shape[1], plan.word * plan.weight_group, bits,
                         plan.word * plan.weight_group]),
        program=_program(plan), stress=stress or Stress())


def _program(plan: Plan) -> np.ndarray:
    """Register writes that load ``plan``: int64 [n, 2], none where it is built in."""
    if plan.build is None:
        return np.zeros((0, 2), dtype=np.int64)
    from .rtl.taxonn.loading import program_writes

    return np.array([(REGISTERS[name].address, value) for name, value in program_writes(plan)])


def run_job(plan: Plan, verilog: Path, job: Job, *, simulator: str, build_dir: Path,
            waves: Path | None = None, timeout_s: float = 3600) -> Outcome:
    """Run ``job`` on ``verilog`` with ``simulator`` (``icarus`` or ``verilator``)."""
    build_dir.mkdir(parents=True, exist_ok=True)
    job_path, result_path = build_dir / "job.npz", build_dir / "outcome.npz"
    job.save(job_path)
    result_path.unlink(missing_ok=True)
    module, root = _bench_module()
    paths = [str(root), *(entry or os.getcwd() for entry in sys.path)]
    env = {"PYTHONPATH": os.pathsep.join(paths),
           JOB_VARIABLE: json.dumps({"job": str(job_path), "outcome": str(result_path)})}
    error = ""
    try:
        run_bench(simulator, verilog, top=TOP, test_module=module, build_dir=build_dir, env=env,
                  waves=waves, timeout_s=timeout_s, seed=job.stress.seed)
    except BenchError as failed:
        error = str(failed)
    if not result_path.exists():
        return Outcome(parameters=None, results=None, cycles=0, slots=0, samples=0, error=error)
    with np.load(result_path) as file:
        got = {name: file[name] for name in file.files}
    words = unpack_bits(got["weights"], plan.word, plan.weight_group, signed=True)
    ends = np.cumsum([move.beats for move in plan.moves])[:-1]
    bits, signed = result_shape(plan)
    results = unpack_bits(got["results"], bits, 1, signed)
    return Outcome(
        parameters=plan.unpack(np.split(words, ends)),
        results=results.reshape(-1, plan.output.n_out), cycles=int(got["cycles"]),
        slots=int(got["slots"]), samples=int(got["samples"]), error=error)


def _bench_module() -> tuple[str, Path]:
    """Return the name of the bench's module and the folder to import it from."""
    package = Path(__file__).resolve().parent
    checkout = package.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "sim").is_dir():
        return "sim.tb_accelerator", checkout
    return "taxonn_hw.sim_files.tb_accelerator", checkout
