"""Geometry of convolutions, their rows and places, and their rules."""

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.errors import UserError
from taxonn_hw.golden import GoldenModel
from taxonn_hw.plan import Network
from taxonn_hw.plan.conv import Geometry


def conv(channels=2, kernel=3, **keys) -> dict:
    return {"kind": "conv", "channels": channels, "kernel": kernel, **keys}


def make(*layers, image=(1, 6, 6), **keys) -> Network:
    return Network(config_from_dict({
        "input_shape": list(image), "lanes": 4,
        "layers": [*layers, {"size": 2}], **keys}))


def test_sizes_of_lenet():
    network = make(conv(8, 5, pool="max"), conv(16, 5, pool="max"), {"size": 64},
                   image=(1, 28, 28), lanes=16)
    first, second, dense, _ = network.layers
    assert [layer.n_out for layer in network.layers] == [12 * 12 * 8, 4 * 4 * 16, 64, 2]
    assert (first.geometry.n_positions, second.geometry.n_positions) == (576, 64)
    assert (first.n_rows, second.n_rows) == (14, 201) and dense.n_in == 256
    assert (first.groups, second.groups) == (2, 1)  # two taps of 8 channels in a row
    assert [layer.row_base for layer in network.layers[:3]] == [0, 14, 215]
    assert [layer.neuron_base for layer in network.layers] == [0, 576, 640, 704]
    assert network.n_weights == 26 * 8 + 201 * 16 + 257 * 64 + 65 * 2
    assert network.facts()["layers"][0]["output_image"] == [8, 12, 12]


@pytest.mark.parametrize(("keys", "positions", "pooled"), [
    (dict(kernel_height=1, kernel_width=1), 30, 30),
    (dict(kernel_height=5, kernel_width=6), 1, 1),
    (dict(stride=3), 2, 2),                               # 3x4 positions thinned to 1x2
    (dict(padding=1), 30, 30),
    (dict(pool="max", pool_size=2), 8, 2),                # of 3x4, the third row fills no window
    (dict(padding=1, pool="average", pool_size=3), 18, 2),
])
def test_taps_against_loops(keys, positions, pooled):
    g = Geometry(**{**dict(channels_in=3, height=5, width=6, channels_out=2, kernel_height=3,
                           kernel_width=3, stride=1, padding=0, pool="none", pool_size=1), **keys})
    assert (g.n_positions, g.n_pooled, g.n_out) == (positions, pooled, 2 * pooled)
    columns = g.pooled_width * g.pool_size
    assert sorted(g.positions.ravel()) == list(range(positions))
    for k, position in enumerate(g.positions.ravel()):
        y, x = divmod(int(position), columns)
        window = y // g.pool_size * g.pooled_width + x // g.pool_size
        inside = y % g.pool_size * g.pool_size + x % g.pool_size
        assert (window, inside) == divmod(k, g.window)
        expected = []
        for c in range(3):
            for dy in range(g.kernel_height):
                for dx in range(g.kernel_width):
                    row, column = y * g.stride + dy - g.padding, x * g.stride + dx - g.padding
                    inside = 0 <= row < 5 and 0 <= column < 6
                    expected.append((row * 6 + column) * 3 + c if inside else g.n_in)
        assert g.taps[k].tolist() == expected
    used = [int(np.sum(g.taps == n)) for n in range(g.n_in)]
    assert g.most_uses == max(used)


