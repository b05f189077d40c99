"""Random words of a sample, fetched once and taken along; see :mod:`taxonn_hw.plan.edge.words`."""

import numpy as np

from ...fixed import RandomWords
from ...plan.edge.network import EdgeNetwork
from ...plan.edge.words import (
    WordPlace,
    activation_words,
    bias_words,
    left_delta_words,
    output_delta_words,
    weight_words,
)

__all__ = ["SampleWords", "WordSource"]


class SampleWords:
    """The words of one sample.

    Parameters
    ----------
    rows : uint16 [addresses]
        Row words, in the order of :class:`WordSource`.
    lane : uint16 [lanes]
        Lane words.
    """

    __slots__ = ("lane", "rows")

    def __init__(self, rows: np.ndarray, lane: np.ndarray) -> None:
        self.rows, self.lane = rows, lane

    def at(self, place: WordPlace, part=...) -> np.ndarray:
        """Return the words at ``place[part]``, uint16."""
        return self.rows[place.address[part]] ^ self.lane[place.lane[part]]


class WordSource:
    """Makes the words of sample after sample.

    Members
    -------
    weight, bias, activation, delta, left_delta : list of WordPlace
        For each junction where its words are among the rows; ``delta`` is None but for the last.
    """

    def __init__(self, network: EdgeNetwork) -> None:
        junctions = network.layers
        last = len(junctions) - 1
        self.weight = [weight_words(j) for j in junctions]
        self.bias = [bias_words(j) for j in junctions]
        self.activation = [activation_words(j) for j in junctions]
        self.left_delta = [left_delta_words(j) for j in junctions]
        self.delta = [output_delta_words(j) if i == last else None
                      for i, j in enumerate(junctions)]
        lists = (self.weight, self.bias, self.activation, self.left_delta, self.delta)
        used = [place.address.ravel() for places in lists for place in places if place is not None]
        self._addresses = np.unique(np.concatenate(used))
        for places in lists:
            for i, place in enumerate(places):
                if place is not None:
                    places[i] = WordPlace(np.searchsorted(self._addresses, place.address),
                                          place.lane)
        self._random = RandomWords(seed=network.config.seed, lanes=max(network.z),
                                   addresses=self._addresses)

    def present(self) -> SampleWords:
        """Return the words of the sample that comes next."""
        return SampleWords(self._random.rows(self._addresses), self._random.lane)

    def take(self) -> SampleWords:
        """Return the words of the sample that comes next, and go on to the one after."""
        words = self.present()
        self._random.advance()
        return words
