"""Vector memory: rows of one element per lane, activations or deltas."""

from amaranth.hdl import Cat, Module, Mux, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["VectorMemory"]


class VectorMemory(wiring.Component):
    """One read port, one write port that takes a whole row or one lane.

    Read latency 1 cycle.  Row stores and serial stores never fall together: they belong to passes
    that depend on each other.

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

    def __init__(self, *, lanes: int, shape, depth: int) -> None:
        self.lanes, self.shape, self.depth = lanes, shape, depth
        row = range(max(depth, 2))
        vector = data.ArrayLayout(shape, lanes)
        super().__init__({
            "row": In(row), "words": Out(vector),
            "store": In(1), "store_row": In(row), "values": In(vector),
            "clear": In(1), "clear_row": In(row),
            "serial": In(1), "serial_row": In(row), "serial_lane": In(range(max(lanes, 2))),
            "code": In(shape),
        })

    def elaborate(self, platform):
        m = Module()
        memory = Memory(shape=data.ArrayLayout(self.shape, self.lanes), depth=self.depth, init=[])
        m.submodules.memory = memory
        write, read = memory.write_port(granularity=1), memory.read_port()
        m.d.comb += [
            read.addr.eq(self.row), self.words.eq(read.data),
            write.addr.eq(Mux(self.serial, self.serial_row,
                              Mux(self.clear, self.clear_row, self.store_row))),
        ]
        # Whole rows at once: a vector driven piece by piece costs Icarus its width for each piece.
        chosen = Cat(self.serial & (self.serial_lane == lane) for lane in range(self.lanes))
        m.d.comb += [
            write.en.eq(Mux(self.store | self.clear, (1 << self.lanes) - 1, chosen)),
            write.data.as_value().eq(Mux(
                self.serial, Value.cast(self.code).replicate(self.lanes),
                Mux(self.clear, 0, self.values.as_value()))),
        ]
        return m
