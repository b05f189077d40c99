"""Run an external program with a time limit, quietly, and explain its failure."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event

from .errors import ToolError

__all__ = ["error_lines", "run_tool"]

_ERROR = re.compile(r"error|fatal|undefined reference|exception|not found", re.IGNORECASE)


def error_lines(log: str, *, limit: int = 8) -> str:
    """Return the last lines of ``log`` that speak of an error, else simply its last lines."""
    lines = [line for line in log.splitlines() if line.strip()]
    return "\n".join(([line for line in lines if _ERROR.search(line)] or lines)[-limit:])


def run_tool(
    command: Sequence[str | Path],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    stop: Event | None = None,
) -> tuple[int, str]:
    """Run ``command`` to its end and return its exit status and all it printed.

    ``stop`` lets another thread end it: when it is set, the program is killed as by its time limit.

    Raises
    ------
    ToolError
        The program does not exist, still ran after ``timeout_s`` (it and its children are then
        killed), or, with ``check``, ended with another status than 0.
    """
    name = Path(command[0]).name
    try:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that its children can be killed with it
        )
    except OSError as error:
        raise ToolError(f"{name} cannot be run: {error}") from error
    try:
        output = _wait(process, timeout_s, stop)
    except BaseException as error:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        if stop is not None and stop.is_set():
            raise ToolError(f"{name} was stopped") from None
        tail = error_lines(output.decode(errors="replace"), limit=3)
        raise ToolError(f"{name} still ran after {timeout_s:g} s and was killed\n{tail}") from None
    log = output.decode(errors="replace")
    if check and process.returncode:
        raise ToolError(f"{name} failed (exit status {process.returncode})\n{error_lines(log)}")
    return process.returncode, log


def _wait(process: subprocess.Popen, timeout_s: float, stop: Event | None) -> bytes:
    """Return what ``process`` printed; raise TimeoutExpired when time is over or it is to stop."""
    if stop is None:
        return process.communicate(timeout=timeout_s)[0]
    end = time.monotonic() + timeout_s
    while True:
        try:
            return process.communicate(timeout=0.2)[0]
        except subprocess.TimeoutExpired:
            if stop.is_set() or time.monotonic() > end:
                raise
