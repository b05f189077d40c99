"""Clocks of engine ``edge``, predicted exactly; no data changes them.

A run of ``N`` samples begins and ends with an empty pipe.  In junction cycle ``t`` (from 0)

    sample t is loaded
    forward in junction i              sample t - i
    backward and update in junction i  sample t - (2 L + 1 - i)

so it takes ``N + 2 L`` junction cycles of ``C + d`` clocks, the first of them a load alone; without
training ``N + L``.  A junction cycle that loads a sample takes at least as many clocks as the
sample has beats.
"""

from ..base import Prediction
from .network import EdgeNetwork

__all__ = ["clocks_per_sample", "junction_cycles", "predict_run", "run_clocks"]


def clocks_per_sample(network: EdgeNetwork) -> int:
    """Return the clocks between two samples when the stream never pauses: C + d, or the beats of
    a sample where those are more."""
    return max(network.cycles + network.overhead, network.sample_beats)


def junction_cycles(network: EdgeNetwork, samples: int, *, training: bool) -> int:
    """Return the junction cycles of a run, from the load of the first sample to the last update
    (or output)."""
    n = len(network.layers)
    return samples + (2 * n if training else n)


def run_clocks(network: EdgeNetwork, samples: int, *, training: bool) -> int:
    """Return the clocks of a run, from the first read of a weight to the end of the last junction
    cycle, when the stream never pauses."""
    working = junction_cycles(network, samples, training=training) - 1
    loading = samples - 1  # junction cycles in which a sample is loaded beside the work
    return (loading * clocks_per_sample(network)
            + (working - loading) * (network.cycles + network.overhead))


def predict_run(network: EdgeNetwork, golden, samples: int | None, training: bool) -> Prediction:
    """Predict the clocks of a run of ``samples``, or of a sample of an endless one."""
    if samples is None:
        clocks, slots, samples = clocks_per_sample(network), network.cycles, 1
    else:
        clocks = run_clocks(network, samples, training=training)
        slots = (junction_cycles(network, samples, training=training) - 1) * network.cycles
    return Prediction(cycles=clocks, slots=slots, samples=samples,
                      useful=samples * network.cycles / clocks)
