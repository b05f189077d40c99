"""What only the golden model of engine ``taxonn`` does so far: the one place that says so."""

from ..config import Config
from ..errors import UserError
from ..fixed import Pow2Format

__all__ = ["refuse", "unbuilt_part"]


def unbuilt_part(plan) -> str | None:
    """Return what of the configuration of ``plan`` has no hardware yet, None where all has."""
    config: Config = plan.config
    if config.learning_rate_multiplier != 1 and all(
            isinstance(layer.formats.delta, Pow2Format) for layer in plan.layers) and not all(
            layer.by_outputs for layer in plan.layers):
        return "learning_rate_multiplier with powers of two broadcast (mapping inputs)"
    if any(layer.kind == "conv" for layer in config.layers) and "inputs" in (
            layer.mapping if layer.mapping != "auto" else config.mapping
            for layer in config.layers if layer.kind == "dense"):
        return "mapping inputs beside conv layers"
    if config.batch != 1:
        return "batch"
    return None if config.weight_decay is None else "weight_decay"


def refuse(plan, *_, **__):
    """Refuse to build hardware for ``plan``, or to predict its clocks."""
    raise UserError(f"engine taxonn has no hardware for {unbuilt_part(plan)}; such a "
                    "network trains in the golden model (taxonn golden)")
