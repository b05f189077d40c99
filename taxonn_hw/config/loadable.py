"""Builds that load their network at run time: the table ``[loadable]`` and what a build settles.

A build is a configuration whose table ``loadable`` names further networks.  Hardware is made in
which each of them fits, and any other that needs no more of anything than one of them.
"""

from pathlib import Path
from typing import Any

from ..errors import UserError
from .model import Config

__all__ = ["SETTLED", "on_build", "resolve_loadable"]

#: Keys that a network takes from the build: they shape the hardware and no result.
_SHAPES = ("lanes", "samples_per_clock", "weight_memory", "resident", "resident_sample_words")
#: Keys in which a network must agree with the build: they are built in, and results follow.
SETTLED = ("training", "learning_rate_multiplier", "batch", "weight_decay", "weight_decay_period")
_OWN = ("name", "layers", "inputs", "input_shape", "loadable")


def resolve_loadable(raw: dict, folder: Path, read) -> dict:
    """Return ``raw`` with a whole configuration in place of every name in ``loadable.networks``.

    Parameters
    ----------
    raw : dict
        A configuration as it was written.  A network in it that is a table has the keys of the
        build where it says nothing.
    folder : Path
        Where files are looked for before the present folder.
    read : callable
        Returns a preset or file of this name as such a dictionary, and its folder.
    """
    table = raw.get("loadable")
    if not isinstance(table, dict) or not isinstance(table.get("networks"), list):
        return raw
    common = {key: value for key, value in raw.items() if key not in _OWN}
    networks = []
    for number, entry in enumerate(table["networks"], 2):
        if isinstance(entry, str):
            entry, _ = read(entry if not (folder / entry).is_file() else str(folder / entry))
        elif isinstance(entry, dict):
            entry = {"name": f"network-{number}", **common, **entry}
        else:
            raise UserError("loadable.networks takes presets, files or tables, not "
                            f"{entry!r}")
        if "loadable" in entry:
            raise UserError(f"loadable.networks: {entry.get('name')} is a build itself")
        networks.append(entry)
    return {**raw, "loadable": {**table, "networks": networks}}


def on_build(config: Config, build: Config) -> Config:
    """Return ``config`` with what ``build`` shapes of its hardware; lanes are outputs.

    Without a ``learning_rate_range`` of its own it has that of the build, if it learns within it.
    """
    changes: dict[str, Any] = {key: getattr(build, key) for key in _SHAPES}
    low, high = build.rate_range
    rates = [config.learning_rate_exponent, *(k for _, k in config.learning_rate_schedule)]
    if config.learning_rate_range is None and low <= min(rates) <= max(rates) <= high:
        changes["learning_rate_range"] = (low, high)
    return config.model_copy(update={**changes, "loadable": None, "mapping": "outputs"})
