"""Latencies of engine ``edge`` in clocks: the RTL is built to them, clocks follow from them.

A forward value of junction ``i``, whose address is given in clock ``k`` of a junction cycle:

========  ==========================================================================
stage     what is there
========  ==========================================================================
0         addresses
1, 2      memory data, their register
3         products
3 + T     sum of the fan-in; T levels of adders, and one for partial sums
4 + T     bias added, rounded and clipped: the activation's input
5 + T     activation (table data)
6 + T     activation and derivative, or output delta, in a register
7 + T     written: an address given in this clock reads it
========  ==========================================================================

Update and backward pass are through by stage 7 as well, whatever the fan-in.
"""

from .junction import Junction

__all__ = ["BACKWARD_LATENCY", "PRODUCT_STAGE", "UPDATE_LATENCY", "forward_latency",
           "junction_overhead", "sum_stage", "tree_levels"]

#: Stage of the products.
PRODUCT_STAGE = 3
#: Stage at which an updated weight or bias can be read.
UPDATE_LATENCY = 7
#: Stage at which a hidden delta can be read.
BACKWARD_LATENCY = 7


def tree_levels(junction: Junction) -> int:
    """Return T: adder levels of a clock's share of the fan-in, and one for partial sums."""
    share = min(junction.z, junction.fan_in)
    return (share - 1).bit_length() + (junction.clocks_per_neuron > 1)


def sum_stage(junction: Junction) -> int:
    """Return the stage of a complete forward sum."""
    return PRODUCT_STAGE + tree_levels(junction)


def forward_latency(junction: Junction) -> int:
    """Return the stage at which an activation or output delta can be read."""
    return sum_stage(junction) + 4


def junction_overhead(junctions, *, training: bool = True) -> int:
    """Return d: a junction cycle takes ``C + d`` clocks."""
    longest = max(forward_latency(junction) for junction in junctions)
    return max(longest, UPDATE_LATENCY, BACKWARD_LATENCY) if training else longest
