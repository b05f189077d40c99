"""A training run on a device, with the golden model beside it on the same samples.

The two run in two threads: the device's clocks pass outside Python, so neither waits.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from ..data import Dataset, QuantizedDataset, quantize_dataset
from ..golden import GoldenModel, initial_weights
from ..golden.train import EpochRecord, accuracy, sample_order
from ..golden.weights import Parameters
from ..plan import Network
from .driver import Accelerator, Counters

__all__ = ["DeviceTraining", "device_accuracy", "train_on_device"]

_BLOCK = 1000  # samples between two reports


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


def train_on_device(network: Network, dataset: Dataset, device: Accelerator, *, epochs: int,
                    progress: Callable[[int, int], None] | None = None,
                    on_epoch: Callable[[EpochRecord], None] | None = None) -> DeviceTraining:
    """Train from the initial weights for ``epochs`` passes over ``dataset``.

    Parameters
    ----------
    progress : callable, optional
        Called with the samples done and the samples in all.
    on_epoch : callable, optional
        Called with each epoch's record.
    """
    codes = quantize_dataset(network, dataset)
    golden, start = GoldenModel(network), initial_weights(network)
    n = len(codes.x_train)
    device.load(start)
    device.restart()
    history, seconds, outputs_match = [], 0.0, True
    cycles = slots = samples = 0
    with ThreadPoolExecutor(1) as pool:
        for epoch in range(1, epochs + 1):
            order = sample_order(network.config.seed, epoch, n)
            outputs = np.empty((n, network.output.n_out), dtype=np.int64)
            device.clear()
            for first in range(0, n, _BLOCK):
                chosen = order[first:first + _BLOCK]
                x, target = codes.x_train[chosen], codes.target_train[chosen]
                model = pool.submit(_train_golden, golden, x, target)
                begin = perf_counter()
                got = device.train(x, target)
                seconds += perf_counter() - begin
                outputs[first:first + len(chosen)] = got
                outputs_match &= bool(np.array_equal(got, model.result()))
                if progress is not None:
                    progress((epoch - 1) * n + first + len(chosen), epochs * n)
            counters = device.counters()
            cycles, slots = cycles + counters.cycles, slots + counters.slots
            samples += counters.samples
            one = network.output.formats.a.one
            history.append(EpochRecord(
                epoch=epoch, test_accuracy=device_accuracy(network, codes, device),
                train_accuracy=accuracy(outputs, codes.y_train[order], one)))
            if on_epoch is not None:
                on_epoch(history[-1])
    return DeviceTraining(
        history=history, parameters=device.dump(), golden=golden.parameters,
        outputs_match=outputs_match,
        counters=Counters(cycles=cycles, slots=slots, samples=samples),
        samples=epochs * n, samples_per_s=epochs * n / max(seconds, 1e-9))


def device_accuracy(network: Network, codes: QuantizedDataset, device: Accelerator) -> float:
    """Return the percentage of the test set that the device gets right."""
    return accuracy(device.infer(codes.x_test), codes.y_test, network.output.formats.a.one)


def _train_golden(golden: GoldenModel, x: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.array([golden.train(*pair).output for pair in zip(x, target, strict=True)])
