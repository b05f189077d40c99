"""Samples that stay on the chip: how they lie in the resident memory, for every engine.

A sample is a list of words in a row.  A word is a beat of the sample stream and, above it, a *run*:
the number of beats without any set bit that follow.  Most pixels of an image are zero, so an image
takes about a word for each of the others.  A sample is found by its first word, and ends after as
many beats as samples have; whoever writes the memory chooses where the samples begin.

On the sample stream a word travels as two beats, the second with the run in its lowest bits; the
place of a sample as ``address_beats`` beats, the lowest bits first.
"""

from dataclasses import dataclass

import numpy as np

from .base import Plan
from .streams import element_width, sample_beats

__all__ = ["ResidentLayout", "resident_layout"]

_RUN_BITS, _RUN_BITS_WIDE = 8, 4  # a wide beat is seldom zero


@dataclass(frozen=True, kw_only=True)
class ResidentLayout:
    """Sizes of the resident memory of a plan.

    Members
    -------
    words : int
        Of the memory; 0: there is none.
    beat_bits, run_bits : int
        The two parts of a word.
    input_beats, target_beats : int
        Of a sample; targets only where it trains.
    address_beats : int
        That say where a sample begins.
    """

    words: int
    beat_bits: int
    run_bits: int
    input_beats: int
    target_beats: int

    @property
    def word_bits(self) -> int:
        """Bits of a word."""
        return self.beat_bits + self.run_bits

    @property
    def address_bits(self) -> int:
        """Bits of the place of a word."""
        return max((self.words - 1).bit_length(), 1)

    @property
    def address_beats(self) -> int:
        """Beats of the place of a word."""
        return -(-self.address_bits // self.beat_bits)

    def encode(self, plan: Plan, x: np.ndarray,
               target: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the words of samples as stream elements, and where each sample begins.

        Parameters
        ----------
        x, target : int64 [n, n_in], int64 [n, n_out] or None
            Codes.

        Returns
        -------
        elements : int64 [2 * words, samples_per_clock]
            Two beats a word.
        starts : int64 [n]
            First word of each sample.
        """
        elements = sample_beats(plan, x, target) & (1 << element_width(plan)) - 1
        n, group = len(x), elements.shape[1]
        used = elements.any(axis=1).reshape(n, -1)
        used[:, 0] = True
        places = np.flatnonzero(used)  # of the beats that become words
        follows = np.diff(np.append(places, used.size))
        first = np.zeros(used.size, dtype=bool)
        first[::used.shape[1]] = True
        longest = (1 << self.run_bits) - 1
        # A run that is too long goes on in words of zeros, each a beat itself.
        pieces = -(-follows // (longest + 1))
        word = np.repeat(places, pieces)
        nth = np.arange(len(word)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        beats = np.where(nth[:, None] == 0, elements[word], 0)
        runs = np.minimum(np.repeat(follows, pieces) - nth * (longest + 1), longest + 1) - 1
        spread = np.zeros((len(runs), group), dtype=np.int64)
        spread[...] = _spread(runs[:, None], element_width(plan), group)
        starts = np.flatnonzero(first[word] & (nth == 0))
        return np.stack([beats, spread], axis=1).reshape(-1, group), starts

    def addresses(self, plan: Plan, starts: np.ndarray) -> np.ndarray:
        """Return the beats that ask for the samples that begin at ``starts``, as elements."""
        n = plan.samples_per_clock
        elements = _spread(np.asarray(starts)[:, None], element_width(plan),
                           n * self.address_beats)
        return elements.reshape(-1, n)


def resident_layout(plan: Plan) -> ResidentLayout:
    """Return the layout of ``plan``'s resident memory."""
    config, group = plan.config, plan.samples_per_clock
    inputs, targets = -(-plan.n_inputs // group), -(-plan.output.n_out // group)
    beat = group * element_width(plan)
    each = config.resident_sample_words or inputs + targets
    run = _RUN_BITS if group == 1 else _RUN_BITS_WIDE
    return ResidentLayout(words=config.resident * each, beat_bits=beat, run_bits=min(run, beat),
                          input_beats=inputs, target_beats=targets)


def _spread(values: np.ndarray, width: int, n: int) -> np.ndarray:
    """Return ``values`` [k, 1] cut into ``n`` pieces of ``width`` bits, the lowest first."""
    return values >> np.minimum(width * np.arange(n), 62) & (1 << width) - 1
