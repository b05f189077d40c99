"""The junction pipeline: which junction works on which sample when, whatever the arithmetic.

With samples ``n`` from 0 and junctions 1..L, in junction cycle ``t``

    forward in junction i              sample t - i
    backward and update in junction i  sample t - (2 L + 1 - i)

Everything in a junction cycle reads the weights as they were before it.  So forward of a sample in
junction ``i`` misses the updates of the ``2 (L - i) + 1`` samples before it; backward and update
miss none.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

__all__ = ["JunctionLaw", "Sample", "run"]


@dataclass(slots=True)
class Sample:
    """What a sample takes along on its way.

    Members
    -------
    target : array [n_out]
    rate : int
        Learning-rate exponent.
    words : SampleWords or None
        Its random words.
    x, edge_x : list of arrays
        For each junction its input [n_in], and that of each edge [n_out, fan_in].
    slope : list of arrays
        For each junction the derivatives of its right neurons [n_out].
    delta : list of arrays
        For each junction, from the first, the deltas of its right neurons [n_out]; None until then.
    """

    target: np.ndarray
    rate: int
    words: Any
    x: list
    edge_x: list = field(default_factory=list)
    slope: list = field(default_factory=list)
    delta: list = field(default_factory=list)

    @property
    def output(self):
        """Output of the last junction."""
        return self.x[-1]


class JunctionLaw(Protocol):
    """Arithmetic of one junction.

    ``gather`` gives every edge its input; the others are forward, loss, backward and update, where
    ``slope`` belongs to the left neurons in ``backward`` and ``sample`` brings rate and words.
    """

    def gather(self, x):
        """Return the input of every edge [n_out, fan_in]."""

    def forward(self, edge_x, sample: Sample):
        """Return activations and derivatives of the right neurons."""

    def output_delta(self, a, slope, sample: Sample):
        """Return the deltas of the outputs."""

    def backward(self, delta, slope, sample: Sample):
        """Return the deltas of the left neurons, with the present weights."""

    def update(self, edge_x, delta, sample: Sample) -> None:
        """Take a step."""


def run(laws: list[JunctionLaw], n: int, load: Callable[[int], Sample],
        done: Callable[[int, Sample], None], *, staleness: bool = True) -> None:
    """Run ``n`` samples from an empty pipe to an empty pipe.

    Parameters
    ----------
    laws : list of JunctionLaw
        Junction 1 to L.
    load : callable
        Makes sample ``i``; called in order.
    done : callable
        Called with each sample after its last update, in order.
    staleness : bool
        Pipelined; else each sample passes alone, and every operation sees all earlier updates.
    """
    depth = len(laws)
    if not staleness:
        for i in range(n):
            sample = load(i)
            for junction in range(depth):
                _forward(laws, junction, sample)
            for junction in reversed(range(depth)):
                _learn(laws, junction, sample)
            done(i, sample)
        return
    flight: dict[int, Sample] = {}
    for t in range(n + 2 * depth):
        for junction in range(depth):  # forward before update: all read the old weights
            sample = flight.get(t - 1 - junction)
            if sample is not None:
                _forward(laws, junction, sample)
        for junction in range(depth):
            sample = flight.get(t - 2 * depth + junction)
            if sample is not None:
                _learn(laws, junction, sample)
        if t < n:
            flight[t] = load(t)
        if t >= 2 * depth:
            done(t - 2 * depth, flight.pop(t - 2 * depth))


def _forward(laws, junction: int, sample: Sample) -> None:
    law = laws[junction]
    edge_x = law.gather(sample.x[junction])
    a, slope = law.forward(edge_x, sample)
    sample.edge_x.append(edge_x)
    sample.x.append(a)
    sample.slope.append(slope)
    if junction == len(laws) - 1:
        sample.delta = [None] * junction + [law.output_delta(a, slope, sample)]


def _learn(laws, junction: int, sample: Sample) -> None:
    law, delta = laws[junction], sample.delta[junction]
    if junction:
        sample.delta[junction - 1] = law.backward(delta, sample.slope[junction - 1], sample)
    law.update(sample.edge_x[junction], delta, sample)
