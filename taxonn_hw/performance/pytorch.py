"""The same training in PyTorch, on the CPU or on a GPU: an extra, skipped where it is missing.

Every way trains the dense network of the hardware.  Batch 1 takes a step after each sample, as the
hardware does; larger batches do other work (fewer steps) and are there for comparison.
"""

from collections.abc import Callable
from importlib.util import find_spec
from time import perf_counter

import numpy as np

from .software import STEP, start_parameters

__all__ = ["compiled", "eager", "graph", "has_torch", "parameters", "train_torch"]

_UNROLLED = 16   # samples of one compiled call
_BATCHES = (64, 256, 1024, 4096)
_WARM_UP = 64    # calls


def has_torch() -> bool:
    """Whether PyTorch is installed."""
    return find_spec("torch") is not None


def train_torch(sizes: list[int], x: np.ndarray, target: np.ndarray, *, device: str = "cpu",
                say: Callable[[str], None] = lambda text: None) -> list[dict]:
    """Measure PyTorch on ``device`` (``cpu`` or ``cuda``); return rows of JSON values.

    x : float32 [n, n_in]; target : float32 [n, n_out].
    """
    import torch

    torch.set_num_threads(1)
    samples, targets = (torch.from_numpy(a).to(device) for a in (x, target))
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU, one thread"
    base = {"device": name, "version": torch.__version__}
    ways = {"eager": eager}
    ways |= {"CUDA graphs": graph} if device == "cuda" else {"compiled": compiled}
    rows = []
    for way, make in ways.items():
        rates = {}
        for batch in (1, *_BATCHES):
            if batch > len(samples) or (batch > 1 and make is compiled):
                continue
            say(f"PyTorch, {way}, batch {batch}")
            with torch.inference_mode() if make is eager else torch.no_grad():
                run, at_once = make(torch, *parameters(torch, sizes, device), samples, targets,
                                    batch)
                rates[batch] = at_once * _timed(torch, run, len(samples) // at_once)
        best = max(rates, key=rates.get)
        rows += [{"way": f"PyTorch {way}", "batch": batch, **base, "samples_per_s": rates[batch]}
                 for batch in sorted({1, best})]
    return rows


def parameters(torch, sizes: list[int], device: str) -> tuple[list, list]:
    """Return the weights and biases that all ways of a computer start from."""
    return tuple([torch.from_numpy(a).to(device) for a in arrays]
                 for arrays in start_parameters(sizes))


def _step(torch, weights, biases, x, t):
    """One step of a batch [B, n_in], in place."""
    values = [x]
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        z = torch.addmm(b, values[-1], w.T)
        values.append(torch.relu(z) if k < len(weights) - 1
                      else torch.clamp(0.5 + z / 4, 0, 1))
    delta = values[-1] - t
    for k in reversed(range(len(weights))):
        below = (delta @ weights[k]) * (values[k] > 0) if k else None
        weights[k].addmm_(delta.T, values[k], alpha=-STEP)
        biases[k].sub_(delta.sum(0), alpha=STEP)
        delta = below


def _timed(torch, run: Callable[[int], None], n: int) -> float:
    """Return the calls a second of ``run(k)``, of ``n``."""
    for k in range(_WARM_UP):
        run(k)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    begin = perf_counter()
    for k in range(n):
        run(k)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return n / (perf_counter() - begin)


def eager(torch, weights, biases, samples, targets, batch: int):
    """Return ``run(k)``, which trains in place with group ``k`` of the samples, and the samples of
    a group; as the other ways."""
    xs, ts = _groups(samples, batch), _groups(targets, batch)
    return lambda k: _step(torch, weights, biases, xs[k % len(xs)], ts[k % len(xs)]), batch


def compiled(torch, weights, biases, samples, targets, batch: int):
    """Several steps in one compiled call, so that a call costs little."""
    @torch.compile
    def steps(xs, ts):
        for x, t in zip(xs.split(batch), ts.split(batch), strict=True):
            _step(torch, weights, biases, x, t)

    at_once = _UNROLLED * batch
    xs, ts = _groups(samples, at_once), _groups(targets, at_once)
    return lambda k: steps(xs[k % len(xs)], ts[k % len(xs)]), at_once


def graph(torch, weights, biases, samples, targets, batch: int):
    """A step recorded once and replayed, its samples copied into place."""
    xs, ts = _groups(samples, batch), _groups(targets, batch)
    x, t = xs[0].clone(), ts[0].clone()
    trained = (*weights, *biases)
    before = [value.clone() for value in trained]
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # what libraries do at first is not recorded
        _step(torch, weights, biases, x, t)
    torch.cuda.current_stream().wait_stream(stream)
    for value, start_value in zip(trained, before, strict=True):
        value.copy_(start_value)
    recorded = torch.cuda.CUDAGraph()
    with torch.cuda.graph(recorded):
        _step(torch, weights, biases, x, t)

    def run(k):
        x.copy_(xs[k % len(xs)])
        t.copy_(ts[k % len(ts)])
        recorded.replay()

    return run, batch


def _groups(values, size: int):
    """Return ``values`` [n, m] as [groups, size, m]; what is left over is dropped."""
    groups = len(values) // size
    return values[:groups * size].view(groups, size, -1)
