"""Weight memory: one row of all lanes a clock."""

from amaranth.hdl import Cat, Module, Mux, Signal
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
    copies : int
        Addresses that there are, each for its part of the lanes; with a single port one.
    target : str
        With ``ice40`` the single port is that of the SPRAM cells of an iCE40 UltraPlus.

    Members
    -------
    row : In, ``copies`` times
        Row to read.
    words : Out(word[lanes])
        One cycle later.
    write_row, write : In, ``copies`` times
    new : In
        Write a whole row.

    Raises
    ------
    UserError
        When the SPRAM cells do not hold the rows.
    """

    def __init__(self, *, lanes: int, word, n_rows: int, single_port: bool = False,
                 target: str = "generic", copies: int = 1) -> None:
        assert copies == 1 or not single_port
        self.n_rows, self.single_port, self.target = n_rows, single_port, target
        self.word, self.lanes = word, lanes
        row = range(max(n_rows, 2))
        self.layout = data.ArrayLayout(word, lanes)
        cells = spram_cells(self.layout.size, n_rows)
        if single_port and target == "ice40" and cells > SPRAM_CELLS:
            raise UserError(f"{n_rows} rows of {self.layout.size} bits need {cells} SPRAM cells, "
                            f"an iCE40 UltraPlus has {SPRAM_CELLS}; use fewer lanes or narrower "
                            "stored weights")
        super().__init__({
            "row": In(row).array(copies), "words": Out(self.layout),
            "write_row": In(row).array(copies), "write": In(1).array(copies),
            "new": In(self.layout),
        })

    def elaborate(self, platform):
        m = Module()
        if not self.single_port:
            self._parts(m)
            return m
        address = Signal.like(self.row[0])
        m.d.comb += address.eq(Mux(self.write[0], self.write_row[0], self.row[0]))
        if self.target == "ice40":
            m.d.comb += self.words.as_value().eq(add_spram(
                m, "spram", width=self.layout.size, depth=self.n_rows, address=address,
                write=self.write[0], new=self.new.as_value()))
            return m
        write, read = add_memory(m, "memory", shape=self.layout, depth=self.n_rows)
        m.d.comb += [
            read.addr.eq(address), read.en.eq(~self.write[0]), self.words.eq(read.data),
            write.addr.eq(address), write.en.eq(self.write[0]), write.data.eq(self.new),
        ]
        return m

    def _parts(self, m) -> None:
        """A memory for every address; whole rows at once, as Icarus likes them."""
        words, new, first = [], self.new.as_value(), 0
        for k, (row, write_row, enable) in enumerate(zip(
                self.row, self.write_row, self.write, strict=True)):
            lanes = min(-(-self.lanes // len(self.row)), self.lanes - first)
            width = self.word.width
            write, read = add_memory(m, f"memory_{k}" if len(self.row) > 1 else "memory",
                                     shape=lanes * width, depth=self.n_rows)
            m.d.comb += [
                read.addr.eq(row), write.addr.eq(write_row), write.en.eq(enable),
                write.data.eq(new[first * width:(first + lanes) * width]),
            ]
            words.append(read.data)
            first += lanes
        m.d.comb += self.words.as_value().eq(Cat(words))
