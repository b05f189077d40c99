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
    if plan.runs_as_kernels and not all(layer.by_outputs for layer in plan.layers):
        why = ("beside conv layers" if plan.has_conv else
               "with batch" if config.batch != 1 else "with weight_decay")
        return f"mapping inputs {why}"
    return None


def refuse(plan, *_, **__):
    """Refuse to build hardware for ``plan``, or to predict its clocks."""
    raise UserError(f"engine taxonn has no hardware for {unbuilt_part(plan)}; such a "
                    "network trains in the golden model (taxonn golden)")
