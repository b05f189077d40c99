"""The engines: what a configuration's ``engine`` stands for, behind one small interface.

An engine is a plan (configuration -> sizes, formats, layout), a bit-exact model with its float
reference, an accelerator and a prediction of its clocks.  Everything else (data, benches, export,
driver, command line) is the same for all.  A new engine is one entry in :data:`ENGINES`; parts are
named by ``module:object`` and imported when they are first used, so golden runs load no hardware.
"""

from dataclasses import dataclass, replace
from importlib import import_module

from .config import Config
from .plan.loadable import load_plan
from .plan.unbuilt import unbuilt_part

__all__ = ["ENGINES", "Engine", "engine_of", "make_plan"]


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Parts of an engine, each ``module:object`` relative to the package.

    Members
    -------
    plan : Config -> Plan
        See :class:`taxonn_hw.plan.base.Plan`.
    golden, reference : (Plan, Parameters or None) -> model
        Models with ``train_run``, ``infer``, ``rate``; ``golden`` also has ``parameters``.
    initial : Plan -> Parameters
        Weights at the start.
    accelerator : (Plan, target) -> Component
        The hardware, for one of :data:`taxonn_hw.export.TARGETS`.
    predict : (Plan, golden model, samples or None, training) -> Prediction
        Clocks of a run of that many samples, which ``golden`` has just trained or inferred; without
        ``samples``, of an endless one.
    listing : Plan -> str
        What ``taxonn check --program`` prints.
    """

    plan: str
    golden: str
    reference: str
    initial: str
    accelerator: str
    predict: str
    listing: str

    def part(self, name: str):
        """Import and return the part ``name``."""
        module, _, attribute = getattr(self, name).partition(":")
        return getattr(import_module(f"{__package__}.{module}"), attribute)


ENGINES = {
    "taxonn": Engine(
        plan="plan.network:Network",
        golden="golden.model:GoldenModel",
        reference="golden.float:FloatModel",
        initial="golden.weights:initial_weights",
        accelerator="rtl.taxonn.top:Accelerator",
        predict="plan.timing:predict_run",
        listing="plan.program:program_listing",
    ),
    "edge": Engine(
        plan="plan.edge.network:EdgeNetwork",
        golden="golden.edge.model:EdgeModel",
        reference="golden.edge.float:EdgeFloat",
        initial="golden.edge.weights:initial_weights",
        accelerator="rtl.edge.top:EdgeAccelerator",
        predict="plan.edge.timing:predict_run",
        listing="plan.edge.listing:junction_listing",
    ),
}


def engine_of(plan) -> Engine:
    """Return the engine of a plan; its hardware refuses what only the golden model does."""
    engine = ENGINES[plan.config.engine]
    if plan.config.engine == "taxonn" and unbuilt_part(plan) is not None:
        none = "plan.unbuilt:refuse"
        return replace(engine, accelerator=none, predict=none, listing=none)
    if plan.config.engine == "taxonn" and plan.runs_as_kernels:
        return replace(engine, accelerator="rtl.taxonn.conv_top:ConvAccelerator",
                       predict="plan.conv_timing:predict_conv_run",
                       listing="plan.conv_program:conv_listing" if plan.build is None
                       else "rtl.taxonn.program_listing:loaded_listing")
    return engine


def make_plan(config: Config, build: Config | None = None):
    """Return the plan of ``config``, with all sizes and formats derived; on a loadable ``build``
    where there is one.

    Raises
    ------
    UserError
        When sizes or formats break a rule of the engine.
    """
    if config.loadable is not None or build is not None:
        return load_plan(config, build)
    return ENGINES[config.engine].part("plan")(config)
