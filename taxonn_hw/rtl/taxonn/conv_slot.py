"""A slot of a convolutional net: one clock of the array, and what its scalars are addressed by."""

from amaranth.hdl import signed
from amaranth.lib import data

from .neuron_unit import sum_tag
from .numerics import Numerics
from .sample_steps import step_marks

__all__ = ["conv_slot", "digit_layout", "origin_bound", "start_bound"]


def start_bound(numerics: Numerics) -> int:
    """A magnitude that no coordinate of a window under a kernel exceeds."""
    walks = numerics.program.walks
    return max(max(w.height, w.width) + 2 * w.padding + w.stride * (w.side + 1)
               + max(w.kernel) for w in walks)


def origin_bound(numerics: Numerics) -> int:
    """A magnitude that no image address exceeds, nor one on its way beyond the last position."""
    return max((start_bound(numerics) * (w.width + 1) + 1) * w.channels_in
               for w in numerics.program.walks)


def digit_layout(numerics: Numerics) -> data.StructLayout:
    """A coordinate of an input neuron: window (in rows of deltas), place in it and in a stride."""
    walks = numerics.program.walks
    window = max((w.height + 2 * w.padding + w.stride) * w.y_step
                 + (w.width + 2 * w.padding + w.stride) * w.x_step for w in walks)
    return data.StructLayout({
        "window": range(window + 1),
        "inside": range(max(2, *(w.side for w in walks))),
        "rest": range(max(2, *(w.stride for w in walks))),
    })


def conv_slot(numerics: Numerics) -> data.StructLayout:
    """Layout of a slot.

    ``multiply`` marks slots that the array computes on; null slots only pass time.
    """
    n, p = numerics, numerics.program
    start, digits = signed(start_bound(n).bit_length() + 1), digit_layout(n)
    return data.StructLayout({
        "row": range(max(n.network.n_rows, 2)),
        "read": 1,             # the row is read
        "multiply": 1,
        "spread": 1,           # forward: sums stay in the lanes
        "gather": 1,           # input gradient: sums go through the tree
        "gradient": 1,         # kernel gradient: input times delta, sums stay in the lanes
        "update": 1,           # completes a kernel gradient: the row is written back
        "bias": 1,             # bias row
        "first": 1,
        "last": 1,             # completes a sum that is a result
        "new_sample": 1,       # begins a training sample after another
        "x_bank": 1,           # sample bank of the loader
        "count": range(n.network.lanes + 1),  # forward: results in the lanes of a group
        "tap": range(max(p.tap_depth, 2)),
        "origin": signed(origin_bound(n).bit_length() + 1),  # input under tap (0, 0), its channel
        "y": start, "x": start,                              # its place
        "y_digits": digits, "x_digits": digits,              # place of an input neuron, padded
        "vector": range(max(p.vector_rows, 2)),  # row of deltas; input gradient: of position 0
        "tag": sum_tag(n),
        **step_marks(n),
    })
