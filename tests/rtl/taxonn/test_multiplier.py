"""Steps of a multiple of a power of two through the compiled Verilog: every bit, every clock."""

import pytest

from ...golden.test_conv import SHAPES, make
from ..networks import make_network
from . import test_conv_nets
from .test_softmax import check


@pytest.mark.parametrize("keys", [
    {"mapping": "outputs", "learning_rate_multiplier": 255},
    {"mapping": "inputs", "learning_rate_multiplier": 3},
    {"mapping": "outputs", "learning_rate_multiplier": 5, "formats": {"delta": "p4.6"}},
    {"bits": 12, "learning_rate_multiplier": 200, "learning_rate_exponent": 9},
], ids=str)
def test_dense(keys):
    check(make_network((5, 4, 3), **keys))


@pytest.mark.parametrize("delta", ["s8.7", "p4.6"])
def test_convolution(delta):
    image, layers = SHAPES["odd image, pooled"]
    test_conv_nets.check(make(image, layers, lanes=4, learning_rate_multiplier=7,
                              formats={"delta": delta}))
