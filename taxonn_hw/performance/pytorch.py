"""The same training in PyTorch, on the CPU or on a GPU: an extra, skipped where it is missing.

Every way trains the dense network of the hardware.  Batch 1 takes a step after each sample, as the
hardware does; larger batches do other work (fewer steps) and are there for comparison.
"""

from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from time import perf_counter

import numpy as np

from .software import STEP

__all__ = ["has_torch", "train_torch"]

_UNROLLED = 16   # samples of one compiled call
_BATCHES = (64, 256, 1024, 4096)
_WARM_UP = 64


def has_torch() -> bool:
    """Whether PyTorch is installed."""
    return find_spec("torch") is not None


def train_torch(sizes: list[int], x: np.ndarray, target: np.ndarray, *, device: str = "cpu",
                say: Callable[[str], None] = lambda text: None) -> list[dict]:
    """Measure PyTorch on ``device`` (``cpu`` or ``cuda``); return rows of JSON values.

    x : float32 [n, n_in]; target : float32 [n, n_out].
    """
    import torch

    torch.manual_seed(1)
    torch.set_num_threads(1)
    samples, targets = (torch.from_numpy(a).to(device) for a in (x, target))
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU, one thread"
    base = {"device": name, "version": torch.__version__}
    ways = {"eager": _eager}
    ways |= {"CUDA graphs": _graph} if device == "cuda" else {"compiled": _compiled}
    rows = []
    for way, make in ways.items():
        say(f"PyTorch, {way}, batch 1")
        rows.append({"way": f"PyTorch {way}", "batch": 1, **base,
                     "samples_per_s": make(torch, sizes, samples, targets, 1)})
        if make is _compiled:
            continue
        rates = {}
        for batch in (b for b in _BATCHES if b <= len(samples)):
            say(f"PyTorch, {way}, batch {batch}")
            rates[batch] = make(torch, sizes, samples, targets, batch)
        if rates:
            best = max(rates, key=rates.get)
            rows.append({"way": f"PyTorch {way}", "batch": best, **base,
                         "samples_per_s": rates[best]})
    return rows


def _parameters(torch, sizes, device):
    weights = [torch.randn(n, m, device=device) / m**0.5
               for m, n in pairwise(sizes)]
    return weights, [torch.zeros(n, device=device) for n in sizes[1:]]


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
    """Return the samples a second of ``run(start)``, which trains from sample ``start`` on."""
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


def _eager(torch, sizes, samples, targets, batch: int) -> float:
    weights, biases = _parameters(torch, sizes, samples.device)
    groups = len(samples) // batch
    with torch.inference_mode():
        weights, biases = _parameters(torch, sizes, samples.device)
        xs, ts = samples[:groups * batch], targets[:groups * batch]
        xs, ts = xs.view(groups, batch, -1), ts.view(groups, batch, -1)
        return batch * _timed(
            torch, lambda k: _step(torch, weights, biases, xs[k % groups], ts[k % groups]), groups)


def _compiled(torch, sizes, samples, targets, _) -> float:
    """Several steps in one compiled call, so that a call costs little."""
    weights, biases = _parameters(torch, sizes, samples.device)

    @torch.compile
    def steps(xs, ts):
        for k in range(_UNROLLED):
            _step(torch, weights, biases, xs[k:k + 1], ts[k:k + 1])

    groups = len(samples) // _UNROLLED
    with torch.no_grad():
        return _UNROLLED * _timed(torch, lambda k: steps(
            samples[k % groups * _UNROLLED:][:_UNROLLED],
            targets[k % groups * _UNROLLED:][:_UNROLLED]), groups)


def _graph(torch, sizes, samples, targets, batch: int) -> float:
    """A step recorded once and replayed, its inputs copied into place."""
    weights, biases = _parameters(torch, sizes, samples.device)
    x, t = samples[:batch].clone(), targets[:batch].clone()
    groups = len(samples) // batch
    with torch.no_grad():
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            _step(torch, weights, biases, x, t)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            _step(torch, weights, biases, x, t)

        def run(k):
            start = k % groups * batch
            x.copy_(samples[start:start + batch])
            t.copy_(targets[start:start + batch])
            graph.replay()

        return batch * _timed(torch, run, groups)
