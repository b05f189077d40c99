"""Registers that are there several times, so that none drives more than its part of the lanes."""

from amaranth.hdl import Signal, Value

from ..plan.latency import LANES_PER_COPY

__all__ = ["COPY", "LANES_PER_COPY", "add_copies", "copies_for"]

#: Attribute by which synthesis knows them: it would merge what is the same.
COPY = "fanout_copy"


def copies_for(lanes: int) -> int:
    """Return how many copies serve ``lanes``."""
    return -(-lanes // LANES_PER_COPY)


def add_copies(m, value, lanes: int, *, name: str, shape=None) -> list:
    """Register ``value`` once for every :data:`LANES_PER_COPY` of the ``lanes``; latency 1 cycle.

    Only for data: the registers have no reset.
    """
    several = copies_for(lanes) > 1
    copies = []
    for k in range(copies_for(lanes)):
        copy = Signal(Value.cast(value).shape() if shape is None else shape,
                      name=f"{name}_{k}" if several else name, reset_less=True,
                      attrs={COPY: 1} if several else {})
        m.d.sync += copy.eq(value)
        copies.append(copy)
    return copies
