"""Layouts of the tables of :mod:`taxonn_hw.plan.conv_tables`.

The descriptor of a pass holds what the sequencer adds at every step.
"""

from amaranth.lib import data

from .conv_slot import conv_slot, digit_layout
from .numerics import Numerics

__all__ = ["descriptor_layout", "span_layout", "tap_layout"]


def _most(values) -> range:
    return range(max(2, *values, 0) + 1)


def descriptor_layout(numerics: Numerics) -> data.StructLayout:
    """Layout of a descriptor."""
    n, slot = numerics, conv_slot(numerics).members
    tag, digits, walks = slot["tag"].members, digit_layout(numerics), numerics.program.walks
    steps = _most(w.stride * w.side * (w.width + 2 * w.padding) * w.channels_in for w in walks)
    strides = _most(w.stride * w.side for w in walks)
    sides = _most(w.side for w in walks)
    return data.StructLayout({
        "layer": tag["layer"], "is_gradient": 1, "is_backward": 1, "waits": 1,
        "first_of_sample": 1, "last_of_sample": 1, "last_of_inference": 1,
        "row_base": slot["row"], "row_stride": range(max(2, n.network.n_rows + 1)),
        "last_block": _most(w.n_blocks for w in walks), "count": slot["count"],
        "tap_base": slot["tap"], "last_tap": _most(w.tap_rows for w in walks),
        "last_channel": _most(w.channels_in for w in walks),
        # Positions: coordinates and address of the input under tap (0, 0).
        "start": slot["x"], "stride": strides, "window_stride": strides,
        "origin": slot["origin"], "step_x": steps, "step_y": steps,
        "window_step_x": steps, "window_step_y": steps,
        "last_side": sides, "last_column": _most(w.pooled_width for w in walks),
        "last_line": _most(w.pooled_height for w in walks),
        "channels": _most(w.channels_out for w in walks),  # neurons of a pooled position
        "slope_base": tag["slope"], "slope_step": range(max(2, n.program.slope_depth + 1)),
        "vector": slot["vector"], "every_position": 1,
        # Input neurons: digits of their place, and where the deltas of the layer below go.
        "channel_rows": _most(w.tap_rows for w in walks),
        "last_x": _most(w.width for w in walks), "last_y": _most(w.height for w in walks),
        "pad_x": digits, "pad_y": digits, "last_rest": strides,
        "digit_x": digits.members["window"], "digit_y": digits.members["window"],
        "n_deltas": range(max(2, n.program.vector_rows + 1)),
        "last_below": _most(w.channels_out for w in walks),
        "below_step": range(max(2, *(w.deltas + 1 for w in walks))),
        "below_block": range(max(2, *(w.n_deltas + 1 for w in walks))),
        "n_least": range(max(2, *(p.n_least for p in n.program.passes))),  # less one
        "line_step": _most(w.line_step for w in walks),
        "lines": range(max(2, n.program.n_lines)), "columns": range(max(2, n.program.n_columns)),
    })


def span_layout(numerics: Numerics, name: str) -> data.StructLayout:
    """Layout of an entry of the table of ``lines`` or ``columns``."""
    found = [span for walk in numerics.program.walks for span in getattr(walk, name)()]
    return data.StructLayout({"first": _most(first for first, _ in found),
                              "more": _most(n for _, n in found)})


def tap_layout(numerics: Numerics) -> data.StructLayout:
    """Layout of the tap of a lane group."""
    p = numerics.program
    present = [tap for walk in p.walks for row in range(walk.tap_rows)
               for g in range(walk.groups) if (tap := walk.tap(row, g)) is not None]
    digits = digit_layout(numerics)
    return data.StructLayout({
        "exists": 1, "dy": range(max(2, *(t.dy + 1 for t in present), 0)),
        "dx": range(max(2, *(t.dx + 1 for t in present), 0)),
        "offset": range(max(2, *(t.offset + 1 for t in present), 0)),
        "y": digits, "x": digits})
