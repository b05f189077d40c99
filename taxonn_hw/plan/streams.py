"""How codes travel on the streams, for every engine.

The sample stream moves ``samples_per_clock`` elements a beat: input codes and, in training, target
codes.  A beat travels to and from the host as little-endian 32-bit words.
"""

import numpy as np

from .base import Plan

__all__ = ["element_width", "geometry", "pack_bits", "result_shape",
           "sample_beats", "unpack_bits"]


def element_width(plan: Plan) -> int:
    """Return the bits of one element of a sample-stream beat: input or target code."""
    hardware = plan.build or plan
    if (width := getattr(hardware, "element_width", None)) is not None:
        return width
    return max(plan.input.width, plan.output.formats.a.width)


def result_shape(plan: Plan) -> tuple[int, bool]:
    """Return the bits of a result and whether it is signed."""
    hardware = plan.build or plan
    if (shape := getattr(hardware, "result_shape", None)) is not None:
        return shape
    return plan.output.formats.a.width, plan.output.formats.a.signed


def geometry(plan: Plan) -> int:
    """Return the geometry register: lanes [15:0], weight group [23:16], sample group [31:24]."""
    return plan.lanes | plan.weight_group << 16 | plan.samples_per_clock << 24


def sample_beats(plan: Plan, x: np.ndarray, target: np.ndarray | None = None) -> np.ndarray:
    """Return the beats of samples as elements, int64 [samples * beats, samples_per_clock].

    Input codes ``x`` [samples, n_in] first, padded to whole beats, then target codes
    [samples, n_out] when given (training), padded likewise.
    """
    group = plan.samples_per_clock
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
