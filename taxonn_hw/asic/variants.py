"""What is compared: inference only, with training, and two plain references.

==================  ============================================================================
inference           the build with ``training = false``: same lanes, memories, formats and mapping
training            the build as it is: every lane's multiplier takes turns
separate            forward, backward and update multipliers of their own, at 16 bit
separate_same_width the same with the formats of ``training``
==================  ============================================================================

Beside these, :func:`narrow_inference`: inference only, on weights and biases that are stored as
narrow as the multiplier sees them.  It computes something else than ``training`` does, whose
biases are finer, and bounds how small an inference-only build of the same lanes can be.

All run the same passes in the same order, so forward clocks are alike; see :mod:`.power` for those
that were counted.  Nothing is added to any of them: what one does not use is not in it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ..config import Config, FormatTable
from ..engines import engine_of, make_plan
from ..errors import UserError
from ..fixed import QFormat
from ..plan import Network
from ..plan.mapping import runs_as_kernels

__all__ = ["REFERENCE_BITS", "Variant", "make_variants", "narrow_inference"]

#: Operand width of the reference at full precision.
REFERENCE_BITS = 16


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One design.

    Members
    -------
    plan : Network
    separate : bool
        Multipliers are not shared.
    component : () -> Component
        Makes its hardware anew.
    """

    name: str
    plan: Network
    separate: bool
    component: Callable


def make_variants(config: Config) -> dict[str, Variant]:
    """Return the variants of ``config`` by name.

    Samples stay outside the chip: resident memory, if any, is left out.

    Raises
    ------
    UserError
        When the engine is another one, or the network runs as kernels (convolutions, batches of
        several samples, weight decay), of which there is no reference.
    """
    if config.engine != "taxonn":
        raise UserError(f"asic compares builds of engine taxonn; engine {config.engine} has no "
                        "inference-only build and no reference")
    if config.loadable is not None:
        raise UserError("asic has no reference with separate multipliers for loadable builds; "
                        "leave out the table loadable")
    if any(layer.kind == "conv" for layer in config.layers):
        raise UserError("asic has no reference with separate multipliers for conv layers; "
                        "use a network of dense layers")
    if runs_as_kernels(config.model_copy(update={"training": True})):
        raise UserError("asic has no reference with separate multipliers for batches of several "
                        "samples or weight decay; leave out batch and weight_decay")
    config = config.model_copy(update={"training": True, "resident": 0})
    return {variant.name: variant for variant in (
        _variant("inference", config.model_copy(update={"training": False}), False),
        _variant("training", config, False),
        _variant("separate", _at(config, REFERENCE_BITS), True),
        _variant("separate_same_width", config, True),
    )}


def narrow_inference(config: Config) -> Variant:
    """Return inference only, with stored weights and biases as wide as the operands."""
    inference = make_variants(config)["inference"]
    layers = []
    for spec, layer in zip(inference.plan.config.layers, inference.plan.layers, strict=True):
        f = layer.formats
        lost = f.bias.width - f.operand.width
        bias = QFormat(f.operand.width, max(f.bias.frac - max(lost, 0),
                                            f.operand.frac - f.x.frac))
        layers.append(spec.model_copy(update={"formats": spec.formats.model_copy(
            update={"weight": f.operand, "operand": f.operand, "bias": bias})}))
    return _variant("inference_narrow", inference.plan.config.model_copy(
        update={"layers": tuple(layers)}), False)


def _at(config: Config, bits: int) -> Config:
    """Return ``config`` with the formats that follow from ``bits``."""
    layers = tuple(layer.model_copy(update={"formats": FormatTable()}) for layer in config.layers)
    return config.model_copy(update={"bits": bits, "formats": FormatTable(), "layers": layers})


def _variant(name: str, config: Config, separate: bool) -> Variant:
    plan = make_plan(config)
    accelerator = engine_of(plan).part("accelerator")
    more = {"separate": True} if separate else {}
    return Variant(name=name, plan=plan, separate=separate,
                   component=lambda: accelerator(plan, target="generic", **more))
