"""Single-port memories of the SPRAM cells of an iCE40 UltraPlus (16384 words of 16 bits each)."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Mux, Signal, Value

__all__ = ["SPRAM_CELLS", "add_spram", "spram_cells"]

#: Cells of a device.
SPRAM_CELLS = 4
_BITS, _ROWS = 16, 1 << 14


def spram_cells(width: int, depth: int) -> int:
    """Return the cells that a memory takes."""
    return -(-width // _BITS) * -(-depth // _ROWS)


def add_spram(m, name: str, *, width: int, depth: int, address: Value, write: Value,
              new: Value) -> Value:
    """Add cells side by side for the bits of a word, and one behind the other for the words.

    Return the word at ``address``, one cycle later; after a cycle with ``write`` it is anything.
    """
    columns, banks, bits = -(-width // _BITS), -(-depth // _ROWS), _ROWS.bit_length() - 1
    address, new = Value.cast(address), Cat(new, Const(0, _BITS))
    bank = Signal(range(max(banks, 2)), name=f"{name}_bank")
    shown = Signal.like(bank, name=f"{name}_shown")
    m.d.comb += bank.eq(address[bits:])
    m.d.sync += shown.eq(bank)
    outputs = []
    for b in range(banks):
        outputs.append(Signal(columns * _BITS, name=f"{name}_{b}_data"))
        for c in range(columns):
            part = slice(c * _BITS, (c + 1) * _BITS)
            m.submodules[f"{name}_{b}_{c}"] = Instance(
                "SB_SPRAM256KA",
                i_ADDRESS=Cat(address[:bits], Const(0, bits))[:bits],
                i_DATAIN=new[part], i_MASKWREN=Const(0xF, 4), i_WREN=write,
                i_CHIPSELECT=bank == b, i_CLOCK=ClockSignal(), i_STANDBY=Const(0, 1),
                i_SLEEP=Const(0, 1), i_POWEROFF=Const(1, 1), o_DATAOUT=outputs[b][part])
    words = outputs[0]
    for b in range(1, banks):
        words = Mux(shown == b, outputs[b], words)
    return words[:width]
