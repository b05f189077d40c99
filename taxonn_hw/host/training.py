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
from ..errors import UserError
from ..golden.train import EpochRecord, epoch_record, sample_order
from ..golden.weights import Parameters
from ..plan.base import Plan
from .checkpoint import Checkpoint
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
        Whether every output of every training sample was that of the golden model; of resident
        samples the weights alone show it.
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
                    resume: Checkpoint | None = None, resident: bool = False,
                    progress: Callable[[int, int], None] | None = None,
                    on_epoch: Callable[[EpochRecord], None] | None = None) -> DeviceTraining:
    """Train from the initial weights for ``epochs`` passes over ``dataset``; an epoch is one run.

    Parameters
    ----------
    resume : Checkpoint, optional
        Of the same training, broken off: what comes before it is trained by the golden model only,
        which must have the same weights there.  The result is about the rest.
    resident : bool
        The samples go into the device's resident memory once, and are trained on from there; the
        outputs of the training samples stay in the device, so they are not compared.
    progress : callable, optional
        Called with the samples done and the samples in all.
    on_epoch : callable, optional
        Called with each epoch's record.

    Raises
    ------
    UserError
        When ``resume`` is not of this training.
    """
    config, engine = plan.config, engine_of(plan)
    codes = quantize_dataset(plan, dataset)
    start = engine.part("initial")(plan)
    golden, n = engine.part("golden")(plan, start), len(codes.x_train)
    left = 0 if resume is None else resume.samples  # samples that were learnt before
    if left >= epochs * n:
        raise UserError(f"the checkpoint is after sample {left}, the run has {epochs * n}")
    if resume is None:
        device.begin(start)
    history, seconds, outputs_match, kept = [], 0.0, True, False
    cycles = slots = samples = 0

    def update(done: int, _) -> None:
        if progress is not None:
            progress(samples + done, epochs * n - (resume.samples if resume else 0))

    with ThreadPoolExecutor(1) as pool:
        for epoch in range(1, epochs + 1):
            order = sample_order(config.seed, epoch, n, shuffle=config.shuffle)
            x, target = codes.x_train[order], codes.target_train[order]
            golden.rate = config.rate_in(epoch)
            past, left = min(left, n), max(left - n, 0)
            before = golden.train_run(x[:past], target[:past]) if past else None
            if past == n and left:
                continue
            if past:
                _take_up(device, resume, golden.parameters)
                if past == n:
                    continue
            if resident and not kept:
                device.keep(codes.x_train, codes.target_train)
                kept = True
            device.clear()
            expected = pool.submit(golden.train_run, x[past:], target[past:])
            begin = perf_counter()
            if resident:
                device.train_kept(order[past:], golden.rate, progress=update)
            else:
                outputs = device.train(x[past:], target[past:], golden.rate, progress=update)
            seconds += perf_counter() - begin
            if resident:  # they stay in the device
                outputs = expected.result()
            else:
                outputs_match &= bool(np.array_equal(outputs, expected.result()))
            counters = device.counters()
            cycles, slots = cycles + counters.cycles, slots + counters.slots
            samples += counters.samples
            whole = outputs if before is None else np.concatenate([before, outputs])
            history.append(epoch_record(plan, epoch, whole, codes.y_train[order],
                                        device.infer(codes.x_test), codes.y_test,
                                        plan.output.formats.a.one))
            if on_epoch is not None:
                on_epoch(history[-1])
    return DeviceTraining(
        history=history, parameters=device.dump(), golden=golden.parameters,
        outputs_match=outputs_match,
        counters=Counters(cycles=cycles, slots=slots, samples=samples),
        samples=samples, samples_per_s=samples / max(seconds, 1e-9))


def _take_up(device: Accelerator, resume: Checkpoint, expected: Parameters) -> None:
    """Bring ``device`` to the checkpoint, which must have the golden model's weights."""
    if not all(np.array_equal(a, b) for pair, other in zip(resume.parameters, expected, strict=True)
               for a, b in zip(pair, other, strict=True)):
        raise UserError("the checkpoint does not have this run's weights at its sample: it is of "
                        "other data, another order or another learning rate")
    device.begin(resume.parameters, resume.samples)
