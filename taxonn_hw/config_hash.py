"""A fingerprint of a configuration, so that a driver knows which hardware it talks to."""

import hashlib
import json

from .config import Config
from .fixed import Pow2Format, QFormat

__all__ = ["canonical_config", "config_hash"]

#: Keys that shape neither the hardware nor a result: other values give the same hash.
_LOOSE = ("name", "data", "epochs")


def canonical_config(config: Config) -> dict:
    """Return ``config`` as plain JSON values, every default written out."""
    return {name: _plain(getattr(config, name)) for name in type(config).model_fields}


def config_hash(config: Config) -> int:
    """Return the first 32 bits of the sha256 of the canonical JSON, name and data left out."""
    values = canonical_config(config)
    for key in _LOOSE:
        del values[key]
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def _plain(value):
    if isinstance(value, QFormat | Pow2Format):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(type(value), "model_fields"):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    return getattr(value, "value", value)  # an enum's word, or a number, a text, a truth value
