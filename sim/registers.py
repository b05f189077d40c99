"""The register bus, by the names of the register map."""

from cocotb.triggers import FallingEdge, ReadOnly

from taxonn_hw.bus.registers import FIELDS, REGISTERS

__all__ = ["RegisterBus"]


class RegisterBus:
    """Reads and writes registers; driven at falling edges, like the streams."""

    def __init__(self, dut) -> None:
        self._dut = dut
        for port in (dut.csr__addr, dut.csr__w_data, dut.csr__w_stb, dut.csr__r_stb):
            port.value = 0

    async def write(self, name: str, value: int) -> None:
        """Write register ``name``."""
        await self.write_at(REGISTERS[name].address, value)

    async def write_at(self, address: int, value: int) -> None:
        """Write the register at ``address``."""
        dut = self._dut
        await FallingEdge(dut.clk)
        dut.csr__addr.value = address
        dut.csr__w_data.value = value
        dut.csr__w_stb.value = 1
        await FallingEdge(dut.clk)
        dut.csr__w_stb.value = 0

    async def strobe(self, name: str, *bits: str, levels: dict[str, bool] | None = None) -> None:
        """Write register ``name`` with the named bits set, and those of ``levels`` that are."""
        names = [*bits, *(bit for bit, on in (levels or {}).items() if on)]
        await self.write(name, sum(1 << FIELDS[f"{name}.{bit}"] for bit in names))

    async def read(self, name: str) -> int:
        """Return register ``name``."""
        dut = self._dut
        await FallingEdge(dut.clk)
        dut.csr__addr.value = REGISTERS[name].address
        dut.csr__r_stb.value = 1
        await FallingEdge(dut.clk)
        dut.csr__r_stb.value = 0
        await ReadOnly()
        return int(dut.csr__r_data.value)

    async def until_clear(self, name: str, bit: str, max_reads: int) -> None:
        """Read register ``name`` until ``bit`` is 0."""
        for _ in range(max_reads):
            last = await self.read(name)
            if not last >> FIELDS[f"{name}.{bit}"] & 1:
                return
        raise AssertionError(f"{name}.{bit} is still set after {max_reads} reads ({last:#x})")
