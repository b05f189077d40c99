"""Softmax in integers: exactly 0 and 1 at the ends, near float in between, tables nearest."""

from decimal import Decimal

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.data import load_for
from taxonn_hw.fixed import Rounding
from taxonn_hw.golden import train_golden
from taxonn_hw.golden.softmax import softmax_codes
from taxonn_hw.plan import Network
from taxonn_hw.plan.softmax import softmax_tables


def layer(n=4, **keys):
    return Network(config_from_dict({"layers": [3, n], "output": "softmax", **keys})).output


def codes(top, z):
    """Return the outputs for real sums ``z``."""
    acc = np.floor(np.asarray(z) * 2.0**top.forward_frac + 0.5).astype(np.int64)
    return softmax_codes(acc, top, Rounding.HALF_UP)


@pytest.mark.parametrize("bits", range(4, 13))
def test_tables(bits):
    tables = softmax_tables(bits)
    assert len(tables.exponent) == 2**bits + 1 and len(tables.reciprocal) == 2**bits
    assert tables.exponent[0] == 2**15 and tables.exponent[-1] == 0
    assert tables.reciprocal[0] == 2**16 and tables.reciprocal.min() > 2**15
    for d in range(0, 2**bits, 37):
        exact = (-Decimal(d) / 2 ** (bits - 3)).exp() * 2**15
        assert abs(tables.exponent[d] - exact) <= Decimal("0.5")
    assert (np.diff(tables.exponent) <= 0).all() and (np.diff(tables.reciprocal) < 0).all()
    assert tables.z.frac == bits - 3


@pytest.mark.parametrize("frac", [4, 7, 12])
def test_the_ends_are_exact(frac):
    top = layer(formats={"output": f"u{frac + 1}.{frac}"})
    z = np.full((4, 4), -3.0) + 9.0 * np.eye(4)
    np.testing.assert_array_equal(codes(top, z), np.eye(4) * 2**frac)
    np.testing.assert_array_equal(codes(top, 0 * z), 2**frac // 4)  # four equal outputs
    np.testing.assert_array_equal(codes(top, [3.0, 3, -9, -9]), [2**frac // 2] * 2 + [0] * 2)


@pytest.mark.parametrize(("bits", "table_bits"), [(8, 8), (8, 10), (8, 12), (16, 12)])
@pytest.mark.parametrize("n", [2, 3, 10, 100])
def test_near_float(n, bits, table_bits):
    top = layer(n, bits=bits, table_bits=table_bits)
    z = np.random.default_rng(n).normal(0, 2, (200, n))
    exact = np.exp(z - z.max(axis=1, keepdims=True))
    exact /= exact.sum(axis=1, keepdims=True)
    # the sums: half a unit of z in d and in the total; the reciprocal: half a cell; the entries:
    # half a unit each, n of them in the total; exp(-8) that counts as 0; the last rounding
    relative = 2.0 ** (3 - table_bits) * 1.1 + 2.0 ** -(table_bits + 1) + (n + 1) * 2.0**-16
    bound = relative * exact + (n * 3.4e-4 + 2.0**-16) + 2.0 ** -(top.formats.a.frac + 1)
    q = top.formats.a
    assert (np.abs(q.to_real(codes(top, z)) - exact) <= bound).all()


def test_far_sums_saturate_alike():
    """Beyond the format of z both are its ends; the largest still wins."""
    top = layer()
    np.testing.assert_array_equal(codes(top, [400.0, -400, 0, 0]), [128, 0, 0, 0])
    np.testing.assert_array_equal(codes(top, [400.0, 500, 0, 0]), [64, 64, 0, 0])


@pytest.mark.parametrize("bits", [4, 8])
def test_digits_are_learnt_as_well_as_in_float(bits):
    network = Network(config_from_dict({"layers": [64, 32, 10], "output": "softmax", "bits": bits,
                                        "learning_rate_exponent": 5}))
    result = train_golden(network, load_for(network), epochs=3, with_float=True)
    assert result.float_accuracy > 94
    assert result.test_accuracy > result.float_accuracy - 4
