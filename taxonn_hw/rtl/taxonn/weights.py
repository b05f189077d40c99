"""Weight memory: one row of all lanes a clock."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...errors import UserError
from ..memory import add_memory

__all__ = ["WeightMemory"]

_SPRAM_BITS, _SPRAM_ROWS, _SPRAMS = 16, 1 << 14, 4


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
        self.columns = -(-self.layout.size // _SPRAM_BITS)
        self.banks = -(-n_rows // _SPRAM_ROWS)
        if single_port and target == "ice40" and self.columns * self.banks > _SPRAMS:
            raise UserError(f"{n_rows} rows of {self.layout.size} bits need "
                            f"{self.columns * self.banks} SPRAM cells, an iCE40 UltraPlus has "
                            f"{_SPRAMS}; use fewer lanes or narrower stored weights")
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
            self._spram(m, address)
            return m
        write, read = add_memory(m, "memory", shape=self.layout, depth=self.n_rows)
        m.d.comb += [
            read.addr.eq(address), read.en.eq(~self.write), self.words.eq(read.data),
            write.addr.eq(address), write.en.eq(self.write), write.data.eq(self.new),
        ]
        return m

    def _spram(self, m, address) -> None:
        """Cells side by side for the bits of a row, and one behind the other for the rows."""
        width = _SPRAM_ROWS.bit_length() - 1
        new = Cat(self.new.as_value(), Const(0, _SPRAM_BITS))
        bank = Signal(range(max(self.banks, 2)))
        shown = Signal.like(bank)
        m.d.comb += bank.eq(address[width:])
        m.d.sync += shown.eq(bank)
        outputs = []
        for b in range(self.banks):
            outputs.append(Signal(self.columns * _SPRAM_BITS, name=f"bank_{b}_data"))
            for c in range(self.columns):
                bits = slice(c * _SPRAM_BITS, (c + 1) * _SPRAM_BITS)
                m.submodules[f"spram_{b}_{c}"] = Instance(
                    "SB_SPRAM256KA",
                    i_ADDRESS=Cat(address[:width], Const(0, width))[:width],
                    i_DATAIN=new[bits], i_MASKWREN=Const(0xF, 4), i_WREN=self.write,
                    i_CHIPSELECT=bank == b, i_CLOCK=ClockSignal(), i_STANDBY=Const(0, 1),
                    i_SLEEP=Const(0, 1), i_POWEROFF=Const(1, 1), o_DATAOUT=outputs[b][bits])
        words = outputs[0]
        for b in range(1, self.banks):
            words = Mux(shown == b, outputs[b], words)
        m.d.comb += self.words.as_value().eq(words[:self.layout.size])
