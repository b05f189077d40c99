"""The golden model over the first samples of a run: what benches and predictions start from."""

from dataclasses import dataclass

import numpy as np

from ..data import Dataset, quantize_dataset
from ..engines import engine_of
from ..plan.base import Plan, Prediction
from .train import Progress, sample_order
from .weights import Parameters

__all__ = ["FirstSamples", "run_first_samples"]


@dataclass(frozen=True, kw_only=True)
class FirstSamples:
    """One run of the golden model.

    Members
    -------
    start, end : Parameters
        Weights before and after.
    x, target : int64 arrays
        Codes of the samples; ``target`` is None where the build cannot train, which infers.
    outputs : int64 [n, n_out]
        Output codes.
    prediction : Prediction
        Clocks that the hardware takes for them.
    """

    start: Parameters
    end: Parameters
    x: np.ndarray
    target: np.ndarray | None
    outputs: np.ndarray
    prediction: Prediction


def run_first_samples(plan: Plan, dataset: Dataset, n: int,
                      progress: Progress | None = None) -> FirstSamples:
    """Train the first ``n`` samples of epoch 1, in the order of every run; or infer them."""
    config, engine = plan.config, engine_of(plan)
    codes = quantize_dataset(plan, dataset)
    order = sample_order(config.seed, 1, len(codes.x_train), shuffle=config.shuffle)[:n]
    x, target = codes.x_train[order], codes.target_train[order] if config.training else None
    start = engine.part("initial")(plan)
    golden = engine.part("golden")(plan, start)
    golden.rate, golden.traces = config.rate_in(1), []
    if config.training:
        outputs = golden.train_run(x, target, progress)
    else:
        outputs = golden.infer_run(x, progress)
    prediction = engine.part("predict")(plan, golden, len(x), config.training)
    return FirstSamples(start=start, end=golden.parameters, x=x, target=target, outputs=outputs,
                        prediction=prediction)
