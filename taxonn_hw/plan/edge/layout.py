"""Memories of engine ``edge`` and how its parameters lie on the weight streams.

Weights: row ``row_base + k`` of junction ``i`` holds its ``z_i`` words of clock ``k``, lane 0
first; junction after junction, ``C`` rows each.  Edges are numbered in that very order, so the
words of a junction are its weights ``[n_out, fan_in]`` as they lie.  A beat moves ``weight_group``
words, the largest divisor up to 8 of every ``z_i``: a row of junction ``i`` is
``z_i / weight_group`` beats.  Biases follow with the second command, one a beat in its first word,
junction after junction, neuron 0 first.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from ..base import Move, Place

if TYPE_CHECKING:
    from .junction import Junction
    from .network import EdgeNetwork

__all__ = ["Memory", "memories", "moves", "pack", "place", "unpack", "weight_group"]


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Memories that hold one kind of value (algorithms 2.4).

    Members
    -------
    name : str
        Value and layer (activations ``a``, derivatives ``adot``, ``delta``) or junction (``W``,
        ``b``), such as ``a0`` or ``W1``.
    copies : int
        Samples in flight that it holds.
    banks, depth, width : int
        Memories of a copy, words of a memory, bits of a word.
    """

    name: str
    copies: int
    banks: int
    depth: int
    width: int

    @property
    def words(self) -> int:
        """Words in all copies."""
        return self.copies * self.banks * self.depth

    @property
    def bits(self) -> int:
        """Bits in all copies."""
        return self.words * self.width


def memories(network: "EdgeNetwork") -> tuple[Memory, ...]:
    """Return every memory: activations, derivatives, deltas, weights, biases.

    The bank on the left of junction ``i`` holds ``2 (L - i) + 3`` activations, from the load in one
    junction cycle to the update ``2 (L - i) + 2`` later; two without training.
    """
    junctions, training = network.layers, network.config.training
    n, found = len(junctions), []

    def left_bank(name: str, junction: "Junction", copies: int, width: int) -> None:
        found.append(Memory(name=f"{name}{junction.index - 1}", copies=copies, banks=junction.z,
                            depth=junction.depth, width=width))

    for j in junctions:
        left_bank("a", j, 2 * (n - j.index) + 3 if training else 2, j.formats.x.width)
    if training:
        for below, j in pairwise(junctions):
            left_bank("adot", j, 2 * (n - j.index) + 3, below.derivative_width)
        for below, j in pairwise(junctions):
            width = below.formats.delta.code_width
            if j.sweeps > 1:  # the copy that accumulates needs room for the whole sum
                width = max(width, j.partial_width)
            left_bank("delta", j, 2, width)
        top = junctions[-1]
        found.append(Memory(name=f"delta{n}", copies=2, banks=top.neurons_per_clock,
                            depth=top.n_groups, width=top.formats.delta.code_width))
    for j in junctions:
        found.append(Memory(name=f"W{j.index}", copies=1, banks=j.z, depth=j.cycles,
                            width=j.formats.weight.width))
        found.append(Memory(name=f"b{j.index}", copies=1, banks=j.neurons_per_clock,
                            depth=j.n_groups, width=j.formats.bias.width))
    return tuple(found)


def weight_group(processors) -> int:
    """Return the words of a weight beat: the largest divisor of every ``z`` up to 8."""
    common = gcd(*processors)
    return max(k for k in range(1, min(common, 8) + 1) if common % k == 0)


def moves(network: "EdgeNetwork") -> tuple[Move, ...]:
    """Return the commands that move all parameters: weight rows, then biases."""
    edges = sum(j.n_edges for j in network.layers)
    neurons = sum(j.n_out for j in network.layers)
    return (Move(bias=False, count=sum(j.cycles for j in network.layers),
                 beats=edges // network.weight_group),
            Move(bias=True, count=neurons, beats=neurons))


def pack(network: "EdgeNetwork", parameters) -> list[np.ndarray]:
    """Return the beats of weights and biases, signed codes int64 [beats, weight_group]."""
    weights = np.concatenate([np.asarray(weight, dtype=np.int64).ravel()
                              for weight, _ in parameters])
    bias = np.concatenate([bias for _, bias in parameters])
    biases = np.zeros((len(bias), network.weight_group), dtype=np.int64)
    biases[:, 0] = bias
    return [weights.reshape(-1, network.weight_group), biases]


def unpack(network: "EdgeNetwork", elements: list[np.ndarray]):
    """Return the parameter set ``[(W, b)]`` in the beats ``elements``; undoes :func:`pack`."""
    weights, biases = np.asarray(elements[0]).ravel(), elements[1][:, 0]
    parameters, edge, neuron = [], 0, 0
    for j in network.layers:
        parameters.append((weights[edge:edge + j.n_edges].reshape(j.weight_shape).copy(),
                           biases[neuron:neuron + j.n_out].copy()))
        edge, neuron = edge + j.n_edges, neuron + j.n_out
    return parameters


def place(network: "EdgeNetwork", junction: "Junction", output: int, source: int | None) -> Place:
    """Return where edge ``source`` of neuron ``output`` lies; its bias without ``source``."""
    if source is None:
        before = sum(j.n_out for j in network.layers[:junction.index - 1])
        return Place(input=None, row=before + output, lane=None)
    clock, lane = divmod(output * junction.fan_in + source, junction.z)
    return Place(input=int(junction.left[output, source]), row=junction.row_base + clock, lane=lane)
