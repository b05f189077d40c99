"""What the benches of single units share."""

from cocotb.triggers import ClockCycles, FallingEdge

__all__ = ["Shape", "reset"]


class Shape:
    """Packs and unpacks a structure; ``fields`` are widths, the lowest bits first."""

    def __init__(self, **fields: int) -> None:
        self.fields = fields
        self.width = sum(fields.values())

    def pack(self, **values: int) -> int:
        """Return the word of ``values``."""
        word, position = 0, 0
        for name, width in self.fields.items():
            word |= (int(values.get(name, 0)) & (1 << width) - 1) << position
            position += width
        return word

    def unpack(self, word: int) -> dict[str, int]:
        """Return the fields of ``word``."""
        values = {}
        for name, width in self.fields.items():
            values[name] = word & (1 << width) - 1
            word >>= width
        return values


async def reset(dut) -> None:
    """Hold ``rst`` for three clocks; return after a falling edge."""
    await FallingEdge(dut.clk)
    dut.rst.value = 1
    await ClockCycles(dut.clk, 3)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
