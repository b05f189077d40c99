"""Vector memory: rows of one element per lane, activations or deltas."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..copies import LANES_PER_COPY, add_copies
from ..memory import add_memory

__all__ = ["VectorMemory"]


class VectorMemory(wiring.Component):
    """One read port, one write port that takes a whole row or one lane.

    Read latency 1 cycle; what is stored can be read 3 cycles later.  Stores never fall together:
    they belong to passes that depend on each other.

    Members
    -------
    row : In
        Row to read; ``words`` one cycle later.
    store, store_row, values : In
        Write all lanes; ``values`` a cycle later.
    clear, clear_row : In
        Write zero to all lanes.
    serial, serial_row, serial_lane, code : In
        Write one lane.
    """

    def __init__(self, *, lanes: int, width: int, depth: int) -> None:
        self.lanes, self.width, self.depth = lanes, width, depth
        row = range(max(depth, 2))
        vector = data.ArrayLayout(width, lanes)
        super().__init__({
            "row": In(row), "words": Out(vector),
            "store": In(1), "store_row": In(row), "values": In(vector),
            "clear": In(1), "clear_row": In(row),
            "serial": In(1), "serial_row": In(row), "serial_lane": In(range(max(lanes, 2))),
            "code": In(width),
        })

    def elaborate(self, platform):
        m = Module()
        write, read = add_memory(m, "memory", shape=data.ArrayLayout(self.width, self.lanes),
                                 depth=self.depth, granularity=1)
        m.d.comb += [read.addr.eq(self.row), self.words.eq(read.data)]
        # Two registers before the write port, whose cells lie far apart: what to write, then where.
        lanes, width = self.lanes, self.width
        serial, clear = (add_copies(m, flag, lanes, name=name) for flag, name in (
            (self.serial, "serial_copy"), (self.clear, "clear_copy")))
        chosen, code = Signal(lanes, name="serial_lanes"), Signal(width, name="serial_code",
                                                                  reset_less=True)
        whole, row = Signal(), Signal(write.addr.shape(), name="next_row", reset_less=True)
        address, enable = Signal.like(row, name="write_row"), Signal(lanes, name="write_lanes")
        words = Signal(lanes * width, name="write_data", reset_less=True)
        value, parts = self.values.as_value(), []
        for k, (is_serial, is_clear) in enumerate(zip(serial, clear, strict=True)):
            part = value[k * LANES_PER_COPY * width:(k + 1) * LANES_PER_COPY * width]
            parts.append(Mux(is_serial, code.replicate(len(part) // width),
                             Mux(is_clear, 0, part)))
        m.d.sync += [
            chosen.eq(Mux(self.serial, Cat(self.serial_lane == k for k in range(lanes)), 0)),
            code.eq(self.code), whole.eq(self.store | self.clear),
            row.eq(Mux(self.serial, self.serial_row,
                       Mux(self.clear, self.clear_row, self.store_row))),
            enable.eq(chosen | whole.replicate(lanes)), address.eq(row),
            # Whole rows at once: piece by piece a vector costs Icarus its width for each piece.
            words.eq(Cat(parts)),
        ]
        m.d.comb += [write.addr.eq(address), write.en.eq(enable),
                     write.data.as_value().eq(words)]
        return m
