"""What the sequencer of a convolutional net walks: tap rows, positions, blocks, input neurons.

Each walker is a few registers to which a step adds what the descriptor ``d`` of the pass holds.
``steps`` are the strobes of a step of ``row``, ``position``, ``block`` and ``item`` (an input
neuron); with ``load`` the pass whose descriptor is ``fresh`` begins.
"""

from amaranth.hdl import Array, Mux, Signal
from amaranth.lib import data

from ...plan.conv_tables import spans
from .conv_descriptor import span_layout
from .conv_slot import conv_slot

__all__ = ["walk_blocks", "walk_inputs", "walk_positions", "walk_rows"]


def walk_rows(numerics, m, d, steps, load, fresh, place) -> dict:
    """Walk the tap rows of a block and its bias row; or of an input channel those that meet
    a position: line by line, and in each column by column."""
    row = Signal(conv_slot(numerics).members["row"])
    start = Signal.like(row)         # of the block, or of a channel in the present block
    channel_start = Signal.like(row)  # of a channel in block 0
    channel = Signal.like(d.last_channel)
    tap = Signal.like(d.last_tap)
    bias, last, tap_last, channel_last = Signal(), Signal(), Signal(), Signal()
    span, line_start, many = {}, Signal.like(tap), {}
    for name, at in (("lines", "y"), ("columns", "x")):
        span[name] = Signal(span_layout(numerics, name), name=f"span_{name}")
        many[name] = Signal.like(span[name].more, name=f"walked_{name}")
        m.d.comb += span[name].eq(_span(numerics, m, name, d[name] + place[at]))
    across = Signal(name="line_ends")
    first = span["lines"].first + span["columns"].first
    m.d.comb += [
        across.eq(many["columns"] == span["columns"].more),
        tap_last.eq(tap == d.last_tap), channel_last.eq(channel == d.last_channel),
        last.eq(Mux(d.is_backward, across & (many["lines"] == span["lines"].more), bias)),
    ]
    with m.If(steps["row"] & d.is_backward):
        m.d.sync += [tap.eq(tap + d.stride), many["columns"].eq(many["columns"] + 1)]
        with m.If(across):
            m.d.sync += [tap.eq(line_start + d.line_step), many["columns"].eq(0),
                         line_start.eq(line_start + d.line_step),
                         many["lines"].eq(many["lines"] + 1)]
    with m.If(load | steps["block"] | steps["item"]):
        m.d.sync += [line_start.eq(0), many["columns"].eq(0), many["lines"].eq(0)]
    with m.If(steps["row"] & ~d.is_backward):
        m.d.sync += [row.eq(row + 1), tap.eq(tap + 1)]
        with m.If(last):
            m.d.sync += [row.eq(start), tap.eq(0), bias.eq(0), channel.eq(0)]
        with m.Elif(tap_last):
            m.d.sync += [tap.eq(0), bias.eq(channel_last),
                         channel.eq(Mux(channel_last, 0, channel + 1))]
    with m.If(steps["block"]):
        following = Mux(d.is_backward, start + d.row_stride, row + 1)
        m.d.sync += [row.eq(following), start.eq(following), tap.eq(0)]
    with m.If(steps["item"]):
        following = Mux(channel_last, d.row_base, channel_start + d.channel_rows)
        m.d.sync += [start.eq(following), channel_start.eq(following),
                     tap.eq(0), channel.eq(Mux(channel_last, 0, channel + 1))]
    with m.If(load):
        m.d.sync += [row.eq(fresh.row_base), start.eq(fresh.row_base), bias.eq(0), tap.eq(0),
                     channel_start.eq(fresh.row_base), channel.eq(0)]
    here = first + tap  # of an input channel
    return {"row": Mux(d.is_backward, start + here, row),
            "tap": Mux(d.is_backward, here, tap), "bias": bias, "channel": channel,
            "last": last, "channel_last": channel_last,
            "first": (tap == 0) & (channel == 0) & ~bias,
            "begins": (many["columns"] == 0) & (many["lines"] == 0)}


