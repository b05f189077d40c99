"""Reading a configuration: preset or TOML file, then ``--bits``, ``--set`` and ``--seed``."""

import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import UserError
from ..presets import preset_names, preset_path
from .auto import resolve_auto
from .loadable import resolve_loadable
from .model import Config

__all__ = ["config_from_dict", "load_config"]


def load_config(source: str, *, bits: int | None = None, settings: tuple[str, ...] = (),
                seed: int | None = None) -> Config:
    """Read the preset or TOML file ``source``.

    Parameters
    ----------
    source : str
        Preset name, or path of a TOML file.
    bits : int, optional
        Replaces every format by the sensible whole of that bitwidth; with ``formats = "auto"``, the
        width that formats are derived for.
    settings : tuple of str
        ``key=value`` overrides; values are TOML, dots reach into tables.
    seed : int, optional
        Replaces the seed.

    Raises
    ------
    UserError
        One line that names the rule and the value.
    """
    raw, folder = _read(source)
    if bits is not None:
        raw["bits"] = bits
        if raw.get("formats") != "auto":
            raw.pop("formats", None)
        layers = raw.get("layers")
        for layer in layers if isinstance(layers, list) else []:
            if isinstance(layer, dict):
                layer.pop("formats", None)
    for setting in settings:
        _apply(raw, setting)
    if seed is not None:
        raw["seed"] = seed
    return config_from_dict(raw, folder)


def _read(source: str) -> tuple[dict, Path]:
    """Return preset or file ``source`` as it is written, named, and its folder."""
    if not source:
        raise UserError("CONFIG must be a preset or a file, not ''")
    if source in preset_names():
        path = preset_path(source)
    else:
        path = Path(source)
        if not path.suffix and not path.exists():
            raise UserError(f"no preset or file named {source!r}; presets: "
                            f"{', '.join(preset_names())}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError(f"cannot read config {str(path)!r}: {reason}") from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path.name} is not valid TOML: {error}") from None
    raw.setdefault("name", re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem) or "network")
    return raw, path.parent


def config_from_dict(raw: dict, folder: Path = Path(".")) -> Config:
    """Validate ``raw``; the first broken rule becomes a :class:`UserError` of one line.

    ``folder`` is where the profile of ``formats = "auto"`` is looked for first.
    """
    try:
        raw = resolve_loadable(raw, folder, _read)
        return Config.model_validate(resolve_auto(raw, folder))
    except ValidationError as error:
        raise UserError(_first_line(error)) from None


def _apply(raw: dict, setting: str) -> None:
    key, equals, value = setting.partition("=")
    key = key.strip()
    if not equals or not re.fullmatch(r"[A-Za-z_][\w]*(\.[\w]+)*", key):
        raise UserError(f"--set takes key=value, not {setting!r}")
    try:
        document = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        document = {"value": value.strip()}
    if len(document) > 1:
        raise UserError(f"--set takes one key=value, not {setting!r}")
    parsed = document["value"]
    if key == "layers":
        raw.pop("inputs", None)
        raw.pop("input_shape", None)
    *path, last = key.split(".")
    table: Any = raw
    for depth, part in enumerate(path):
        where = ".".join(path[:depth + 1])
        if isinstance(table, list):
            if not part.isdigit() or int(part) >= len(table):
                raise UserError(f"--set {key}: there is no {where}")
            table = table[int(part)]
        else:
            table = table.setdefault(part, {})
        if not isinstance(table, dict | list):
            raise UserError(f"--set {key}: {where} is not a table")
    if isinstance(table, list):
        raise UserError(f"--set {key}: {'.'.join(path)} is a list")
    table[last] = parsed


def _first_line(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]
                     if not str(part).startswith(("function-", "lax-", "is-instance")))
    message, value = first["msg"].removeprefix("Value error, "), first["input"]
    if first["type"] == "extra_forbidden":
        return f"unknown key {where!r}"
    if first["type"] == "missing":
        return f"{where} is missing"
    if first["type"] == "value_error" and message.endswith(" is missing"):
        return f"{where}.{message}"
    if first["type"] == "value_error":
        return f"{where}: {message}" if where else message
    for words, plain in _PLAIN:
        message = re.sub(words, plain, message)
    return f"{where}: {message}, not {value!r}"


#: pydantic's words in ours.
_PLAIN = (
    ("^Input should be ", "must be "),
    ("greater than or equal to", "at least"),
    ("less than or equal to", "at most"),
    (r"a valid integer.*", "a whole number"),
    (r"a valid boolean.*", "true or false"),
    (r"a valid string.*", "text"),
    (r"a valid dictionary.*", "a table"),
)
