"""``formats = "auto"``: formats of every layer and signal from a profile of ranges.

A profile (``taxonn golden CONFIG --profile``) holds the smallest and largest value of each signal.
Within the width that ``bits`` gives it, a signal gets the most fraction bits with which no value of
the profile overflows; of values, the share ``profile_overflow`` (0 by default) may.
"""

import json
from math import ceil, floor, log2
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..fixed import Format, Pow2Format, QFormat
from .model import Config
from .values import Activation

__all__ = ["resolve_auto"]

_KEYS = ("profile", "profile_overflow")
_MOST_FRAC = 24  # of any format
_LINEAR = (Activation.RELU, Activation.LEAKY_RELU, Activation.IDENTITY)


def resolve_auto(raw: dict, folder: Path) -> dict:
    """Return ``raw`` with formats in place of the word ``auto``, where it is there.

    Parameters
    ----------
    raw : dict
        A configuration as it was written.
    folder : Path
        Where the file ``profile`` is looked for before the present folder.

    Raises
    ------
    UserError
        When there is no profile, or it is of another network.
    """
    if raw.get("formats") != "auto":
        for key in _KEYS:
            if key in raw:
                raise UserError(f"{key} belongs to formats = \"auto\"")
        return raw
    plain = {key: value for key, value in raw.items() if key not in (*_KEYS, "formats")}
    config = Config.model_validate(plain)
    if config.engine != "taxonn":
        raise UserError(f"engine {config.engine} has no formats = \"auto\"")
    overflow = raw.get("profile_overflow", 0)
    if not isinstance(overflow, int | float) or not 0 <= overflow < 1:
        raise UserError(f"profile_overflow must be a share from 0 to below 1, not {overflow!r}")
    profile = _read(raw.get("profile", f"{config.name}-profile.json"), folder)
    labels = [layer.get("label") for layer in profile["layers"]]
    expected = [str(layer.label) for layer in config.layers]
    if labels != expected:
        raise UserError(f"the profile is of a network {'-'.join(map(str, labels))}, not "
                        f"{'-'.join(expected)}")
    tables, below = _as_tables(plain), 0
    for i, table in enumerate(tables):
        derived = _layer_formats(config, i, profile["layers"][i]["signals"], overflow, below)
        below = derived["activation"].frac if "activation" in derived else 0
        own = table.get("formats", {})
        table["formats"] = {**{key: str(fmt) for key, fmt in derived.items()}, **own}
    return {**plain, "inputs": config.inputs, "layers": tables}


def _read(name: Any, folder: Path) -> dict:
    if not isinstance(name, str):
        raise UserError(f"profile must be the name of a file, not {name!r}")
    path = next((path for path in (folder / name, Path(name)) if path.is_file()), None)
    if path is None:
        raise UserError(f"formats = \"auto\" needs the profile {name!r}; make it with taxonn "
                        "golden CONFIG --set formats={} --set bits=16 --profile")
    try:
        profile = json.loads(path.read_text(encoding="utf-8"))
        for layer in profile["layers"]:
            for signal in layer["signals"].values():
                signal["min"], signal["max"], signal["log2"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{str(path)!r} is no profile of ranges") from None
    return profile


def _as_tables(raw: dict) -> list[dict]:
    """Return the layers of ``raw`` in the long form."""
    if isinstance(raw["layers"][0], dict):
        return [dict(layer) for layer in raw["layers"]]
    return [{"size": size} for size in raw["layers"][1:]]


def _layer_formats(config: Config, i: int, signals: dict, overflow: float,
                   below: int) -> dict[str, Format]:
    """Return the formats of layer ``i`` (from 0) by key.

    ``below`` is the fraction bits of its input, or 0 where they are not negative: a bias has at
    least those of the weight less those of the input.
    """
    bits, spec = config.bits, config.layers[i]
    extremes = _range(signals["weight"], overflow)
    weight = _fit(12 if bits <= 8 else 16, True, *extremes)
    operand, least = _fit(bits, True, *extremes), max(-below, 0)
    bias = _fit(weight.width, True, *_range(signals["bias"], overflow))
    weight = QFormat(weight.width, min(weight.frac, bias.frac - least))
    formats = {"weight": weight, "operand": QFormat(bits, min(operand.frac, weight.frac)),
               "bias": QFormat(weight.width, weight.frac + least)}
    low, high = _range(signals["delta"], overflow)
    largest = max(-low, high)
    if largest > 0:
        formats["delta"] = (Pow2Format(4, min(6 - ceil(log2(largest)), _MOST_FRAC)) if bits <= 7
                            else _fit(bits, True, low, high))
    kind = spec.activation or config.activation
    if i < len(config.layers) - 1 and kind in _LINEAR:
        low, high = _range(signals["activation"], overflow)
        formats["activation"] = _fit(max(bits, 3), kind is not Activation.RELU, low, high)
    return formats


def _range(signal: dict, overflow: float) -> tuple[float, float]:
    """Return the lowest and the highest value that must fit."""
    low, high = signal["min"], signal["max"]
    beyond = 0.0
    for exponent, share in sorted(((int(e), s) for e, s in signal["log2"].items()), reverse=True):
        beyond += share
        if beyond > overflow:
            limit = 2.0 ** (exponent + 1)
            return max(low, -limit), min(high, limit)
    return low, high


def _fit(width: int, signed: bool, low: float, high: float) -> QFormat:
    """Return the format of most fraction bits that holds ``low`` and ``high``, rounded."""
    for frac in range(_MOST_FRAC, -_MOST_FRAC, -1):
        q = QFormat(width, frac, signed)
        if floor(high * 2.0**frac + 0.5) <= q.hi and floor(low * 2.0**frac + 0.5) >= q.lo:
            return q
    raise UserError(f"no format of {width} bits holds {low:g} to {high:g}")
