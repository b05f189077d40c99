"""Addresses of the random words of stochastic rounding in engine ``edge``.

A word is ``row_word(sample, address) ^ lane_word(sample, lane)`` of
:mod:`taxonn_hw.fixed.random`; ``sample`` counts the training samples since the start and travels
with its sample, so that every junction uses the words of the sample that it works on.  Inference
uses those of the training sample that would come next.

===========================  ===================================  ============================
rounded value                address                              lane
===========================  ===================================  ============================
weight of edge e             row_base + e div z                   e mod z
bias of right neuron r       as the weight of its first edge      r fan_in mod z
activation of neuron r       activation_index(row_base + g)       r mod R
delta of the output r        delta_index(L C + g)                 r mod R
delta of left neuron l       delta_index(row_base + k)            l mod z
===========================  ===================================  ============================

``g = r div R`` with ``R = neurons_per_clock``; ``k`` is the clock in which the last sweep of the
junction reads ``l``.
"""

from dataclasses import dataclass

import numpy as np

from ...fixed.random import activation_index, delta_index
from .junction import Junction

__all__ = ["WordPlace", "activation_words", "bias_words", "left_delta_words",
           "output_delta_words", "weight_words"]


@dataclass(frozen=True, eq=False)
class WordPlace:
    """Addresses and lanes of some words, int64 arrays of the same shape."""

    address: np.ndarray
    lane: np.ndarray


def weight_words(junction: Junction) -> WordPlace:
    """Return the words of the weights [n_out, fan_in]."""
    clock, lane = np.divmod(np.arange(junction.n_edges).reshape(junction.weight_shape), junction.z)
    return WordPlace(junction.row_base + clock, lane)


def bias_words(junction: Junction) -> WordPlace:
    """Return the words of the biases [n_out]."""
    weights = weight_words(junction)
    return WordPlace(weights.address[:, 0], weights.lane[:, 0])


def activation_words(junction: Junction) -> WordPlace:
    """Return the words of the activations of the right neurons [n_out]."""
    group, lane = np.divmod(np.arange(junction.n_out), junction.neurons_per_clock)
    return WordPlace(activation_index(junction.row_base + group), lane)


def output_delta_words(junction: Junction) -> WordPlace:
    """Return the words of the output deltas [n_out] of the last junction."""
    group, lane = np.divmod(np.arange(junction.n_out), junction.neurons_per_clock)
    return WordPlace(delta_index(junction.index * junction.cycles + group), lane)


def left_delta_words(junction: Junction) -> WordPlace:
    """Return the words of the deltas of the left neurons [n_in]."""
    first = (junction.sweeps - 1) * junction.depth
    clock = np.empty(junction.n_in, dtype=np.int64)
    last_sweep = junction.interleaver.left[-junction.n_in:]
    clock[last_sweep] = first + np.arange(junction.n_in) // junction.z
    return WordPlace(delta_index(junction.row_base + clock), np.arange(junction.n_in) % junction.z)
