"""Where the host writes the tables of a loadable build: registers beside those of every build."""

from amaranth.hdl import Array, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...bus.registers import REGISTERS
from .loaded_view import CHUNK

__all__ = ["ProgramPort"]


class ProgramPort(wiring.Component):
    """Turns register writes into writes of tables, and knows which network is loaded.

    A write of ``program_address`` says where; every write of ``program_data`` is the next chunk of
    the word there, and behind its last chunk comes the next word.  Any such write unloads; the
    write of a hash to ``network`` at the end says that the tables are whole, and the network is
    loaded when the rows of deltas have been set to zero, a row a cycle.  While samples are worked
    on, all of them are ignored.

    Members
    -------
    address, w_data, w_stb, r_stb : In
        The register bus.
    r_data : Out(32)
        0 for registers of others.
    busy : In(1)
    """

    def __init__(self, *, view) -> None:
        self.view = view
        super().__init__({
            "address": In(8), "w_data": In(CHUNK), "w_stb": In(1), "r_stb": In(1),
            "r_data": Out(CHUNK), "busy": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        write, tables = self.view.write, self.view.tables.values()
        network, place = REGISTERS["network"], REGISTERS["program_address"]
        table, word = Signal.like(write.table), Signal.like(write.word)
        chunk, last = Signal.like(write.chunk), Signal()
        present, mine = Signal(CHUNK), Signal()
        clear, rows = self.view.clear, self.view.numerics.program.vector_rows
        lasts = Array(len(each.chunks) - 1 for each in tables)
        m.d.comb += [
            self.view.loaded.eq((present != 0) & ~clear.valid), last.eq(chunk == lasts[table]),
            mine.eq(self.w_stb & ~self.busy),
            write.valid.eq(mine & (self.address == REGISTERS["program_data"].address)),
            write.table.eq(table), write.word.eq(word), write.chunk.eq(chunk),
            write.data.eq(self.w_data),
        ]
        with m.If(write.valid):
            m.d.sync += [present.eq(0), chunk.eq(chunk + 1)]
            with m.If(last):
                m.d.sync += [chunk.eq(0), word.eq(word + 1)]
        if rows:
            with m.If(clear.valid):
                m.d.sync += [clear.row.eq(clear.row + 1), clear.valid.eq(clear.row != rows - 1)]
        with m.If(mine & (self.address == place.address)):
            m.d.sync += [present.eq(0), word.eq(self.w_data), table.eq(self.w_data[16:]),
                         chunk.eq(0)]
        with m.If(mine & (self.address == network.address)):
            m.d.sync += [present.eq(self.w_data), clear.row.eq(0), clear.valid.eq(rows != 0)]
        with m.If(self.r_stb):
            m.d.sync += self.r_data.eq(0)
            with m.If(self.address == network.address):
                m.d.sync += self.r_data.eq(present)
            with m.If(self.address == place.address):
                m.d.sync += self.r_data.eq(word | table << 16)
        self.view.keep_all(m)
        return m
