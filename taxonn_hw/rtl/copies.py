"""Registers that are there several times, so that none drives more than its part of the lanes.

They are for data: none has a reset.
"""

from amaranth.hdl import Signal, Value

from ..plan.latency import LANES_PER_COPY

__all__ = ["COPY", "LANES_PER_COPY", "add_copies", "spread"]

#: Attribute by which synthesis knows them: it would merge what is the same.
COPY = "fanout_copy"


def add_copies(m, value, lanes: int, *, name: str, shape=None) -> list:
    """Return a register of ``value`` for every :data:`LANES_PER_COPY` lanes; latency 1 cycle."""
    return _registers(m, value, -(-lanes // LANES_PER_COPY), name, shape)


def spread(m, value, name: str, *, levels: int = 1) -> list:
    """Return ``2**levels`` registers of ``value``, ``levels`` cycles later: two follow each."""
    leaves = [value]
    for level in range(levels):
        leaves = [register for k, leaf in enumerate(leaves)
                  for register in _registers(m, leaf, 2, f"{name}_{level}_{k}")]
    return leaves


def _registers(m, value, count: int, name: str, shape=None) -> list:
    copies = []
    for k in range(count):
        copy = Signal(Value.cast(value).shape() if shape is None else shape,
                      name=f"{name}_{k}" if count > 1 else name, reset_less=True,
                      attrs={COPY: 1} if count > 1 else {})
        m.d.sync += copy.eq(value)
        copies.append(copy)
    return copies
