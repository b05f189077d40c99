"""A flat mapped netlist: nets by number, cells with their truth tables, memories.

It is read from Yosys' BLIF and JSON, turned into words for :mod:`.simulator`, and into a small
structural Verilog file for OpenSTA, in which memories are cut out: their outputs are inputs there.
"""

import json
import re
import struct
from dataclasses import dataclass, field

from ..flow.errors import ToolError
from ..sidecar import TOP
from .functions import MOST_INPUTS, Cell, Table, read_functions
from .liberty import Liberty
from .mapping import MEMORY, Mapped

__all__ = ["Netlist", "read_netlist"]

_CONSTANTS = {"$false": 0, "$true": 1, "$undef": 0}


@dataclass
class Netlist:
    """Nets 0 and 1 are the constants.

    Members
    -------
    inputs, outputs : dict
        Port -> its nets, lowest bit first.
    cells : list of (type, {pin: net})
        In no order.
    functions : dict
        Type -> Cell.
    memories : list of _Memory
    n_nets : int
    """

    functions: dict[str, Cell]
    inputs: dict[str, list[int]] = field(default_factory=dict)
    outputs: dict[str, list[int]] = field(default_factory=dict)
    cells: list[tuple[str, dict[str, int]]] = field(default_factory=list)
    memories: list["_Memory"] = field(default_factory=list)
    n_nets: int = 2

    def words(self) -> bytes:
        """Return the netlist as 32-bit words; see ``simulator.h``."""
        extra, luts, flops = self.n_nets, [], []
        for kind, pins in self.cells:
            cell = self.functions[kind]
            if cell.state is None:
                luts += [_record(pins[pin], table, pins)
                         for pin, table in cell.outputs.items() if pin in pins]
                continue
            state, extra = extra, extra + 1
            known = {**pins, cell.state[0]: state}
            flops.append(_record(state, cell.next_state, known))
            for pin, table in cell.outputs.items():
                if pin in pins:
                    if table.inputs == (cell.state[1],):  # the complement of the state
                        table = Table(inputs=(cell.state[0],), bits=table.bits ^ 3)
                    luts.append(_record(pins[pin], table, known))
        luts = _in_order(luts)
        words = [extra, len(luts), len(flops), len(self.memories)]
        for record in (*luts, *flops):
            words += record
        for memory in self.memories:
            words += memory.words()
        return struct.pack(f"<{len(words)}I", *words)

    def verilog(self) -> str:
        """Return the cells alone as structural Verilog: nets ``n5``, cells ``g7``."""
        driven = {net for kind, pins in self.cells for pin, net in pins.items()
                  if pin in self.functions[kind].outputs}
        used = {net for _, pins in self.cells for net in pins.values()}
        ports = sorted(used - driven - {0, 1})
        lines = [f"module {TOP}({', '.join(f'n{net}' for net in ports)});"]
        lines += [f"  input n{net};" for net in ports]
        lines += [f"  wire n{net};" for net in sorted(driven)]
        for number, (kind, pins) in enumerate(self.cells):
            joined = ", ".join(f".{pin}({f'n{net}' if net > 1 else f'''1'b{net}'''})"
                               for pin, net in pins.items())
            lines.append(f"  {kind} g{number} ({joined});")
        return "\n".join([*lines, "endmodule", ""])


@dataclass(frozen=True, kw_only=True)
class _Memory:
    """A memory with clocked ports; ``reads``: (address, enable, data nets), ``writes``: (address,
    enable of every bit, data)."""

    width: int
    size: int
    init: list[int]
    reads: list[tuple[list[int], int, list[int]]]
    writes: list[tuple[list[int], list[int], list[int]]]

    def words(self) -> list[int]:
        words = [self.width, self.size, len(self.reads), len(self.writes)]
        for address, enable, data in self.reads:
            words += [len(address), *address, enable, *data]
        for address, enables, data in self.writes:
            words += [len(address), *address, *enables, *data]
        return words + self.init


