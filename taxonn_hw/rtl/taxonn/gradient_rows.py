"""Rows of gradient sums beside the weights: what a batch has gathered before its step."""

from amaranth.hdl import Cat, Value
from amaranth.lib import data

from ..memory import add_memory
from .numerics import Numerics

__all__ = ["add_gradient_rows"]

_READ = 4  # stage at which a row is addressed, a cycle later the lanes have it
_WRITE = 7


def add_gradient_rows(m, numerics: Numerics, lanes, slots, valids) -> None:
    """Add the memory to the array: read for the first slot of a row, written by its last.

    The first slot of a kernel gradient adds the old sum to its product, unless its sample is the
    first of the batch; the complete sum goes back at c7.  Nobody reads the one that is written with
    a step, or by a host that stores weights: a batch begins after both.  Between two gradients of a
    row lies a forward slot that reads its weights, and waits until the slot that wrote is through:
    a sum is never read before it is written.
    """
    first, last = slots[_READ], slots[_WRITE]
    width = numerics.gradient.width
    write, read = add_memory(m, "gradients", shape=data.ArrayLayout(numerics.gradient, len(lanes)),
                             depth=numerics.network.n_rows)
    m.d.comb += [
        read.addr.eq(first.row), read.en.eq(valids[_READ] & first.gradient & first.first),
        write.addr.eq(last.row), write.en.eq(valids[_WRITE] & last.update),
        write.data.as_value().eq(Cat(lane.accumulator[:width] for lane in lanes)),
    ]
    row = Value.cast(read.data)
    for k, lane in enumerate(lanes):
        m.d.comb += lane.gathered_before.eq(row[k * width:(k + 1) * width].as_signed())
