"""Which beats are so wide that they come from all over a device."""

from collections.abc import Iterable

from ...plan.latency import LANES_PER_COPY

__all__ = ["far"]


def far(widths: Iterable[int]) -> bool:
    """Return whether beats of ``widths`` bits have more bytes than a register serves lanes.

    Their accelerator is large, and the clock that is hoped for high; so the link takes one more
    cycle where it meets them.
    """
    return max(widths) > 8 * LANES_PER_COPY