def test_every_value_has_a_place_of_its_own():
    """Activations one a position, deltas one a pooled neuron; rows of layers do not overlap."""
    network = make(conv(5, 2, pool="max"), conv(3, 1, pool="average"), image=(1, 5, 5), lanes=2)
    first, second, dense = network.layers
    rows, lanes = first.activation_places
    places = {(int(row), int(lane)) for row, lane in zip(rows.ravel(), lanes.ravel(), strict=True)}
    assert len(places) == 16 * 5 and {row for row, _ in places} == set(range(16 * 3))
    for k in range(16):
        for channel in range(5):
            assert rows[k, channel] == channel // 2 * 16 + k
            assert lanes[k, channel] == channel % 2
    rows, _ = first.delta_places  # four pooled positions
    assert rows.tolist() == [[c // 2 * 4 + p for c in range(5)] for p in range(4)]
    assert second.neuron_base == 48 and dense.neuron_base == 48 + 4 * 2
    assert second.delta_places[0].tolist() == second.activation_places[0].tolist()


@pytest.mark.parametrize(("side", "factor", "shift"), [
    (1, 1, 0), (2, 1, 2), (4, 1, 4), (3, 7282, 16), (5, 2621, 16), (6, 1820, 16)])
def test_factor_of_a_mean(side, factor, shift):
    layer = make(conv(pool="average", pool_size=side), image=(1, 9, 9)).layers[0]
    assert (layer.mean_factor, layer.mean_shift) == (factor, shift)
    assert layer.update_terms == layer.geometry.n_positions


def test_parameters_move_and_come_back():
    network = make(conv(5, 2), conv(3, [1, 2]), image=(2, 4, 4), lanes=2)
    count, parameters = 1, []
    for layer in network.layers:
        n = int(np.prod(layer.weight_shape))
        parameters.append((count + np.arange(n).reshape(layer.weight_shape),
                           count + n + np.arange(layer.weight_shape[0])))
        count += n + layer.weight_shape[0]
    beats = network.pack(parameters)
    rows = beats[0].reshape(network.n_rows, 2)
    for pair, expected in zip(network.unpack(beats), parameters, strict=True):
        for array, reference in zip(pair, expected, strict=True):
            np.testing.assert_array_equal(array, reference)
    for layer, (weight, bias) in zip(network.layers[:2], parameters, strict=False):
        for o in range(layer.weight_shape[0]):
            for tap in range(layer.weight_shape[1]):
                place = network.place(layer, o, tap)
                assert rows[place.row, place.lane] == weight[o, tap]
                assert place.row == layer.row_base + o // 2 * layer.row_stride + tap
            place = network.place(layer, o, None)
            assert rows[place.row, place.lane] == bias[o]


@pytest.mark.parametrize("keys", [dict(), dict(pool="max"), dict(pool="average", pool_size=2)])
def test_sums_reach_their_bounds_and_no_more(keys):
    """Forward, backward and gradient bounds are sums that real codes can make."""
    network = make(conv(3, 3, **keys), conv(2, 1), image=(2, 7, 7))
    rails = [(np.full(layer.weight_shape, layer.formats.weight.lo),
              np.full(layer.weight_shape[0], layer.formats.bias.lo)) for layer in network.layers]
    layer, state = network.layers[0], GoldenModel(network, rails)._states[0]
    f = layer.formats
    sums = state.forward(np.full(layer.n_in, f.x.hi))
    assert np.abs(sums).max() == layer.forward_bound
    state.chosen = np.full((layer.geometry.n_pooled, 3), layer.geometry.window - 1)
    deltas = np.full(layer.delta_places[0].size, f.delta.lo)
    bound = np.abs(state.backward(deltas)).max()
    assert bound <= layer.backward_bound
    if layer.geometry.pool != "max":
        assert bound == layer.backward_bound
    gradient = state.columns.T @ state._positions(deltas)
    assert np.abs(gradient).max() == layer.gradient_bound


@pytest.mark.parametrize(("layers", "keys", "message"), [
    ([conv(2, 7)], {}, r"layer 1: the kernel 7 x 7 does not fit the image 6 x 6 \(padding inc"),
    ([conv(2, [7, 1])], {}, "layer 1: the kernel 7 x 1 does not fit the image 6 x 6"),
    ([conv(2, 5), conv(2, 3)], {}, "layer 2: the kernel 3 x 3 does not fit the image 2 x 2"),
    ([conv(2, 3, pool="max", pool_size=5)], {},
     "layer 1: the pooling window 5 x 5 does not fit the 4 x 4 positions"),
    ([conv(8, 1, pool="max", pool_size=30)], {"image": (1, 60, 60), "lanes": 1},
     "the images need 28802 rows of 1 lanes, at most 16384 are allowed; use more lanes"),
    ([conv(2, 5)], {"image": (1, 128, 128), "bits": 16, "formats": {
        "delta": "s24.15", "input": "u16.16"}}, "layer 1: the kernel gradient accumulator needs"),
])
def test_rules(layers, keys, message):
    with pytest.raises(UserError, match=message) as error:
        make(*layers, **keys)
    assert "\n" not in str(error.value)
