"""The passes of a convolutional net as descriptors: what the sequencer adds at every step."""

from amaranth.lib import data

from ...plan.conv_program import ConvPass
from ...plan.program import Element
from .conv_slot import conv_slot, digit_layout
from .numerics import Numerics

__all__ = ["descriptor_layout", "descriptors", "spans"]


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
        "lines": range(max(2, sum(w.height for w in walks))),
        "columns": range(max(2, sum(w.width for w in walks))),
    })


def descriptors(numerics: Numerics) -> list[dict]:
    """Return the descriptor of every pass, as integers."""
    program = numerics.program
    rows = []
    for number, p in enumerate(program.passes):
        rows.append(_positions(numerics, p) | _inputs(numerics, p) | {
            "layer": p.layer.index, "is_gradient": int(p.element is Element.UPDATE),
            "is_backward": int(p.element is Element.BACKWARD), "waits": int(p.waits),
            "first_of_sample": int(number == 0),
            "last_of_sample": int(number == len(program.passes) - 1),
            "last_of_inference": int(number == len(program.forward) - 1),
            "row_base": p.layer.row_base, "row_stride": p.layer.row_stride,
            "last_block": p.walk.n_blocks - 1, "count": p.walk.lanes_in(p.walk.n_blocks - 1),
            "tap_base": program.tap_base[p.layer.index], "last_tap": p.walk.tap_rows - 1,
            "last_channel": p.walk.channels_in - 1,
            "vector": program.d_base.get(p.layer.index, 0),
        })
    return rows


def _positions(numerics: Numerics, p: ConvPass) -> dict:
    """What walks the positions of a pass."""
    w, program = p.walk, numerics.program
    base = program.a_base[p.layer.index - 1] if p.layer.index > 1 else 0
    step_x, step_y = w.stride * w.channels_in, w.stride * w.width * w.channels_in
    own = p.layer.index - (p.element is Element.BACKWARD)  # whose derivatives
    return {
        "start": -w.padding, "stride": w.stride, "window_stride": w.stride * w.side,
        "origin": base - w.padding * (w.width + 1) * w.channels_in,
        "step_x": step_x, "step_y": step_y,
        "window_step_x": w.side * step_x, "window_step_y": w.side * step_y,
        "last_side": w.side - 1, "last_column": w.pooled_width - 1,
        "last_line": w.pooled_height - 1, "channels": w.channels_out,
        "slope_base": program.slope_base.get(own, 0),
        "slope_step": p.layer.n_out if w.average else 0,
        "every_position": int(w.average),
    }


def _inputs(numerics: Numerics, p: ConvPass) -> dict:
    """What walks the input neurons of a pass."""
    w = p.walk
    below = numerics.program.walks[p.layer.index - 2] if p.layer.index > 1 else w
    names = ("window", "inside", "rest")
    before = numerics.program.walks[:p.layer.index - 1]
    return {
        "channel_rows": w.tap_rows, "last_x": w.width - 1, "last_y": w.height - 1,
        "pad_x": dict(zip(names, w.digits(w.padding, w.x_step), strict=True)),
        "pad_y": dict(zip(names, w.digits(w.padding, w.y_step), strict=True)),
        "last_rest": w.stride - 1, "digit_x": w.x_step, "digit_y": w.y_step,
        "n_deltas": w.n_deltas, "last_below": below.channels_out - 1,
        "below_step": below.deltas, "below_block": below.n_deltas,
        "n_least": p.n_least - 1, "line_step": w.line_step,
        "lines": sum(k.height for k in before), "columns": sum(k.width for k in before),
    }


def spans(numerics: Numerics, name: str):
    """Return layout and words of the table of ``lines`` or ``columns`` of all input images.

    Of every line (column): the first tap row that meets a position, and one less than how many.
    """
    found = [span for walk in numerics.program.walks for span in getattr(walk, name)()]
    layout = data.StructLayout({"first": _most(first for first, _ in found),
                                "more": _most(n for _, n in found)})
    return layout, [{"first": first, "more": n - 1} for first, n in found]
