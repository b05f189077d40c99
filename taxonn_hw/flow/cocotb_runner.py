"""Run a cocotb bench on a Verilog file: the only place that builds a cocotb simulation.

cocotb's own runner wants ``make`` and a ``verilator`` on the PATH and passes Icarus the language
level that breaks generated Verilog (icarus.py); so the programs are built and started here, with
the environment variables that cocotb documents for custom flows.
"""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import cocotb_tools.config
import find_libpython

from .cache import cached, digest
from .errors import ToolError
from .icarus import build_vvp, require_icarus
from .process import error_lines, run_tool
from .verilator import (
    compile_objects,
    compiler,
    link,
    runtime_objects,
    toolchain_id,
    verilate,
    verilator_root,
)

__all__ = ["SIMULATORS", "BenchError", "BenchResult", "require", "run_bench"]

SIMULATORS = ("icarus", "verilator")
_RUNTIME = ["verilated", "verilated_dpi", "verilated_vpi", "verilated_threads"]


class BenchError(AssertionError):
    """A test of a bench failed; the message holds each failed test and its reason."""


@dataclass(frozen=True, kw_only=True)
class BenchResult:
    """The outcome of one cocotb test.

    ``sim_time_ns`` is simulated time, ``real_time_s`` the time it took; ``message`` says why the
    test failed and is empty when it passed.
    """

    name: str
    passed: bool
    message: str
    sim_time_ns: float
    real_time_s: float


def require(simulator: str) -> None:
    """Raise ToolError with what to install unless ``simulator`` can run."""
    if simulator not in SIMULATORS:
        raise ValueError(f"simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")
    if simulator == "icarus":
        require_icarus()
    else:
        verilator_root()
        compiler()


def run_bench(
    simulator: str,
    verilog: Path,
    *,
    top: str,
    test_module: str | Sequence[str],
    build_dir: Path,
    env: Mapping[str, str] | None = None,
    seed: int = 0,
    waves: Path | None = None,
    timeout_s: float = 600,
    public: bool = False,
) -> list[BenchResult]:
    """Run all cocotb tests of ``test_module`` on the module ``top`` of ``verilog``.

    Parameters
    ----------
    simulator : str
        ``icarus`` or ``verilator``.
    test_module : str or sequence of str
        Python modules, importable from here (``sys.path`` is handed on).
    build_dir : Path
        Working folder of the simulation; gets ``bench.log`` and ``results.xml``.
    env : Mapping
        Environment variables for the bench.
    waves : Path or None
        Wave file to write: ``.vcd``, or ``.fst`` with Icarus.
    timeout_s : float
        Of the simulation, without the compilation.
    public : bool
        Let the bench see inside the design on Verilator too, not only its ports (slower).

    Raises
    ------
    BenchError
        A test failed.
    ToolError
        The simulator is missing, does not compile the design, crashes or takes too long.
    """
    require(simulator)
    suffixes = {"icarus": (".vcd", ".fst"), "verilator": (".vcd",)}[simulator]
    if waves is not None and Path(waves).suffix not in suffixes:
        raise ValueError(f"{simulator} writes waves to {' or '.join(suffixes)} files, not {waves}")
    build_dir = Path(build_dir).resolve()
    build_dir.mkdir(parents=True, exist_ok=True)
    extra = {}
    if simulator == "icarus":
        program = build_vvp(verilog, top=top, waves=waves is not None)
        entry = cocotb_tools.config.lib_entry("vpi", "icarus")
        dump = "-none" if waves is None else f"-{Path(waves).suffix[1:]}"
        command = ["vvp", "-m", entry, str(program), dump]
    else:
        command = [str(_build_verilator(verilog, top, waves is not None, public))]
        if waves is not None:
            command += ["--trace", "--trace-file", "waves.out"]
        # As cocotb's own runner does for Verilator. With Icarus it lets a write race the edge.
        extra["COCOTB_TRUST_INERTIAL_WRITES"] = "1"
    results = build_dir / "results.xml"
    results.unlink(missing_ok=True)
    modules = [test_module] if isinstance(test_module, str) else test_module
    environment = _environment(top, modules, results, seed) | extra | dict(env or {})
    try:
        status, log = run_tool(
            command, cwd=build_dir, env=environment, timeout_s=timeout_s, check=False
        )
    finally:  # the waves of a bench that hangs are the ones to look at
        if waves is not None and (build_dir / "waves.out").exists():
            shutil.move(build_dir / "waves.out", waves)
    (build_dir / "bench.log").write_text(log)
    return _outcome(results, status, log, simulator)