def _span(numerics, m, name: str, address):
    """Read the table of lines or columns, in the same cycle."""
    if numerics.view.loadable:
        return numerics.view.read(m, name, address, domain="comb")
    shape = span_layout(numerics, name)
    return Array(shape.const(word) for word in spans(numerics.program, name))[address]


def walk_positions(numerics, m, d, steps, load, fresh) -> dict:
    """Walk windows in raster order, and in each its positions; keep where the kernel lies."""
    wx, wy = Signal.like(d.last_side), Signal.like(d.last_side)
    px, py = Signal.like(d.last_column), Signal.like(d.last_line)
    origin = {k: Signal(conv_slot(numerics).members["origin"], name=f"origin_{k}")
              for k in ("now", "line", "window", "windows")}
    x, y = Signal(conv_slot(numerics).members["x"]), Signal(conv_slot(numerics).members["y"])
    window_x, window_y = Signal.like(x), Signal.like(y)
    across, inside, last, first = Signal(), Signal(), Signal(), Signal()
    right, bottom = Signal(), Signal()
    m.d.comb += [
        across.eq(wx == d.last_side), inside.eq(across & (wy == d.last_side)),
        right.eq(px == d.last_column), bottom.eq(py == d.last_line),
        last.eq(inside & right & bottom),
    ]

    def move(*kinds, to):
        return [origin[kind].eq(to) for kind in kinds]

    with m.If(steps["position"]):
        m.d.sync += [wx.eq(wx + 1), x.eq(x + d.stride), first.eq(last),
                     *move("now", to=origin["now"] + d.step_x)]
        with m.If(across & ~inside):
            m.d.sync += [wx.eq(0), wy.eq(wy + 1), x.eq(window_x), y.eq(y + d.stride),
                         *move("now", "line", to=origin["line"] + d.step_y)]
        with m.If(inside):
            m.d.sync += [wx.eq(0), wy.eq(0)]
        with m.If(inside & ~right):
            m.d.sync += [px.eq(px + 1), window_x.eq(window_x + d.window_stride),
                         x.eq(window_x + d.window_stride), y.eq(window_y),
                         *move("now", "line", "window",
                               to=origin["window"] + d.window_step_x)]
        with m.If(inside & right & ~bottom):
            m.d.sync += [px.eq(0), py.eq(py + 1), x.eq(d.start), window_x.eq(d.start),
                         window_y.eq(window_y + d.window_stride),
                         y.eq(window_y + d.window_stride),
                         *move("now", "line", "window", "windows",
                               to=origin["windows"] + d.window_step_y)]
    again = Signal()
    m.d.comb += again.eq(load | steps["position"] & last)
    with m.If(again):
        now = Mux(load, fresh.as_value(), d.as_value())
        now = data.View(d.shape(), now)
        m.d.sync += [px.eq(0), py.eq(0), wx.eq(0), wy.eq(0), first.eq(1),
                     x.eq(now.start), window_x.eq(now.start), y.eq(now.start),
                     window_y.eq(now.start),
                     *move("now", "line", "window", "windows", to=now.origin)]
    counters = _stored(numerics, m, d, steps, load, last, inside)
    return {"origin": origin["now"], "x": x, "y": y, "last": last, "first": first,
            "begins": (wx == 0) & (wy == 0), "ends": inside, **counters}


