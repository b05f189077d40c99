"""Random words of stochastic rounding, as a pure function of seed, sample, row and lane.

``word(sample, row, lane) = row_word(sample, row) ^ lane_word(sample, lane)``

* ``row_word`` mixes the row address with a 32-bit xorshift state that steps once a sample (six
  rounds of rotate, add and exclusive-or on its two bytes), so any row can be asked for at any
  time: skipped rows and stalls change nothing.
* ``lane_word`` is a window on a long linear feedback sequence, ``s[t] = s[t-38] ^ s[t-89]``, that
  moves on by 16 bits a sample; lane ``l`` sees bits ``l .. l+15``.

Rows, lanes and samples are pairwise uncorrelated (tests/fixed/test_random.py), and numpy makes
the words of many samples at once.
"""

import numpy as np

__all__ = ["LAG_LONG", "LAG_SHORT", "ROUNDS", "RandomWords", "activation_index",
           "delta_index", "mix_rows", "round_key", "step_state"]

LAG_SHORT, LAG_LONG = 38, 89
ROUNDS = 6
_CHUNK = 1024  # samples whose lane words are made at once
_TABLE = 1 << 17  # row words that are made at once


def mix_rows(index: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Return the row words uint16 [samples, rows] of addresses ``index`` under sample ``states``.

    Each of :data:`ROUNDS` rounds turns the bytes ``x, y`` of the word into
    ``x = (rot1(x) + y) ^ key; y = rot3(y) ^ x``, keyed by a byte of the state.
    """
    states = np.asarray(states, dtype=np.uint32)[:, None]
    word = np.asarray(index).astype(np.uint16) + (states & 0xFFFF).astype(np.uint16)
    x, y = (word >> 8).astype(np.uint8), (word & 0xFF).astype(np.uint8)
    for i in range(ROUNDS):
        key = (states >> 8 * round_key(i) & 0xFF).astype(np.uint8) ^ np.uint8(i)
        x = ((x << 1 | x >> 7) + y) ^ key
        y = (y << 3 | y >> 5) ^ x
    return x.astype(np.uint16) << 8 | y


def round_key(i: int) -> int:
    """Return which byte of the state keys round ``i``; the lowest two went into the sum."""
    return (i + 2) % 4


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
    addresses : int array, optional
        Row addresses that will be asked for; default all.

    Members
    -------
    state : int
        32-bit xorshift state of the present sample.
    lane : uint16 [lanes]
        Lane words of the present sample.
    """

    def __init__(self, *, seed: int, lanes: int, addresses: np.ndarray | None = None) -> None:
        self.lanes = lanes
        addresses = np.arange(1 << 16) if addresses is None else np.asarray(addresses)
        self.addresses = np.unique(addresses & 0xFFFF)
        self._column = np.zeros(1 << 16, dtype=np.intp)
        self._column[self.addresses] = np.arange(len(self.addresses))
        self.first_state, self.first_bits = initial_state(seed, lanes)
        self.restart()

    def restart(self) -> None:
        """Go back to sample 0."""
        self.state = self.first_state
        self._bits = self.first_bits.copy()
        self._table = None
        self._row_in_table = 0
        self._rows: list[np.ndarray] = []
        self._load()

    def advance(self) -> None:
        """Go on to the next sample."""
        self.state = step_state(self.state)
        self._row_in_table += 1
        self._load()

    def rows(self, index: np.ndarray) -> np.ndarray:
        """Return the row words of row addresses ``index`` in the present sample, uint16."""
        return self._row[self._column[index]]

    def _load(self) -> None:
        """Take the present sample's words from the tables, making the next ones when through."""
        if self._table is None or self._row_in_table == len(self._table):
            self._table = self._make_table()
            self._row_in_table = 0
        self.lane = self._table[self._row_in_table]
        if not self._rows:
            states = [self.state]
            for _ in range(max(_TABLE // len(self.addresses), 1) - 1):
                states.append(step_state(states[-1]))
            self._rows = list(mix_rows(self.addresses, np.array(states, dtype=np.uint32)))[::-1]
        self._row = self._rows.pop()

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
