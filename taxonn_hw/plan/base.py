"""What every engine's plan offers to the rest of the package."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..config import Config
from ..fixed import QFormat
from .arithmetic import LayerArithmetic

__all__ = ["LoadTime", "Move", "PassTime", "Place", "Plan", "Prediction"]


@dataclass(frozen=True, kw_only=True)
class Move:
    """One command of the weight streams: what of the parameters lies where.

    Members
    -------
    bias : bool
        Whether the command moves the bias memory.
    count : int
        Rows or biases: the register ``weight_count``.
    beats : int
        Beats on the stream, of ``weight_group`` words each.
    """

    bias: bool
    count: int
    beats: int


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a weight or bias lies: its input neuron (None: a bias), memory row and lane.

    ``lane`` is None in a bias memory.
    """

    input: int | None
    row: int
    lane: int | None


@dataclass(frozen=True, kw_only=True)
class PassTime:
    """One pass of one sample, in cycles of the sequencer.

    Members
    -------
    sample, number : int
        Which sample, from 0; which pass of the program.
    layer : int
        Whose weights, from 1.
    element : str
        ``forward``, ``backward`` (with updates of the same rows in engine ``taxonn``'s dense
        nets) or ``update``.
    first, last : int
        Cycles of its first and of its last slot.
    slots : int
        Clocks in between that multiply.
    stored : int or None
        Cycle from which its results can be read; None where it has none.
    """

    sample: int
    number: int
    layer: int
    element: str
    first: int
    last: int
    slots: int
    stored: int | None


@dataclass(frozen=True)
class LoadTime:
    """Cycles in which the first and the last beat of a sample arrive."""

    sample: int
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Clocks of a run.

    Members
    -------
    cycles, slots : int
        From the first multiply slot to the last write, and those that take a slot.
    samples : int
    useful : float
        Multiplications that a neuron needed, per multiplier and clock, 0 to 1.
    passes : tuple of PassTime
        What the array did when, of the first samples at least; none of an engine without passes.
    loads : tuple of LoadTime
        When the samples after the first arrived, of the first ones at least.
    """

    cycles: int
    slots: int
    samples: int
    useful: float
    passes: tuple[PassTime, ...] = ()
    loads: tuple[LoadTime, ...] = ()

    @property
    def clocks_per_sample(self) -> float:
        """Mean clocks of a sample."""
        return self.cycles / max(self.samples, 1)

    @property
    def utilisation(self) -> float:
        """Ratio of clocks that take a slot, 0 to 1."""
        return self.slots / max(self.cycles, 1)


class Plan(Protocol):
    """A configuration with everything derived.

    Members
    -------
    layers : tuple of LayerArithmetic
        From input to output; ``layer.weight_shape`` is that of its weights.
    input : QFormat
        Of an input code; output codes are ``output.formats.a``.
    lanes : int
        Multipliers, or edge processors.
    n_weights : int
        Weights and biases.
    samples_per_clock : int
        Elements of a beat of the sample stream.
    word, weight_group : int
        Bits of a word of the weight streams, words of a beat.
    moves : tuple of Move
        Commands that load or dump all parameters, in order.
    storage_bits : int
        Bits of memory that hold weights and biases.
    result_lag : int
        Samples that must be offered after a sample before its outputs appear.
    pads_data : bool
        Whether samples with fewer inputs are filled up with zeros.
    last_wins : bool
        Of equal outputs, the class is the last (and not the first).
    depends_on_data : bool
        Whether the clocks of a sample depend on its values.
    clocks_bound : int
        More clocks than a sample can take.
    build : Build or None
        The loadable build that runs it, in place of hardware of its own.
    """

    config: Config
    layers: tuple[LayerArithmetic, ...]
    input: QFormat
    lanes: int
    n_inputs: int
    n_weights: int
    samples_per_clock: int
    word: int
    weight_group: int
    moves: tuple[Move, ...]
    storage_bits: int
    result_lag: int
    pads_data: bool
    last_wins: bool
    depends_on_data: bool
    clocks_bound: int
    build: object | None

    @property
    def output(self) -> LayerArithmetic:
        """The last layer."""

    def pack(self, parameters) -> list[np.ndarray]:
        """Return the elements of every move's beats, int64 [beats, weight_group]."""

    def unpack(self, elements: list[np.ndarray]):
        """Return the parameters in ``elements``; undoes :meth:`pack`."""

    def place(self, layer: LayerArithmetic, output: int, source: int | None) -> Place:
        """Return where weight ``[output, source]`` lies; without ``source``, the bias."""

    def facts(self) -> dict:
        """Return sizes, formats and layout as JSON values, for sidecar and ``check``."""
