"""The sequencer of convolutional nets: walks rows and positions, a slot a clock."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...plan.program import Element
from .conv_descriptor import descriptor_layout, descriptors, spans
from .conv_slot import conv_slot
from .numerics import Numerics

__all__ = ["ConvSequencer"]


class ConvSequencer(wiring.Component):
    """Issues the slots of :class:`taxonn_hw.plan.conv_program.ConvProgram`.

    Three walkers take turns to be the inner loop: tap rows of a block and its bias row, positions
    window by window, and the neurons of the input image.  Every step is an addition to a register;
    the descriptor of a pass holds the increments.  Passes follow each other without a bubble
    unless one waits for stored results.

    Members
    -------
    o : Out(stream of slot)
    run : In(1)
        A sample may start.
    train, x_bank : In(1)
        Mode; sample bank of the loader.
    restart : In(1)
        The next training sample is sample 0.
    idle_results : In(1)
        All results of finished passes are stored.
    pass_starts : Out(1)
        First slot of a pass that has results leaves.
    sample_starts, sample_ends : Out(1)
        First, last slot of a sample leaves.
    stopped : Out(1)
        No pass is under way.
    """

    def __init__(self, *, numerics: Numerics) -> None:
        self.numerics = numerics
        self.slot = conv_slot(numerics)
        super().__init__({
            "o": Out(stream.Signature(self.slot)),
            "run": In(1), "train": In(1), "x_bank": In(1), "restart": In(1),
            "idle_results": In(1), "pass_starts": Out(1), "sample_starts": Out(1),
            "sample_ends": Out(1), "stopped": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        layout, constants = descriptor_layout(self.numerics), descriptors(self.numerics)
        rom = Array(layout.const(row) for row in constants)
        self.d = d = Signal(layout, init=constants[0])
        active, started, fire = Signal(), Signal(), Signal()
        may_start, end_of_sample, pass_ends = Signal(), Signal(), Signal()
        m.d.comb += [
            may_start.eq(started | (Mux(d.first_of_sample, self.run, 1)
                                    & ~(d.waits & ~self.idle_results))),
            self.o.valid.eq(active & may_start), fire.eq(self.o.valid & self.o.ready),
            end_of_sample.eq(d.last_of_sample | (d.last_of_inference & ~self.train)),
        ]
        load, fresh = Signal(), Signal(layout)  # a descriptor is loaded at the end of this cycle
        pass_index = Signal(range(max(len(constants), 2)))  # of the pass read ahead
        following = Mux(end_of_sample | ~active, 0, pass_index)
        last = len(constants) - 1
        m.d.comb += [load.eq(pass_ends | ~active), fresh.eq(rom[following])]
        with m.If(load):
            m.d.sync += [active.eq(1), d.eq(fresh), started.eq(0),
                         pass_index.eq(Mux(following == last, 0, following + 1))]
        with m.Elif(fire):
            m.d.sync += started.eq(1)
        steps = {name: Signal(name=f"step_{name}") for name in ("row", "position", "block", "item")}
        place = {name: Signal.like(d[f"last_{name}"], name=f"input_{name}") for name in "xy"}
        rows = self._rows(m, d, steps, load, fresh, place)
        positions = self._positions(m, d, steps, load, fresh)
        block, last_block = self._blocks(m, d, steps, load)
        items = None
        if any(p.element is Element.BACKWARD for p in self._passes()):
            items = self._items(m, d, steps, load, fresh, rows["channel_last"], place)
        m.d.comb += [
            steps["row"].eq(fire & (~d.is_gradient | positions["last"])),
            steps["position"].eq(fire & (d.is_gradient | rows["last"])),
        ]
        ends = positions["last"] & rows["last"]
        if items is not None:
            null, spent, done = items["null"], Signal.like(d.n_least), Signal()
            m.d.comb += done.eq((null | rows["last"] & last_block) & (spent == d.n_least))
            with m.If(fire & d.is_backward):
                m.d.sync += null.eq((null | rows["last"] & last_block) & ~done)
                with m.If(done):
                    m.d.sync += spent.eq(0)
                with m.Elif(spent != d.n_least):
                    m.d.sync += spent.eq(spent + 1)
            ends = Mux(d.is_backward, rows["last"] & ~null, ends)
            m.d.comb += steps["item"].eq(fire & d.is_backward & done)
        m.d.comb += [
            steps["block"].eq(fire & ends),
            pass_ends.eq(steps["block"] & last_block if items is None else Mux(
                d.is_backward, steps["item"] & items["last"], steps["block"] & last_block)),
            self.pass_starts.eq(fire & ~started & ~d.is_gradient),
            self.sample_starts.eq(fire & ~started & d.first_of_sample),
            self.sample_ends.eq(pass_ends & end_of_sample),
            self.stopped.eq(~active | (d.first_of_sample & ~started)),
        ]
        self._fill(m, d, rows, positions, items, block, last_block, started)
        return m

    def _passes(self):
        return self.numerics.program.passes

    def _rows(self, m, d, steps, load, fresh, place) -> dict:
        """Walk the tap rows of a block and its bias row; or of an input channel those that meet
        a position: line by line, and in each column by column."""
        row = Signal(self.slot.members["row"])
        start = Signal.like(row)         # of the block, or of a channel in the present block
        channel_start = Signal.like(row)  # of a channel in block 0
        channel = Signal.like(d.last_channel)
        tap = Signal.like(d.last_tap)
        bias, last, tap_last, channel_last = Signal(), Signal(), Signal(), Signal()
        span, line_start, many = {}, Signal.like(tap), {}
        for name, at in (("lines", "y"), ("columns", "x")):
            shape, words = spans(self.numerics, name)
            span[name] = Signal(shape, name=f"span_{name}")
            many[name] = Signal.like(span[name].more, name=f"walked_{name}")
            m.d.comb += span[name].eq(Array(shape.const(w) for w in words)[d[name] + place[at]])
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

    def _positions(self, m, d, steps, load, fresh) -> dict:
        """Walk windows in raster order, and in each its positions; keep where the kernel lies."""
        wx, wy = Signal.like(d.last_side), Signal.like(d.last_side)
        px, py = Signal.like(d.last_column), Signal.like(d.last_line)
        origin = {k: Signal(self.slot.members["origin"], name=f"origin_{k}")
                  for k in ("now", "line", "window", "windows")}
        x, y = Signal(self.slot.members["x"]), Signal(self.slot.members["y"])
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
        counters = self._stored(m, d, steps, load, last, inside)
        return {"origin": origin["now"], "x": x, "y": y, "last": last, "first": first,
                "begins": (wx == 0) & (wy == 0), "ends": inside, **counters}

    def _stored(self, m, d, steps, load, last, inside) -> dict:
        """Rows of stored values, output neuron and its derivative, of the present position."""
        tag = self.slot.members["tag"].members
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
                             item.eq(block_item + self.numerics.network.lanes),
                             block_item.eq(block_item + self.numerics.network.lanes)]
        with m.If(load):
            m.d.sync += [place.eq(0), row.eq(0), block_place.eq(0), block_row.eq(0), window.eq(0),
                         item.eq(0), block_item.eq(0), slope.eq(0)]
        return {"place": place, "row": row, "window": window, "item": item, "slope": slope}

    def _blocks(self, m, d, steps, load):
        """Count blocks; of an input gradient, again for every neuron."""
        block, last = Signal.like(d.last_block), Signal()
        m.d.comb += last.eq(block == d.last_block)
        with m.If(steps["block"]):
            m.d.sync += block.eq(Mux(last, 0, block + 1))
        with m.If(load):
            m.d.sync += block.eq(0)
        return block, last

    def _items(self, m, d, steps, load, fresh, channel_last, at) -> dict:
        """Walk the neurons of the input image, channels innermost; keep where deltas go."""
        tag, digits = self.slot.members["tag"].members, self.slot.members["y_digits"]
        x, y = at["x"], at["y"]
        x_digits, y_digits = Signal(digits), Signal(digits)
        item, null = Signal(tag["item"], name="input"), Signal()
        place, start, lane = Signal(tag["place"], name="below"), Signal(tag["place"]), Signal(
            tag["lane"])
        channel = Signal.like(d.last_below)
        vector = Signal(self.slot.members["vector"], name="block_vector")
        with m.If(steps["block"]):
            m.d.sync += vector.eq(vector + d.n_deltas)
        with m.If(steps["item"]):
            m.d.sync += [item.eq(item + 1), lane.eq(lane + 1), channel.eq(channel + 1),
                         vector.eq(d.vector)]
            with m.If(channel == d.last_below):
                m.d.sync += [channel.eq(0), lane.eq(0), start.eq(start + d.below_step),
                             place.eq(start + d.below_step)]
            with m.Elif(lane == self.numerics.network.lanes - 1):
                m.d.sync += [lane.eq(0), place.eq(place + d.below_block)]
            with m.If(channel_last):
                m.d.sync += x.eq(x + 1)
                self._count(m, d, x_digits, d.digit_x)
                with m.If(x == d.last_x):
                    m.d.sync += [x.eq(0), x_digits.eq(d.pad_x), y.eq(y + 1)]
                    self._count(m, d, y_digits, d.digit_y)
        with m.If(load):
            m.d.sync += [x.eq(0), y.eq(0), x_digits.eq(fresh.pad_x), y_digits.eq(fresh.pad_y),
                         item.eq(0), place.eq(0), start.eq(0), lane.eq(0), channel.eq(0),
                         vector.eq(fresh.vector)]
        return {"x": x_digits, "y": y_digits, "item": item, "place": place, "lane": lane,
                "null": null, "vector": vector,
                "last": channel_last & (x == d.last_x) & (y == d.last_y)}

    @staticmethod
    def _count(m, d, digits, step) -> None:
        """Add one to a coordinate in digits."""
        m.d.sync += digits.rest.eq(digits.rest + 1)
        with m.If(digits.rest == d.last_rest):
            m.d.sync += [digits.rest.eq(0), digits.inside.eq(digits.inside + 1)]
            with m.If(digits.inside == d.last_side):
                m.d.sync += [digits.inside.eq(0), digits.window.eq(digits.window + step)]

    def _fill(self, m, d, rows, positions, items, block, last_block, started) -> None:
        """Describe the slot of this cycle."""
        slot, tag = self.o.payload, self.o.payload.tag
        fresh = Signal(init=1)  # the next training sample is sample 0
        with m.If(self.restart):
            m.d.sync += fresh.eq(1)
        with m.Elif(self.sample_starts & self.train):
            m.d.sync += fresh.eq(0)
        forward, update = ~d.is_gradient & ~d.is_backward, d.is_gradient & positions["last"]
        m.d.comb += [
            slot.row.eq(rows["row"]), slot.read.eq(forward | update),
            slot.multiply.eq(1), slot.spread.eq(forward), slot.gradient.eq(d.is_gradient),
            slot.update.eq(update), slot.bias.eq(rows["bias"]),
            slot.first.eq(Mux(d.is_gradient, positions["first"], rows["first"])),
            slot.last.eq(forward & rows["last"]),
            slot.new_sample.eq(d.first_of_sample & ~started & self.train & ~fresh),
            slot.x_bank.eq(self.x_bank),
            slot.count.eq(Mux(last_block, d.count, self.numerics.network.lanes)),
            slot.tap.eq(d.tap_base + rows["tap"]),
            slot.origin.eq(positions["origin"] + rows["channel"]),
            slot.y.eq(positions["y"]), slot.x.eq(positions["x"]),
            slot.vector.eq(d.vector + Mux(d.every_position, positions["place"],
                                          positions["row"])),
            tag.layer.eq(d.layer), tag.backward.eq(d.is_backward),
            tag.finish.eq(slot.last & last_block & positions["last"]),
            tag.item.eq(positions["item"]), tag.place.eq(positions["place"]), tag.lane.eq(0),
            tag.row.eq(positions["row"]), tag.window.eq(positions["window"]),
            tag.slope.eq(d.slope_base + positions["item"] + positions["slope"]),
            tag.begins.eq(positions["begins"]), tag.ends.eq(positions["ends"]),
        ]
        if items is None:
            return
        with m.If(d.is_backward):
            m.d.comb += [
                slot.read.eq(~items["null"]), slot.multiply.eq(~items["null"]),
                slot.gather.eq(~items["null"]), slot.bias.eq(0),
                slot.first.eq((block == 0) & rows["begins"]),
                slot.last.eq(last_block & rows["last"] & ~items["null"]),
                slot.vector.eq(items["vector"]),
                slot.y_digits.eq(items["y"]), slot.x_digits.eq(items["x"]),
                tag.finish.eq(slot.last & items["last"]),
                tag.item.eq(items["item"]), tag.place.eq(items["place"]),
                tag.lane.eq(items["lane"]), tag.slope.eq(d.slope_base + items["item"]),
            ]