def _stored(numerics, m, d, steps, load, last, inside) -> dict:
    """Rows of stored values, output neuron and its derivative, of the present position."""
    tag = conv_slot(numerics).members["tag"].members
    place, row = Signal(tag["place"]), Signal(tag["row"])
    block_place, block_row = Signal.like(place), Signal.like(row)
    window = Signal(tag["window"])
    item, block_item = Signal(tag["item"], name="output"), Signal(tag["item"])
    slope = Signal(tag["slope"], name="output_slope")  # less that of the first position
    with m.If(steps["position"]):
        following = row + inside
        m.d.sync += [place.eq(place + 1), row.eq(following), window.eq(window + 1),
                     slope.eq(slope + d.slope_step)]
        with m.If(inside):
            m.d.sync += [window.eq(0), slope.eq(0), item.eq(item + d.channels)]
        with m.If(last & d.is_gradient & ~steps["block"]):
            m.d.sync += [place.eq(block_place), row.eq(block_row)]
        with m.If(steps["block"]):
            m.d.sync += [block_place.eq(place + 1), block_row.eq(following),
                         item.eq(block_item + numerics.network.lanes),
                         block_item.eq(block_item + numerics.network.lanes)]
    with m.If(load):
        m.d.sync += [place.eq(0), row.eq(0), block_place.eq(0), block_row.eq(0), window.eq(0),
                     item.eq(0), block_item.eq(0), slope.eq(0)]
    return {"place": place, "row": row, "window": window, "item": item, "slope": slope}


def walk_blocks(m, d, steps, load):
    """Count blocks; of an input gradient, again for every neuron."""
    block, last = Signal.like(d.last_block), Signal()
    m.d.comb += last.eq(block == d.last_block)
    with m.If(steps["block"]):
        m.d.sync += block.eq(Mux(last, 0, block + 1))
    with m.If(load):
        m.d.sync += block.eq(0)
    return block, last


def walk_inputs(numerics, m, d, steps, load, fresh, channel_last, at) -> dict:
    """Walk the neurons of the input image, channels innermost; keep where deltas go."""
    slot = conv_slot(numerics).members
    tag, digits = slot["tag"].members, slot["y_digits"]
    x, y = at["x"], at["y"]
    x_digits, y_digits = Signal(digits), Signal(digits)
    item, null = Signal(tag["item"], name="input"), Signal()
    place, start, lane = Signal(tag["place"], name="below"), Signal(tag["place"]), Signal(
        tag["lane"])
    channel = Signal.like(d.last_below)
    vector = Signal(conv_slot(numerics).members["vector"], name="block_vector")
    with m.If(steps["block"]):
        m.d.sync += vector.eq(vector + d.n_deltas)
    with m.If(steps["item"]):
        m.d.sync += [item.eq(item + 1), lane.eq(lane + 1), channel.eq(channel + 1),
                     vector.eq(d.vector)]
        with m.If(channel == d.last_below):
            m.d.sync += [channel.eq(0), lane.eq(0), start.eq(start + d.below_step),
                         place.eq(start + d.below_step)]
        with m.Elif(lane == numerics.network.lanes - 1):
            m.d.sync += [lane.eq(0), place.eq(place + d.below_block)]
        with m.If(channel_last):
            m.d.sync += x.eq(x + 1)
            _count(m, d, x_digits, d.digit_x)
            with m.If(x == d.last_x):
                m.d.sync += [x.eq(0), x_digits.eq(d.pad_x), y.eq(y + 1)]
                _count(m, d, y_digits, d.digit_y)
    with m.If(load):
        m.d.sync += [x.eq(0), y.eq(0), x_digits.eq(fresh.pad_x), y_digits.eq(fresh.pad_y),
                     item.eq(0), place.eq(0), start.eq(0), lane.eq(0), channel.eq(0),
                     vector.eq(fresh.vector)]
    return {"x": x_digits, "y": y_digits, "item": item, "place": place, "lane": lane,
            "null": null, "vector": vector,
            "last": channel_last & (x == d.last_x) & (y == d.last_y)}


def _count(m, d, digits, step) -> None:
    """Add one to a coordinate in digits."""
    m.d.sync += digits.rest.eq(digits.rest + 1)
    with m.If(digits.rest == d.last_rest):
        m.d.sync += [digits.rest.eq(0), digits.inside.eq(digits.inside + 1)]
        with m.If(digits.inside == d.last_side):
            m.d.sync += [digits.inside.eq(0), digits.window.eq(digits.window + step)]
