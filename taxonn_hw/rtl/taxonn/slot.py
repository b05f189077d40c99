"""A slot: one clock of the array, from the sequencer to the last write."""

from amaranth.lib import data

from .numerics import Numerics

__all__ = ["list_entry", "slot_layout"]


def slot_layout(numerics: Numerics) -> data.StructLayout:
    """Layout of a slot.

    ``multiply`` marks slots that the array computes on; null and clear slots only move flags.
    """
    n = numerics
    program = n.program
    return data.StructLayout({
        "row": range(max(n.network.n_rows, 2)),
        "read": 1,             # the row is read (an update that follows its backward slot shares)
        "hash": 16,            # address of the random word; of slots without results the row
        "layer": range(n.network.n_layers + 1),
        "item": range(max(2, *(max(layer.n_in, layer.n_out) + 1 for layer in n.layers))),
        "block": range(max(2, *(layer.n_blocks for layer in n.layers))),
        "multiply": 1,
        "spread": 1,           # sums stay in the lanes
        "gather": 1,           # sums go through the tree
        "backward": 1,         # operand times delta
        "update": 1,           # activation times delta, written back
        "pass_backward": 1,    # results are deltas
        "bias": 1,             # bias row
        "first": 1,
        "last": 1,             # completes a sum
        "finish": 1,           # completes the results of the pass
        "new_sample": 1,       # begins a training sample after another
        "clear": 1,            # zero the delta row `vector_row`
        "vector_row": range(max(2, program.vector_rows, program.x_rows)),
        "x_bank": 1,           # sample bank of the loader
        "scalar": n.scalar,
        "power": n.delta if n.pow2 else 1,
    })


def list_entry(numerics: Numerics, kind: str, size: int) -> data.StructLayout:
    """Layout of a list entry: activations (``a``) or deltas (``d``) of ``size`` neurons."""
    index = range(max(size, 2))
    if kind == "a":
        return data.StructLayout({"index": index, "value": numerics.activation, "slope": 1})
    return data.StructLayout({"index": index, "value": numerics.delta})
