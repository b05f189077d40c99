"""Weight memory: one row of all lanes a clock."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...errors import UserError
from ..memory import add_memory
from ..spram import SPRAM_CELLS, add_spram, spram_cells

__all__ = ["WeightMemory"]


class WeightMemory(wiring.Component):
    """Rows of ``lanes`` words.

    Read latency 1 cycle.  A row must not be read in the cycle of its write, with a single port no
    row in the cycle of any write (the hazard stage sees to that).

    Parameters
    ----------
    lanes, n_rows : int
    word : Shape
    single_port : bool
        One address for both; a cycle reads or writes.
    target : str
        With ``ice40`` the single port is that of the SPRAM cells of an iCE40 UltraPlus.

    Members
    -------
    row : In
        Row to read.
    words : Out(word[lanes])
        One cycle later.
    write_row, write, new : In
        Write a whole row.

    Raises
    ------
    UserError
        When the SPRAM cells do not hold the rows.
    """

    def __init__(self, *, lanes: int, word, n_rows: int, single_port: bool = False,
                 target: str = "generic") -> None:
        self.n_rows, self.single_port, self.target = n_rows, single_port, target
        row = range(max(n_rows, 2))
        self.layout = data.ArrayLayout(word, lanes)
        cells = spram_cells(self.layout.size, n_rows)
        if single_port and target == "ice40" and cells > SPRAM_CELLS:
            raise UserError(f"{n_rows} rows of {self.layout.size} bits need {cells} SPRAM cells, "
                            f"an iCE40 UltraPlus has {SPRAM_CELLS}; use fewer lanes or narrower "
                            "stored weights")
        super().__init__({
            "row": In(row), "words": Out(self.layout),
            "write_row": In(row), "write": In(1), "new": In(self.layout),
        })

    def elaborate(self, platform):
        m = Module()
        if not self.single_port:
            write, read = add_memory(m, "memory", shape=self.layout, depth=self.n_rows)
            m.d.comb += [
                read.addr.eq(self.row), self.words.eq(read.data), write.addr.eq(self.write_row),
                write.en.eq(self.write), write.data.eq(self.new),
            ]
            return m
        address = Signal.like(self.row)
        m.d.comb += address.eq(Mux(self.write, self.write_row, self.row))
        if self.target == "ice40":
            m.d.comb += self.words.as_value().eq(add_spram(
                m, "spram", width=self.layout.size, depth=self.n_rows, address=address,
                write=self.write, new=self.new.as_value()))
            return m
        write, read = add_memory(m, "memory", shape=self.layout, depth=self.n_rows)
        m.d.comb += [
            read.addr.eq(address), read.en.eq(~self.write), self.words.eq(read.data),
            write.addr.eq(address), write.en.eq(self.write), write.data.eq(self.new),
        ]
        return m
