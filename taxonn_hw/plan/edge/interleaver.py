"""Clash-free interleavers: which left neuron an edge comes from (Asilomar 2017; JETCAS 2019).

The left neurons of a junction lie in ``z`` memories of ``depth = n_left / z`` rows, neuron ``l`` in
memory ``l mod z``, row ``l div z``.  A junction cycle makes ``fan_out`` *sweeps* of ``depth``
clocks; in each sweep every memory shows each of its rows once, so every left neuron gets one edge.
In clock ``k`` (sweep ``q = k div depth``, step ``j = k mod depth``) lane ``m`` reads memory
``mu = dither[q][m]`` in row

    (start[q][mu] + j) mod depth     counted: a start row for each memory, then upwards
    table[q][j][mu]                  type 1: any order

Since ``dither[q]`` is a permutation, no two lanes ever ask one memory in the same clock.

=============  =====================================================================================
basic          one random order of the rows, repeated (or cut) to ``z`` start rows; all sweeps alike
sv             start vector shuffle: every repetition in an order of its own
ss             sweep starter shuffle: new start rows for each sweep
md             memory dither: a new random permutation of the memories for each sweep
sv+ss, ...     combinations of the three
type1          table of random rows for each memory and sweep
type2          uniformly random start rows, new for each sweep
type3          uniformly random start rows, the same for all sweeps
=============  =====================================================================================
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["Interleaver", "make_interleaver"]


@dataclass(frozen=True, eq=False)
class Interleaver:
    """Row and memory of every edge of a junction.

    Members
    -------
    n_left, fan_out, z : int
        Left neurons, sweeps, memories (lanes).
    starts : int64 [fan_out, z] or None
        Start row of each memory in each sweep; None where rows come from a table.
    table : int64 [fan_out, depth, z] or None
        Row of each memory in each clock of each sweep, for type 1.
    dither : int64 [fan_out, z] or None
        Memory that each lane reads in each sweep; None: lane ``m`` reads memory ``m``.
    """

    n_left: int
    fan_out: int
    z: int
    starts: np.ndarray | None = None
    table: np.ndarray | None = None
    dither: np.ndarray | None = None

    @property
    def depth(self) -> int:
        """Rows of a memory, clocks of a sweep."""
        return self.n_left // self.z

    @property
    def same_sweeps(self) -> bool:
        """Whether all sweeps read the same rows, so that one set of starts is stored."""
        return self.starts is not None and bool((self.starts == self.starts[0]).all())

    @cached_property
    def rows(self) -> np.ndarray:
        """Row that each memory shows in each clock, int64 [fan_out * depth, z]."""
        if self.table is not None:
            return self.table.reshape(-1, self.z)
        steps = np.arange(self.depth)[:, None]
        return ((self.starts[:, None, :] + steps) % self.depth).reshape(-1, self.z)

    @cached_property
    def memories(self) -> np.ndarray:
        """Memory that each lane reads in each clock, int64 [fan_out * depth, z]."""
        if self.dither is None:
            return np.tile(np.arange(self.z), (self.fan_out * self.depth, 1))
        return np.repeat(self.dither, self.depth, axis=0)

    @cached_property
    def left(self) -> np.ndarray:
        """Left neuron of every edge in natural order (clock after clock), int64 [edges]."""
        memories = self.memories
        return (np.take_along_axis(self.rows, memories, axis=1) * self.z + memories).ravel()


def make_interleaver(kind: str, *, n_left: int, fan_out: int, z: int, seed) -> Interleaver:
    """Return a random interleaver of ``kind``.

    Parameters
    ----------
    kind : str
        As in the table above.
    seed : int or sequence of int
        Of the random starts; the same seed makes the same pattern.

    Raises
    ------
    ValueError
        When ``z`` does not divide ``n_left``.
    """
    if n_left % z:
        raise ValueError(f"{n_left} left neurons do not fill {z} memories evenly")
    rng = np.random.default_rng(seed)
    depth = n_left // z
    if kind == "type1":
        table = rng.permuted(np.broadcast_to(np.arange(depth)[None, :, None],
                                             (fan_out, depth, z)), axis=1)
        return Interleaver(n_left, fan_out, z, table=table)
    if kind in ("type2", "type3"):
        starts = rng.integers(0, depth, (fan_out if kind == "type2" else 1, z))
        return Interleaver(n_left, fan_out, z, starts=np.tile(starts, (fan_out // len(starts), 1)))
    changes = set(kind.split("+"))
    vectors = [_start_vector(rng, depth, z, shuffle="sv" in changes)
               for _ in range(fan_out if "ss" in changes else 1)]
    starts = np.tile(vectors, (fan_out // len(vectors), 1))
    dither = None
    if "md" in changes:
        dither = rng.permuted(np.tile(np.arange(z), (fan_out, 1)), axis=1)
    return Interleaver(n_left, fan_out, z, starts=starts, dither=dither)


def _start_vector(rng, depth: int, z: int, *, shuffle: bool) -> np.ndarray:
    """Return ``z`` start rows: random orders of all rows, one after the other, cut to ``z``."""
    order = rng.permutation(depth)
    parts = [order if i == 0 or not shuffle else rng.permutation(depth)
             for i in range(-(-z // depth))]
    return np.concatenate(parts)[:z]
