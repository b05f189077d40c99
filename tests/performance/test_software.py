"""What a computer trains is the same network, whichever way it is written."""

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.data import load_for, quantize_dataset
from taxonn_hw.engines import make_plan
from taxonn_hw.performance.software import (
    STEP,
    dense_sizes,
    train_blas,
    train_golden,
    train_numpy,
)


def samples(sizes, n):
    rng = np.random.default_rng(2)
    x = rng.random((n, sizes[0]), np.float32)
    return x, np.eye(sizes[-1], dtype=np.float32)[rng.integers(0, sizes[-1], n)]


@pytest.mark.parametrize("sizes", [[5, 3], [7, 6, 4], [9, 1, 5, 2]])
def test_both_ways_train_the_same_weights(sizes):
    x, target = samples(sizes, 60)
    (rate, plain), (_, ranked) = train_numpy(sizes, x, target), train_blas(sizes, x, target)
    assert rate > 0
    for a, b in zip(plain, ranked, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_one_step_by_hand():
    """A single layer: the weights move against the error of the hard sigmoid, times the input."""
    x, target = samples([3, 2], 1)
    _, (start,) = train_numpy([3, 2], x[:0], target[:0])
    _, (end,) = train_numpy([3, 2], x, target)
    a = np.clip(0.5 + start @ x[0] / 4, 0, 1)
    np.testing.assert_allclose(end, start - STEP * np.outer(a - target[0], x[0]), atol=1e-6)


def test_the_golden_model_and_the_sizes():
    plan = make_plan(config_from_dict({"layers": [6, 5, 3], "lanes": 4, "data": "random"}))
    codes = quantize_dataset(plan, load_for(plan, samples=10))
    assert dense_sizes(plan) == [6, 5, 3]
    assert train_golden(plan, codes.x_train, codes.target_train) > 0