def _environment(top: str, modules: Sequence[str], results: Path, seed: int) -> dict[str, str]:
    path = [entry or os.getcwd() for entry in sys.path]
    users = [find_libpython.find_libpython(), cocotb_tools.config.pygpi_entry_point()]
    if users[0] is None:
        raise ToolError("cocotb needs a Python with a shared library (libpython), not found here")
    return {
        **os.environ,
        "GPI_USERS": ";".join(users),
        "PYGPI_PYTHON_BIN": sys.executable,
        "PYTHONPATH": os.pathsep.join(path),
        "COCOTB_TOPLEVEL": top,
        "TOPLEVEL_LANG": "verilog",
        "COCOTB_TEST_MODULES": ",".join(modules),
        "COCOTB_RESULTS_FILE": str(results),
        "COCOTB_RANDOM_SEED": str(seed),
        "COCOTB_ANSI_OUTPUT": "0",
    }


def _build_verilator(verilog: Path, top: str, trace: bool, public: bool) -> Path:
    share, libs = cocotb_tools.config.share_dir, cocotb_tools.config.libs_dir
    main = share / "lib" / "verilator" / "verilator.cpp"
    args = ["--vpi", "-O3", "--x-assign", "fast", "--timescale", "1ns/1ps"]
    args += ["--public-flat-rw"] if public else ["--public-depth", "1"]
    args += ["--trace"] if trace else []
    key = digest(
        Path(verilog).read_bytes(), main.read_bytes(), str(libs), top, toolchain_id(), *args
    )

    def build(out: Path) -> None:
        sources = verilate(verilog, out, top=top, args=args)
        objects = compile_objects([*sources, main], out, opt="-O1", trace=trace)
        objects += runtime_objects(_RUNTIME, trace=trace)
        link(objects, out / "sim", [
            f"-Wl,-rpath,{libs}", f"-L{libs}", "-lcocotbvpi_verilator", "-rdynamic", "-ldl",
        ])  # fmt: skip
        for file in out.iterdir():
            if file.name != "sim":
                file.unlink()

    return cached("cocotb", key, build) / "sim"


def _outcome(results: Path, status: int, log: str, simulator: str) -> list[BenchResult]:
    outcome = []
    if results.exists():
        cases = list(ElementTree.parse(results).getroot().iter("testcase"))
        outcome = [_result(case) for case in cases if case.find("skipped") is None]
    failed = [f"{result.name}: {result.message}" for result in outcome if not result.passed]
    if failed:
        raise BenchError("\n".join([f"{len(failed)} of {len(outcome)} tests failed", *failed]))
    if status or not outcome:
        reason = f"ended with status {status}" if status else "ran no test"
        raise ToolError(f"the bench on {simulator} {reason}\n{error_lines(log)}")
    return outcome


def _result(case: ElementTree.Element) -> BenchResult:
    wrong = [*case.findall("failure"), *case.findall("error")]
    texts = [node.get("message") or node.get("error_msg") or node.text or "" for node in wrong]
    properties = {node.get("name"): node.get("value") for node in case.iter("property")}
    return BenchResult(
        name=case.get("name", ""),
        passed=not wrong,
        message="; ".join(text.strip() for text in texts),
        sim_time_ns=float(properties.get("sim_time_duration", 0)),
        real_time_s=float(case.get("time", 0)),
    )
