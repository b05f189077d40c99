"""A fingerprint of a configuration, so that a driver knows which hardware it talks to."""

import hashlib
import json

from .config import Config
from .fixed import Pow2Format, QFormat

__all__ = ["canonical_config", "config_hash", "hardware_config", "hardware_hash"]

#: Keys that shape neither the hardware nor a result: other values give the same hash.
_LOOSE = ("name", "data", "epochs")


def canonical_config(config: Config) -> dict:
    """Return ``config`` as plain JSON values, every default written out."""
    values = {name: _plain(getattr(config, name)) for name in type(config).model_fields}
    if config.loadable is None:  # a key of builds alone
        del values["loadable"]
    else:
        values["loadable"] = {
            "networks": [canonical_config(network) for network in config.loadable.networks],
            "spare_bits": config.loadable.spare_bits}
    return values


def config_hash(config: Config) -> int:
    """Return the first 32 bits of the sha256 of the canonical JSON, name and data left out."""
    values = _tight(canonical_config(config))
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def hardware_hash(plan) -> int:
    """Return the hash of the configuration that the hardware of ``plan`` is generated from."""
    return config_hash(hardware_config(plan))


def hardware_config(plan) -> Config:
    """Return that configuration: of a loaded network, its build's."""
    return (plan.build or plan).config


def _tight(values: dict) -> dict:
    """Leave out what does not count, of the networks of a build too."""
    kept = {key: value for key, value in values.items() if key not in _LOOSE}
    if "loadable" in kept:
        kept["loadable"] = {**kept["loadable"], "networks": [
            _tight(network) for network in kept["loadable"]["networks"]]}
    return kept


def _plain(value):
    if isinstance(value, QFormat | Pow2Format):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(type(value), "model_fields"):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    return getattr(value, "value", value)  # an enum's word, or a number, a text, a truth value
