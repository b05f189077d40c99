"""A training run on a device, with the golden model beside it on the same samples.

The two run in two threads: the device's clocks pass outside Python, so neither waits.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from ..data import Dataset, quantize_dataset
from ..engines import engine_of
from ..golden.train import EpochRecord, epoch_record, sample_order
from ..golden.weights import Parameters
from ..plan.base import Plan
from .driver import Accelerator, Counters

__all__ = ["DeviceTraining", "train_on_device"]


@dataclass(frozen=True, kw_only=True)
class DeviceTraining:
    """A finished run on a device.

    Members
    -------
    history : list of EpochRecord
        ``test_accuracy`` is measured by inference on the device.
    parameters, golden : Parameters
        Final weights, as dumped from the device and as the golden model has them.
    outputs_match : bool
        Whether every output of every training sample was that of the golden model.
    counters : Counters
        Of the training samples alone.
    samples_per_s : float
        Samples over the time that the device took to train.
    """

    history: list[EpochRecord]
    parameters: Parameters
    golden: Parameters
    outputs_match: bool
    counters: Counters
    samples: int
    samples_per_s: float

    @property
    def weights_match(self) -> bool:
        """Whether every weight and bias is that of the golden model."""
        return all(np.array_equal(a, b)
                   for pair, other in zip(self.parameters, self.golden, strict=True)
                   for a, b in zip(pair, other, strict=True))


def train_on_device(plan: Plan, dataset: Dataset, device: Accelerator, *, epochs: int,
                    progress: Callable[[int, int], None] | None = None,
                    on_epoch: Callable[[EpochRecord], None] | None = None) -> DeviceTraining:
    """Train from the initial weights for ``epochs`` passes over ``dataset``; an epoch is one run.

    Parameters
    ----------
    progress : callable, optional
        Called with the samples done and the samples in all.
    on_epoch : callable, optional
        Called with each epoch's record.
    """
    config, engine = plan.config, engine_of(plan)
    codes = quantize_dataset(plan, dataset)
    start = engine.part("initial")(plan)
    golden, n = engine.part("golden")(plan, start), len(codes.x_train)
    device.load(start)
    device.restart()
    history, seconds, outputs_match = [], 0.0, True
    cycles = slots = samples = 0

    def update(done: int, _) -> None:
        if progress is not None:
            progress(samples + done, epochs * n)

    with ThreadPoolExecutor(1) as pool:
        for epoch in range(1, epochs + 1):
            order = sample_order(config.seed, epoch, n, shuffle=config.shuffle)
            x, target = codes.x_train[order], codes.target_train[order]
            golden.rate = config.rate_in(epoch)
            device.clear()
            expected = pool.submit(golden.train_run, x, target)
            begin = perf_counter()
            outputs = device.train(x, target, golden.rate, progress=update)
            seconds += perf_counter() - begin
            outputs_match &= bool(np.array_equal(outputs, expected.result()))
            counters = device.counters()
            cycles, slots = cycles + counters.cycles, slots + counters.slots
            samples += counters.samples
            history.append(epoch_record(plan, epoch, outputs, codes.y_train[order],
                                        device.infer(codes.x_test), codes.y_test,
                                        plan.output.formats.a.one))
            if on_epoch is not None:
                on_epoch(history[-1])
    return DeviceTraining(
        history=history, parameters=device.dump(), golden=golden.parameters,
        outputs_match=outputs_match,
        counters=Counters(cycles=cycles, slots=slots, samples=samples),
        samples=epochs * n, samples_per_s=epochs * n / max(seconds, 1e-9))
