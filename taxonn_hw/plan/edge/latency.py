"""Latencies of engine ``edge`` in clocks: the RTL is built to them, clocks follow from them.

A value that follows from the address given in clock ``k`` of a junction cycle is at *stage* ``s``
when it is in a register in clock ``k + s``.

===========  =======================================================================================
stage        what is there
===========  =======================================================================================
0            addresses
1            memory data
2            weights, inputs and deltas of the edges, in registers
P            forward and backward products: 3, or 4 where the multipliers see a rounded weight
             (improved) or every product is rounded (compatibility)
P + T = S    sum of the fan-in: T levels of adders, and one for partial sums
S + 1        bias added
A            activation and derivative, written in this clock: S + 2, or S + 3 from a table
O            output delta, written: A and the error, its product with a derivative, its quantiser
P + 1        backward sum
B            hidden delta, written: P + 1 and the product with a derivative, the quantiser
U            weight and bias, written: 5, or 6 with rounded products; 1 or 2 more if d has room
===========  =======================================================================================

A junction cycle takes ``C + d`` clocks: ``d`` is the longest latency from a read to the write of
what follows from it, so that whatever is read next is there.  The output delta of a group of
neurons is only asked for by the same group one junction cycle later, which may be before its turn
only when C is a few clocks.  Where full pipelining would exceed ``7 + ceil(log2 fan_in)`` (fan-ins
of one or two edges, cycles of a few clocks) registers are left out.
"""

from dataclasses import dataclass, replace

from ...fixed import Pow2Format
from .junction import Junction

__all__ = ["MIN_OVERHEAD", "JunctionStages", "junction_overhead", "junction_stages",
           "largest_overhead", "tree_levels"]

#: Least d: the pipeline up to the operands empties before the next samples move up.
MIN_OVERHEAD = 5


@dataclass(frozen=True, kw_only=True)
class JunctionStages:
    """Stages of one junction, see the table above.

    Members
    -------
    operand : bool
        Rounded weights have a register of their own.
    rounding : bool
        Rounded products (compatibility) have a register of their own.
    left_quantizer, error_quantizer : int
        Registers of the quantisers of the left neurons' deltas and of the output delta.
    slope : bool
        A product with a derivative code has a register of its own.
    step : int
        Registers of an update beyond those that it always has: 1, the new weight before it is
        saturated; 2, also the step in the middle of its shift.
    """

    operand: bool
    rounding: bool
    left_quantizer: int
    error_quantizer: int
    slope: bool
    product: int
    sum: int
    activation: int
    error: int
    backward: int
    update: int
    step: int = 0


def tree_levels(junction: Junction) -> int:
    """Return T: adder levels of a clock's share of the fan-in, and one for partial sums."""
    share = min(junction.z, junction.fan_in)
    return (share - 1).bit_length() + (junction.clocks_per_neuron > 1)


def largest_overhead(junctions) -> int:
    """Return the bound of d: 7 + ceil(log2 of the largest fan-in)."""
    return 7 + (max(junction.fan_in for junction in junctions) - 1).bit_length()


def junction_stages(junctions, *, training: bool = True) -> tuple[JunctionStages, ...]:
    """Return the stages of every junction: the deepest pipeline within the bound of d.

    Updates get the registers that fit into the d of everything else.
    """
    for depth in (2, 1, 0):
        stages = tuple(_stages(junctions, i, depth) for i in range(len(junctions)))
        if _overhead(junctions, stages, training) <= largest_overhead(junctions):
            break
    room = _overhead(junctions, stages, training)
    steps = [min(2, room - s.update) for s in stages]
    return tuple(replace(s, step=step, update=s.update + step)
                 for s, step in zip(stages, steps, strict=True))


def junction_overhead(junctions, *, training: bool = True) -> int:
    """Return d: a junction cycle takes ``C + d`` clocks."""
    return _overhead(junctions, junction_stages(junctions, training=training), training)


def _overhead(junctions, stages, training: bool) -> int:
    longest = [MIN_OVERHEAD, *(s.activation for s in stages[:-1])]
    if training:
        output = junctions[-1]
        longest += [*(s.update for s in stages), *(s.backward for s in stages[1:]),
                    output.clocks_per_neuron + stages[-1].error - output.cycles]
    return max(longest)


def _stages(junctions, i: int, depth: int) -> JunctionStages:
    """Return the stages of junction ``i`` (from 0) with a pipeline of ``depth`` 0 to 2."""
    junction = junctions[i]
    return (_compatible if junction.compatible else _improved)(junctions, i, depth)


def _improved(junctions, i: int, depth: int) -> JunctionStages:
    junction = junctions[i]
    f = junction.formats
    operand = depth == 2 and f.operand != f.weight
    product = 3 + operand
    total = product + tree_levels(junction)
    activation = total + 2 + junction.activation.is_table
    slope = depth > 0

    def quantizer(owner: Junction) -> int:
        return (3 if isinstance(owner.formats.delta, Pow2Format) else 2) if depth else 1

    error, backward = activation, product + 1
    if junction.has_derivative_at_output and junction.activation.is_table and slope:
        error += 2  # the difference, its product
    below = junctions[i - 1] if i else None
    if below is not None and below.activation.is_table and slope:
        backward += 1
    left = quantizer(below) if below is not None else 0
    return JunctionStages(
        operand=operand, rounding=False, left_quantizer=left, error_quantizer=quantizer(junction),
        slope=slope, product=product, sum=total, activation=activation,
        error=error + quantizer(junction), backward=backward + left, update=5)


def _compatible(junctions, i: int, depth: int) -> JunctionStages:
    junction = junctions[i]
    rounding = depth > 0
    product = 3 + rounding
    total = product + tree_levels(junction)
    activation = total + 2 + junction.is_sigmoid
    slope = rounding
    error = activation + 1
    if junction.has_derivative_at_output and slope:
        error += 2  # the full product, its rounding
    return JunctionStages(
        operand=False, rounding=rounding, left_quantizer=0, error_quantizer=0, slope=slope,
        product=product, sum=total, activation=activation, error=error,
        backward=7 if rounding else 5, update=6 if rounding else 5)
