"""OpenSTA, found on the PATH, since no pip package has it."""

import re
import shutil
from functools import cache
from pathlib import Path

from .errors import ToolError
from .process import run_tool

__all__ = ["missing_sta", "run_sta", "sta_version"]

_INSTALL = ("OpenSTA is not installed, so there are no figures of power: install the program sta "
            "(Debian: apt-get install opensta)")


def missing_sta() -> str | None:
    """Return what is missing and how to install it, or None where OpenSTA is there."""
    return None if shutil.which("sta") else _INSTALL


@cache
def sta_version() -> str:
    """Return the version of OpenSTA, such as ``2.0.17``."""
    _, text = run_tool([_program(), "-version"], timeout_s=60, check=False)
    match = re.search(r"\d+\.\d+(?:\.\d+)?", text)
    return match[0] if match else "unknown"


def run_sta(script: str, *, cwd: Path, timeout_s: float = 3600) -> str:
    """Run the commands of ``script`` in the folder ``cwd`` and return all that was printed.

    Raises
    ------
    ToolError
        OpenSTA is missing, failed or took longer than ``timeout_s``.
    """
    program = _program()
    # Where a command fails it goes on with the next, and ends with status 0.
    text = f"if {{[catch {{\n{script}\n}} wrong]}} {{ puts \"FAILED: $wrong\" }}\nexit\n"
    (Path(cwd) / "script.tcl").write_text(text)
    _, log = run_tool([program, "-no_init", "-no_splash", "-exit", "script.tcl"], cwd=cwd,
                      timeout_s=timeout_s, check=False)
    if wrong := re.findall(r"^(?:FAILED: |Error).*", log, re.M):
        raise ToolError("\n".join(["sta failed", *wrong[:3]]))
    return log


def _program() -> str:
    found = shutil.which("sta")
    if found is None:
        raise ToolError(_INSTALL)
    return found
