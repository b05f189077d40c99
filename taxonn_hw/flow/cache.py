"""Compiled simulations, kept between runs under the hash of everything that went into them."""

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import platformdirs

__all__ = ["cache_dir", "cached", "digest"]

_KEEP_DAYS = 30


def cache_dir() -> Path:
    """Return the folder of the cache: ``$TAXONN_CACHE``, else the user's cache folder."""
    if path := os.environ.get("TAXONN_CACHE"):
        return Path(path).resolve()
    return platformdirs.user_cache_path("taxonn_hw")


def digest(*parts: str | bytes) -> str:
    """Return a hash of the parts and of where each of them ends."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little") + data)
    return state.hexdigest()[:32]


def cached(kind: str, key: str, build: Callable[[Path], None]) -> Path:
    """Return the folder that ``build`` filled, building it only when ``key`` is new.

    A folder appears under its name only when it is complete; of several processes that need the
    same one, one builds and the others wait.
    """
    parent = cache_dir() / kind
    final = parent / key
    parent.mkdir(parents=True, exist_ok=True)
    if not final.is_dir():
        with (parent / f"{key}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not final.is_dir():
                _prune(parent)
                _build(parent, final, build)
    os.utime(final)  # the time of the last use, for _prune
    return final


def _build(parent: Path, final: Path, build: Callable[[Path], None]) -> None:
    scratch = Path(tempfile.mkdtemp(dir=parent, prefix="building-"))
    try:
        build(scratch)
        scratch.rename(final)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _prune(parent: Path) -> None:
    oldest = time.time() - _KEEP_DAYS * 86_400
    for entry in parent.iterdir():
        try:
            age = entry.stat().st_mtime
        except FileNotFoundError:  # the scratch folder of a process that has just finished
            continue
        if age < oldest:
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
