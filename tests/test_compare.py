"""The first weight that differs is named by layer, row and lane, as it lies in the memory."""

import numpy as np
import pytest

from taxonn_hw.compare import count_differences, first_difference
from taxonn_hw.config import config_from_dict
from taxonn_hw.golden import initial_weights
from taxonn_hw.plan import Network

from .memories import memories


@pytest.mark.parametrize("mapping", ["outputs", "inputs"])
@pytest.mark.parametrize("lanes", [1, 2, 3, 8])
def test_place_is_where_the_layout_puts_it(mapping, lanes):
    network = Network(config_from_dict({"layers": [5, 4, 3], "lanes": lanes, "mapping": mapping}))
    expected = initial_weights(network)
    assert first_difference(network, expected, expected) is None
    for layer in range(2):
        for part in range(2):
            for index in np.ndindex(expected[layer][part].shape):
                got = [(w.copy(), b.copy()) for w, b in expected]
                got[layer][part][index] ^= 1
                found = first_difference(network, expected, got)
                assert count_differences(expected, got) == 1
                rows, biases = memories(network, got)
                old_rows, old_biases = memories(network, expected)
                if found.lane is None:
                    places = np.argwhere(biases != old_biases).tolist()
                    assert places == [[found.row]]
                else:
                    assert np.argwhere(rows != old_rows).tolist() == [[found.row, found.lane]]
                assert found.layer == layer + 1 and found.output == index[0]
                assert found.input == (index[1] if part == 0 else None)
                assert found.got == found.expected ^ 1 == got[layer][part][index]


def test_message():
    network = Network(config_from_dict({"layers": [2, 2], "lanes": 2, "mapping": "outputs"}))
    expected = initial_weights(network)
    got = [(expected[0][0].copy(), expected[0][1] + 3)]
    assert str(first_difference(network, expected, got)) == (
        "layer 1, bias to output 0 (row 2, lane 0): expected 0, got 3")
