"""What only the golden model of engine ``taxonn`` does so far: the one place that says so."""

from ..config import Config
from ..errors import UserError

__all__ = ["refuse", "unbuilt_part"]


def unbuilt_part(config: Config) -> str | None:
    """Return what of ``config`` has no hardware yet, None where all of it has."""
    if any(layer.kind == "conv" for layer in config.layers) and "inputs" in (
            layer.mapping if layer.mapping != "auto" else config.mapping
            for layer in config.layers if layer.kind == "dense"):
        return "mapping inputs beside conv layers"
    if config.learning_rate_multiplier != 1:
        return "learning_rate_multiplier"
    if config.batch != 1:
        return "batch"
    return None if config.weight_decay is None else "weight_decay"


def refuse(plan, *_, **__):
    """Refuse to build hardware for ``plan``, or to predict its clocks."""
    raise UserError(f"engine taxonn has no hardware for {unbuilt_part(plan.config)}; such a "
                    "network trains in the golden model (taxonn golden)")
