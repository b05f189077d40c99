"""What PyTorch trains is the network that numpy trains, whichever way a step is called.

PyTorch is an extra: without it these are skipped, and say so.
"""

import numpy as np
import pytest

from taxonn_hw.performance.pytorch import compiled, eager, graph, parameters, train_torch
from taxonn_hw.performance.software import start_parameters, train_numpy

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed: pip install 'taxonn_hw[torch]'")

SIZES = [9, 7, 5]
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


def samples(n):
    rng = np.random.default_rng(3)
    return (rng.random((n, SIZES[0]), np.float32),
            np.eye(SIZES[-1], dtype=np.float32)[rng.integers(0, SIZES[-1], n)])


def trained(make, device, x, target, batch):
    """Weights after all samples, in their order."""
    on_device = [torch.from_numpy(values).to(device) for values in (x, target)]
    weights, biases = parameters(torch, SIZES, device)
    with torch.no_grad():
        run, at_once = make(torch, weights, biases, *on_device, batch)
        for k in range(len(x) // at_once):
            run(k)
    return [w.cpu().numpy() for w in weights]


@pytest.mark.parametrize(("make", "device"), [
    (eager, "cpu"), (compiled, "cpu"), pytest.param(eager, "cuda", marks=GPU),
    pytest.param(graph, "cuda", marks=GPU)])
def test_a_sample_at_a_time_is_what_numpy_does(make, device):
    x, target = samples(128)
    for ours, theirs in zip(trained(make, device, x, target, 1),
                            train_numpy(SIZES, x, target)[1], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=GPU)])
def test_a_batch_is_one_step_of_the_sum(device):
    x, target = samples(8)
    alone = [trained(eager, device, x[k:k + 1], target[k:k + 1], 1) for k in range(8)]
    begin = start_parameters(SIZES)[0]
    for w, together, *each in zip(begin, trained(eager, device, x, target, 8), *alone,
                                  strict=True):
        np.testing.assert_allclose(together - w, sum(a - w for a in each), atol=1e-4)


@GPU
def test_a_graph_of_a_batch_is_the_eager_step():
    x, target = samples(256)
    for a, b in zip(trained(graph, "cuda", x, target, 64), trained(eager, "cuda", x, target, 64),
                    strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_rows():
    rows = train_torch(SIZES, *samples(128))
    assert {row["way"] for row in rows} == {"PyTorch eager", "PyTorch compiled"}
    assert {1} < {row["batch"] for row in rows} <= {1, 64}
    assert all(row["samples_per_s"] > 0 and row["device"] == "CPU, one thread" for row in rows)
