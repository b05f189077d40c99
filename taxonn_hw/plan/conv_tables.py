"""The tables that hardware of kernels walks by, as integers: passes, taps, lines and columns.

One compiler for both kinds of hardware: a build of one network has these numbers as constants, a
loadable build as words that the host writes (:mod:`taxonn_hw.rtl.taxonn.loading`).
"""

from .conv_program import ConvPass, ConvProgram
from .program import Element

__all__ = ["descriptors", "spans", "taps"]

_DIGITS = ("window", "inside", "rest")


def descriptors(program: ConvProgram) -> list[dict]:
    """Return the descriptor of every pass, as integers."""
    rows = []
    for number, p in enumerate(program.passes):
        rows.append(_positions(program, p) | _inputs(program, p) | {
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


def _positions(program: ConvProgram, p: ConvPass) -> dict:
    """What walks the positions of a pass."""
    w = p.walk
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


def _inputs(program: ConvProgram, p: ConvPass) -> dict:
    """What walks the input neurons of a pass."""
    w = p.walk
    below = program.walks[p.layer.index - 2] if p.layer.index > 1 else w
    before = program.walks[:p.layer.index - 1]
    return {
        "channel_rows": w.tap_rows, "last_x": w.width - 1, "last_y": w.height - 1,
        "pad_x": dict(zip(_DIGITS, w.digits(w.padding, w.x_step), strict=True)),
        "pad_y": dict(zip(_DIGITS, w.digits(w.padding, w.y_step), strict=True)),
        "last_rest": w.stride - 1, "digit_x": w.x_step, "digit_y": w.y_step,
        "n_deltas": w.n_deltas if program.d_base else 0, "last_below": below.channels_out - 1,
        "below_step": below.deltas, "below_block": below.n_deltas,
        "n_least": p.n_least - 1, "line_step": w.line_step,
        "lines": sum(k.height for k in before), "columns": sum(k.width for k in before),
    }


def taps(program: ConvProgram, groups: int) -> list[list[dict]]:
    """Return for every tap row of every layer the tap of each of ``groups`` lane groups."""
    zero = dict.fromkeys(_DIGITS, 0)
    none = {"exists": 0, "dy": 0, "dx": 0, "offset": 0, "y": zero, "x": zero}
    rows = []
    for layer, walk in zip(program.network.layers, program.walks, strict=True):
        assert len(rows) == program.tap_base[layer.index]
        for row in range(walk.tap_rows):
            found = [walk.tap(row, group) for group in range(groups)]
            rows.append([none if tap is None else {
                "exists": 1, "dy": tap.dy, "dx": tap.dx, "offset": tap.offset,
                "y": dict(zip(_DIGITS, tap.y, strict=True)),
                "x": dict(zip(_DIGITS, tap.x, strict=True))} for tap in found])
    return rows


def spans(program: ConvProgram, name: str) -> list[dict]:
    """Return the table of ``lines`` or ``columns`` of all input images.

    Of every line (column): the first tap row that meets a position, and one less than how many.
    """
    return [{"first": first, "more": n - 1}
            for walk in program.walks for first, n in getattr(walk, name)()]
