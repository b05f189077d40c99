"""How parameters lie in the weight memory, and how codes travel on the streams.

The weight memory has ``network.n_rows`` rows of ``network.lanes`` words of ``network.word`` bits.
Layers with lanes = inputs keep their biases in the scalar bias memory, one word a neuron, at
``layer.neuron_base + output``.  The weight stream moves ``weight_group(lanes)`` words a beat, a
row from lane 0 up; the sample stream moves ``samples_per_clock`` elements a beat.
"""

import numpy as np

from .network import Layer, Network

__all__ = [
    "element_width",
    "geometry",
    "pack_bits",
    "pack_parameters",
    "sample_beats",
    "unpack_bits",
    "unpack_parameters",
    "weight_group",
]


def weight_group(lanes: int) -> int:
    """Return the words of a weight-stream beat: the largest divisor of ``lanes`` up to 8."""
    return max(k for k in range(1, min(lanes, 8) + 1) if lanes % k == 0)


def element_width(network: Network) -> int:
    """Return the bits of one element of a sample-stream beat: input or target code."""
    return max(network.input.width, network.output.formats.a.width)


def geometry(network: Network) -> int:
    """Return the geometry register: lanes [15:0], weight group [23:16], sample group [31:24]."""
    return network.lanes | weight_group(network.lanes) << 16 | network.samples_per_clock << 24


def pack_parameters(network: Network, parameters) -> tuple[np.ndarray, np.ndarray]:
    """Return ``(rows, biases)``: weight memory [n_rows, lanes] and scalar biases [n_neurons].

    Both int64, signed codes; unused words are zero.
    """
    rows = np.zeros((network.n_rows, network.lanes), dtype=np.int64)
    biases = np.zeros(network.n_neurons, dtype=np.int64)
    for layer, (weight, bias) in zip(network.layers, parameters, strict=True):
        items = np.concatenate([weight.T, bias[None]]) if layer.by_outputs else weight
        _blocks(layer, rows)[...] = _pad(items, layer).reshape(
            layer.row_stride, layer.n_blocks, layer.lanes).swapaxes(0, 1)
        if not layer.by_outputs:
            biases[layer.neuron_base:layer.neuron_base + layer.n_out] = bias
    return rows, biases


def unpack_parameters(network: Network, rows: np.ndarray, biases: np.ndarray):
    """Return the parameter set ``[(W, b)]`` in ``rows`` and ``biases``; undoes packing."""
    parameters = []
    for layer in network.layers:
        items = _blocks(layer, rows).swapaxes(0, 1).reshape(layer.row_stride, -1)
        if layer.by_outputs:
            items = items[:, :layer.n_out]
            parameters.append((items[:-1].T.copy(), items[-1].copy()))
        else:
            base = layer.neuron_base
            bias = biases[base:base + layer.n_out].copy()
            parameters.append((items[:, :layer.n_in].copy(), bias))
    return parameters


def sample_beats(network: Network, x: np.ndarray, target: np.ndarray | None = None) -> np.ndarray:
    """Return the beats of samples as elements, int64 [samples * beats, samples_per_clock].

    Input codes ``x`` [samples, n_in] first, padded to whole beats, then target codes
    [samples, n_out] when given (training), padded likewise.
    """
    group = network.samples_per_clock
    parts = [x] if target is None else [x, target]
    padded = [np.pad(part, ((0, 0), (0, -part.shape[1] % group))) for part in parts]
    return np.concatenate(padded, axis=1).reshape(-1, group)


def pack_bits(elements: np.ndarray, width: int) -> np.ndarray:
    """Return beats as little-endian 32-bit words, uint32 [beats, words].

    ``elements`` int64 [beats, n]: element 0 in the lowest ``width`` bits.
    """
    beats, n = elements.shape
    bits = (elements[:, :, None] >> np.arange(width)) & 1
    bits = bits.reshape(beats, n * width).astype(np.uint8)
    bits = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 32)))
    return np.packbits(bits, axis=1, bitorder="little").view("<u4")


def unpack_bits(words: np.ndarray, width: int, n: int, signed: bool) -> np.ndarray:
    """Return the ``n`` elements of each beat, int64 [beats, n]; undoes :func:`pack_bits`."""
    raw = np.ascontiguousarray(words, dtype="<u4").view(np.uint8)
    bits = np.unpackbits(raw, axis=1, bitorder="little")[:, :n * width]
    weights = 1 << np.arange(width, dtype=np.int64)
    if signed:
        weights[-1] = -weights[-1]
    return bits.reshape(len(words), n, width).astype(np.int64) @ weights


def _blocks(layer: Layer, rows: np.ndarray) -> np.ndarray:
    """View the rows of ``layer`` as [block, item, lane]."""
    own = rows[layer.row_base:layer.row_base + layer.n_rows]
    return own.reshape(layer.n_blocks, layer.row_stride, layer.lanes)


def _pad(items: np.ndarray, layer: Layer) -> np.ndarray:
    side = layer.n_blocks * layer.lanes
    return np.pad(items, ((0, 0), (0, side - items.shape[1])))
