"""Samples that were sent and never run must not leak into the next run."""

import numpy as np
import pytest

from taxonn_hw.bus.registers import FIELDS
from taxonn_hw.config import config_from_dict
from taxonn_hw.golden import GoldenModel, initial_weights
from taxonn_hw.host.simulation import open_simulation
from taxonn_hw.plan import Network
from taxonn_hw.plan.streams import element_width, pack_bits, sample_beats

from ..random_configs import random_samples


@pytest.mark.parametrize(("mapping", "flushed"), [("outputs", True), ("inputs", True),
                                                  ("outputs", False)])
def test_flush_drops_what_was_loaded(mapping, flushed):
    network = Network(config_from_dict({"layers": [6, 5, 3], "lanes": 3, "mapping": mapping}))
    x, target = random_samples(network, 6, 1)
    golden, start = GoldenModel(network), initial_weights(network)
    expected = [golden.train(*pair).output for pair in zip(x[3:], target[3:], strict=True)]
    with open_simulation(network) as device:
        device.load(start)
        device.restart()
        width = element_width(network)
        beats = pack_bits(sample_beats(network, x[:2], target[:2]), width)
        device.write("control", 1 << FIELDS["control.train"])
        device.transport.exchange({"i_samples": beats}, {}, 1000)  # loaded, never started
        if flushed:
            device.flush()
        outputs = device.train(x[3:], target[3:])
        dumped = device.dump()
    same = all(np.array_equal(a, b) for pair, other in zip(dumped, golden.parameters, strict=True)
               for a, b in zip(pair, other, strict=True))
    assert np.array_equal(outputs, expected) is flushed
    assert same is flushed
