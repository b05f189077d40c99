"""How the parameters of engine ``taxonn`` lie in its memories.

The weight memory has ``network.n_rows`` rows of ``network.lanes`` words of ``network.word`` bits.
Layers with lanes = inputs keep their biases in the scalar bias memory, one word a neuron, at
``layer.neuron_base + output``.  The weight stream moves ``weight_group(lanes)`` words a beat, a
row from lane 0 up.
"""

from typing import TYPE_CHECKING

import numpy as np

from .base import Move, Place

if TYPE_CHECKING:
    from .network import Layer, Network

__all__ = ["moves", "pack", "place", "unpack", "weight_group"]


def weight_group(lanes: int) -> int:
    """Return the words of a weight-stream beat: a divisor of ``lanes``, 1 for few lanes.

    An eighth of a row at most, for small devices move their weights over slow lines; 8 at most.
    """
    most = max(1, min(lanes // 8, 8))
    return max(k for k in range(1, most + 1) if lanes % k == 0)


def moves(network: "Network") -> tuple[Move, ...]:
    """Return the commands that move all parameters: the rows, then scalar biases where any are."""
    rows = Move(bias=False, count=network.n_rows,
                beats=network.n_rows * network.lanes // network.weight_group)
    if not network.has_scalar_biases:
        return (rows,)
    return (rows, Move(bias=True, count=network.n_neurons, beats=network.n_neurons))


def pack(network: "Network", parameters) -> list[np.ndarray]:
    """Return the beats of the weight memory and, where it is, of the scalar bias memory.

    Signed codes int64 [beats, weight_group]; a scalar bias is the first word of its beat, unused
    words are zero.
    """
    rows = np.zeros((network.n_rows, network.lanes), dtype=np.int64)
    biases = np.zeros((network.n_neurons, network.weight_group), dtype=np.int64)
    for layer, (weight, bias) in zip(network.layers, parameters, strict=True):
        items = np.concatenate([weight.T, bias[None]]) if layer.by_outputs else weight
        rows[_places(layer)] = items
        if not layer.by_outputs:
            biases[layer.neuron_base:layer.neuron_base + layer.n_out, 0] = bias
    beats = rows.reshape(-1, network.weight_group)
    return [beats, biases] if network.has_scalar_biases else [beats]


def unpack(network: "Network", elements: list[np.ndarray]):
    """Return the parameter set ``[(W, b)]`` in the beats ``elements``; undoes :func:`pack`."""
    rows = elements[0].reshape(network.n_rows, network.lanes)
    parameters = []
    for layer in network.layers:
        items = rows[_places(layer)]
        if layer.by_outputs:
            parameters.append((items[:-1].T.copy(), items[-1].copy()))
        else:
            base = layer.neuron_base
            bias = elements[1][base:base + layer.n_out, 0].copy()
            parameters.append((items, bias))
    return parameters


def place(layer: "Layer", output: int, source: int | None) -> Place:
    """Return where the weight from ``source`` to ``output`` lies; the bias without ``source``."""
    if source is None and not layer.by_outputs:
        return Place(input=None, row=layer.neuron_base + output, lane=None)
    item = layer.weight_shape[1] if source is None else source
    side, item = (output, item) if layer.by_outputs else (item, output)
    rows, lanes = _places(layer)
    return Place(input=source, row=int(rows[item, side]), lane=int(lanes[item, side]))


def _places(layer: "Layer") -> tuple[np.ndarray, np.ndarray]:
    """Rows and lanes of the items of ``layer``, int64 [item, side]."""
    side = layer.weight_shape[0] if layer.by_outputs else layer.n_in
    block, lane = np.divmod(np.arange(side), layer.lanes)
    item_row, item_lane = layer.item_places
    rows = layer.row_base + block * layer.row_stride + item_row[:, None]
    lanes = lane + np.zeros_like(rows) if isinstance(item_lane, int) else lane + item_lane[:, None]
    return rows, lanes
