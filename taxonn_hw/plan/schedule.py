"""One typical training sample of a prediction: which unit is busy when, pass by pass."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from ..errors import UserError
from .base import LoadTime, PassTime, Prediction

__all__ = ["SampleSchedule", "sample_schedule"]


@dataclass(frozen=True, kw_only=True)
class SampleSchedule:
    """Cycles count from the sample's first slot.

    Members
    -------
    sample : int
        Which, from 0.
    clocks : int
        From its first slot to the next sample's.
    passes : tuple of PassTime
    loads : tuple of LoadTime
        Of any sample, as far as they fall into these clocks.
    """

    sample: int
    clocks: int
    passes: tuple[PassTime, ...]
    loads: tuple[LoadTime, ...]

    def waits(self) -> list[int]:
        """Return for each pass the clocks without a slot before it; the last entry: after all."""
        ends = [-1, *(p.last for p in self.passes)]
        starts = [*(p.first for p in self.passes), self.clocks]
        return [start - end - 1 for start, end in zip(starts, ends, strict=True)]

    def facts(self) -> dict:
        """Return the schedule as JSON values."""
        return {
            "sample": self.sample, "clocks": self.clocks,
            "passes": [{"number": p.number, "layer": p.layer, "element": p.element,
                        "first": p.first, "last": p.last, "slots": p.slots, "stored": p.stored}
                       for p in self.passes],
            "loads": [{"sample": one.sample, "first": one.first, "last": one.last}
                      for one in self.loads],
        }


def sample_schedule(prediction: Prediction) -> SampleSchedule:
    """Return the sample with the median clocks, the first and the last one left out.

    Raises
    ------
    UserError
        When the engine has no passes, or there are too few samples.
    """
    if not prediction.passes:
        raise UserError("only engine taxonn has a schedule of passes; the junctions of engine edge "
                        "all work in every clock")
    starts: dict[int, int] = {}
    for p in prediction.passes:
        starts.setdefault(p.sample, p.first)
    clocks = {n: starts[n + 1] - first for n, first in starts.items() if n and n + 1 in starts}
    if not clocks:
        raise UserError(f"a schedule needs 3 samples, there are {len(starts)}; raise --samples")
    middle = median(clocks.values())
    sample = min(clocks, key=lambda n: (abs(clocks[n] - middle), n))
    return _shifted(prediction.passes, prediction.loads, sample, starts[sample], clocks[sample])


def _shifted(passes: Sequence[PassTime], loads: Sequence[LoadTime], sample: int, start: int,
             clocks: int) -> SampleSchedule:
    """Return ``sample`` with cycles counted from ``start``."""
    own = tuple(replace(p, first=p.first - start, last=p.last - start,
                        stored=None if p.stored is None else p.stored - start)
                for p in passes if p.sample == sample)
    seen = tuple(LoadTime(one.sample, one.first - start, one.last - start) for one in loads
                 if one.last >= start and one.first < start + clocks)
    return SampleSchedule(sample=sample, clocks=clocks, passes=own, loads=seen)