def read_netlist(mapped: Mapped, liberty: Liberty) -> Netlist:
    """Read the netlist of a mapped design.

    Raises
    ------
    ToolError
        A cell has no usable function, or a memory is of a kind that accelerators have not.
    """
    text = (mapped.folder / "gates.blif").read_text().replace("\\\n", " ")
    lines = [line.split() for line in text.splitlines() if line and line[0] != "#"]
    aliases = {words[2]: words[1] for words in lines if words[0] == ".names" and len(words) == 3}
    boxes = json.loads((mapped.folder / "memories.json").read_text())["modules"]
    kinds = {words[1] for words in lines if words[0] in (".subckt", ".gate")}
    netlist = Netlist(functions=read_functions(
        liberty, {kind for kind in kinds if not kind.endswith(MEMORY)}))
    numbers = dict(_CONSTANTS)

    def number(name: str) -> int:
        while name in aliases:
            name = aliases[name]
        if name not in numbers:
            numbers[name], netlist.n_nets = netlist.n_nets, netlist.n_nets + 1
        return numbers[name]

    for words in lines:
        if words[0] in (".inputs", ".outputs"):
            ports = netlist.inputs if words[0] == ".inputs" else netlist.outputs
            for name in words[1:]:
                ports.setdefault(re.sub(r"\[\d+\]$", "", name), []).append(number(name))
        elif words[0] in (".subckt", ".gate"):
            pins = {pin: number(net) for pin, net in (
                word.split("=", 1) for word in words[2:])}
            if words[1].endswith(MEMORY):
                netlist.memories += _memories(boxes[words[1]], pins)
            else:
                netlist.cells.append((words[1], pins))
    return netlist


def _memories(box: dict, pins: dict[str, int]) -> list[_Memory]:
    """Return the memories in a black box whose pins are joined to nets."""
    nets: dict[object, int] = {"0": 0, "1": 1, "x": 0}
    for name, port in box["ports"].items():
        for k, bit in enumerate(port["bits"]):
            pin = name if len(port["bits"]) == 1 else f"{name}[{k}]"
            nets[bit] = pins.get(pin, 0)
    found = []
    for cell in box["cells"].values():
        if cell["type"] != "$mem_v2":
            raise ToolError(f"a memory has the cell {cell['type']} beside its words")
        p, c = cell["parameters"], cell["connections"]
        width, size, bits = (int(p[key], 2) for key in ("WIDTH", "SIZE", "ABITS"))
        n_read, n_write = int(p["RD_PORTS"], 2), int(p["WR_PORTS"], 2)
        if "0" in p["RD_CLK_ENABLE"][-n_read:] or "0" in p["WR_CLK_ENABLE"][-n_write:]:
            raise ToolError("a memory has a port without a clock")

        def part(key, k, n, c=c):
            return [nets.get(bit, 0) for bit in c[key][k * n:(k + 1) * n]]

        reads = [(part("RD_ADDR", k, bits), part("RD_EN", k, 1)[0], part("RD_DATA", k, width))
                 for k in range(n_read)]
        writes = [(part("WR_ADDR", k, bits), part("WR_EN", k, width), part("WR_DATA", k, width))
                  for k in range(n_write)]
        init = [int(bit == "1") for bit in reversed(p["INIT"])]
        init = (init + [0] * (width * size))[:width * size]
        found.append(_Memory(width=width, size=size, init=init, reads=reads, writes=writes))
    return found


def _record(out: int, table: Table, pins: dict[str, int]) -> list[int]:
    """Return ``out``, the table in two words, and the nets of its inputs, the rest net 0."""
    nets = [pins[name] for name in table.inputs]
    return [out, table.bits & 0xFFFF_FFFF, table.bits >> 32,
            *nets, *[0] * (MOST_INPUTS - len(nets))]


def _in_order(luts: list[list[int]]) -> list[list[int]]:
    """Sort so that every table follows those that it reads."""
    driver = {record[0]: k for k, record in enumerate(luts)}
    waits = [len({net for net in record[3:] if net in driver}) for record in luts]
    readers: dict[int, list[int]] = {}
    for k, record in enumerate(luts):
        for net in set(record[3:]) & driver.keys():
            readers.setdefault(net, []).append(k)
    ready, order = [k for k, n in enumerate(waits) if not n], []
    for k in ready:
        order.append(luts[k])
        for reader in readers.get(luts[k][0], ()):
            waits[reader] -= 1
            if not waits[reader]:
                ready.append(reader)
    if len(order) != len(luts):
        raise ToolError("the netlist has a combinational loop")
    return order
