"""Vector memory: rows of one element per lane, activations or deltas."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..memory import add_memory

__all__ = ["VectorMemory"]


class VectorMemory(wiring.Component):
    """One read port, one write port that takes a whole row or one lane.

    Read latency 1 cycle; what is stored can be read 2 cycles later.  Stores never fall together:
    they belong to passes that depend on each other.

    Members
    -------
    row : In
        Row to read; ``words`` one cycle later.
    store, store_row, values : In
        Write all lanes.
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
        # A register before the write port: its decoder is wide, and its cells lie far apart.
        address = Signal(write.addr.shape(), name="write_row", reset_less=True)
        enable = Signal(self.lanes, name="write_lanes")
        row = Signal(self.lanes * self.width, name="write_data", reset_less=True)
        m.d.sync += address.eq(Mux(self.serial, self.serial_row,
                                   Mux(self.clear, self.clear_row, self.store_row)))
        m.d.comb += [write.addr.eq(address), write.en.eq(enable),
                     write.data.as_value().eq(row)]
        # Whole rows at once: a vector driven piece by piece costs Icarus its width for each piece.
        chosen = Cat(self.serial_lane == lane for lane in range(self.lanes))
        m.d.sync += [
            enable.eq(Mux(self.serial, chosen,
                            (self.store | self.clear).replicate(self.lanes))),
            row.eq(Mux(
                self.serial, Value.cast(self.code).replicate(self.lanes),
                Mux(self.clear, 0, self.values.as_value()))),
        ]
        return m
