"""Random words of stochastic rounding, as a pure function of seed, sample, row and lane.

``word(sample, row, lane) = row_word(sample, row) ^ lane_word(sample, lane)``

* ``row_word`` mixes the row address with a 32-bit xorshift state that steps once a sample, so any
  row can be asked for at any time: skipped rows and stalls change nothing.
* ``lane_word`` is a window on a long linear feedback sequence, ``s[t] = s[t-38] ^ s[t-89]``, that
  moves on by 16 bits a sample; lane ``l`` sees bits ``l .. l+15``.

The exclusive or of the two makes any two words of a sample, and any two samples of a word,
independent to second order, and one XOR of two vectors makes a whole matrix in numpy.
"""

import numpy as np

__all__ = ["LAG_LONG", "LAG_SHORT", "RandomWords", "activation_index", "delta_index", "mix_row"]

LAG_SHORT, LAG_LONG = 38, 89
_CHUNK = 1024  # samples whose lane words are made at once


def mix_row(index: np.ndarray, state: int) -> np.ndarray:
    """Return the 16-bit row words of row addresses ``index`` under a 32-bit sample ``state``."""
    word = (np.asarray(index, dtype=np.uint32) + np.uint32(state & 0xFFFF)) & np.uint32(0xFFFF)
    word ^= (word << np.uint32(7)) & np.uint32(0xFFFF)
    word ^= word >> np.uint32(9)
    word ^= (word << np.uint32(8)) & np.uint32(0xFFFF)
    word = (word + np.uint32(state >> 16)) & np.uint32(0xFFFF)
    word ^= (word << np.uint32(7)) & np.uint32(0xFFFF)
    word ^= word >> np.uint32(9)
    word ^= (word << np.uint32(8)) & np.uint32(0xFFFF)
    return word.astype(np.uint16)


def delta_index(row: np.ndarray) -> np.ndarray:
    """Return the row address that stands for delta row ``row``; counts down from the top."""
    return 0xFFFF - np.asarray(row)


def activation_index(row: np.ndarray) -> np.ndarray:
    """Return the row address that stands for activation row ``row``."""
    return 0xBFFF - np.asarray(row)


def step_state(state: int) -> int:
    """Return the xorshift32 successor of ``state``."""
    state ^= state << 13 & 0xFFFFFFFF
    state ^= state >> 17
    state ^= state << 5 & 0xFFFFFFFF
    return state


class RandomWords:
    """Bit-exact model of the generator.

    Parameters
    ----------
    seed : int
        Start of both sequences.
    lanes : int
        Number of lanes, at least 1.

    Members
    -------
    state : int
        32-bit xorshift state of the present sample.
    lane : uint16 [lanes]
        Lane words of the present sample.
    """

    def __init__(self, *, seed: int, lanes: int) -> None:
        self.lanes = lanes
        self.first_state, self.first_bits = initial_state(seed, lanes)
        self.restart()

    def restart(self) -> None:
        """Go back to sample 0."""
        self.state = self.first_state
        self._bits = self.first_bits.copy()
        self._table = None
        self._row_in_table = 0
        self._load_lane()

    def advance(self) -> None:
        """Go on to the next sample."""
        self.state = step_state(self.state)
        self._row_in_table += 1
        self._load_lane()

    def rows(self, index: np.ndarray) -> np.ndarray:
        """Return the row words of row addresses ``index`` in the present sample, uint16."""
        return mix_row(index, self.state)

    def _load_lane(self) -> None:
        if self._table is None or self._row_in_table == len(self._table):
            self._table = self._make_table()
            self._row_in_table = 0
        self.lane = self._table[self._row_in_table]

    def _make_table(self) -> np.ndarray:
        n_bits = len(self._bits)
        bits = np.empty(n_bits + 16 * _CHUNK, dtype=np.uint8)
        bits[:n_bits] = self._bits
        for t in range(n_bits, len(bits), LAG_SHORT):
            end = min(t + LAG_SHORT, len(bits))
            bits[t:end] = bits[t - LAG_SHORT:end - LAG_SHORT] ^ bits[t - LAG_LONG:end - LAG_LONG]
        self._bits = bits[-n_bits:]
        windows = np.zeros(len(bits) - 15, dtype=np.uint16)
        for j in range(16):
            windows |= bits[j:j + len(windows)].astype(np.uint16) << np.uint16(j)
        starts = 16 * np.arange(_CHUNK)[:, None] + np.arange(self.lanes)[None, :]
        return windows[starts]


def initial_state(seed: int, lanes: int) -> tuple[int, np.ndarray]:
    """Return the first xorshift state and the first bits of the lane sequence, uint8."""
    rng = np.random.default_rng([seed, 0x7A70])
    state = int(rng.integers(1, 1 << 32))
    bits = rng.integers(0, 2, LAG_LONG, dtype=np.uint8)
    bits[0] |= not bits.any()
    n_bits = max(LAG_LONG, lanes + 15)
    while len(bits) < n_bits:
        bits = np.append(bits, bits[-LAG_SHORT] ^ bits[-LAG_LONG])
    return state, bits
