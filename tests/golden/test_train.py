"""Training runs: order, accuracy, history, and that nets learn."""

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.data import load_for, quantize_dataset
from taxonn_hw.golden import GoldenModel, accuracy, predict, sample_order, train_golden
from taxonn_hw.plan import Network


def make(**keys) -> Network:
    return Network(config_from_dict({"layers": [64, 16, 10], **keys}))


def test_sample_order_is_a_permutation_of_its_own_per_epoch():
    orders = {(seed, epoch): tuple(sample_order(seed, epoch, 50))
              for seed in (1, 2) for epoch in (1, 2)}
    assert all(sorted(order) == list(range(50)) for order in orders.values())
    assert len(set(orders.values())) == 4
    assert tuple(sample_order(1, 2, 50)) == orders[1, 2]


def test_predict():
    outputs = np.array([[1, 3, 3], [5, 5, 0], [-2, -1, -4]])
    assert predict(outputs, 128).tolist() == [1, 0, 1]  # the first of the largest
    assert predict(np.array([[63], [64], [65], [-1]]), 128).tolist() == [0, 1, 1, 0]
    assert predict(np.array([[63], [64]]), 127).tolist() == [0, 1]
    assert accuracy(outputs, np.array([1, 1, 1]), 128) == pytest.approx(200 / 3)


@pytest.mark.parametrize("samples", [None, 30, 1500])
def test_a_run_is_golden_training_in_sample_order(samples):
    net = make(bits=5, seed=4)
    data = load_for(net)
    calls = []
    result = train_golden(net, data, epochs=2, samples=samples, seed=11,
                          progress=lambda done, total: calls.append((done, total)))
    n = samples or 1437
    codes, model = quantize_dataset(net, data), GoldenModel(net)
    for record in result.history:
        right = 0
        for i in sample_order(11, record.epoch, n) % 1437:
            output = model.train(codes.x_train[i], codes.target_train[i]).output
            right += int(np.argmax(output)) == codes.y_train[i]
        tested = np.argmax(model.infer(codes.x_test), axis=1) == codes.y_test
        assert record.train_accuracy == pytest.approx(100 * right / n)
        assert record.test_accuracy == pytest.approx(100 * tested.mean())
    for (w, b), (w_ref, b_ref) in zip(result.parameters, model.parameters, strict=True):
        np.testing.assert_array_equal(w, w_ref)
        np.testing.assert_array_equal(b, b_ref)
    assert [record.epoch for record in result.history] == [1, 2]
    assert result.samples == 2 * n and result.samples_per_s > 0
    assert result.test_accuracy == result.history[-1].test_accuracy
    assert result.float_history is None and result.float_accuracy is None
    assert calls[-1] == (2 * n, 2 * n) and calls == sorted(set(calls))


@pytest.mark.parametrize("bits", [4, 8])
def test_digits_are_learnt_as_well_as_in_float(bits):
    net = make(layers=[64, 32, 10], bits=bits)
    result = train_golden(net, load_for(net), epochs=3, with_float=True)
    assert result.float_accuracy > 93
    assert result.test_accuracy > result.float_accuracy - 4
    assert result.history[-1].train_accuracy > result.history[0].train_accuracy
    assert len(result.float_history) == 3


def test_a_single_output_learns():
    net = make(layers=[6, 4, 1], data="random", bits=8, learning_rate_exponent=4)
    result = train_golden(net, load_for(net), epochs=2, with_float=True)
    assert result.test_accuracy > 95 and result.float_accuracy > 95
