"""Output registers of an ECP5's blocks: the chip has them, Yosys leaves them in the fabric.

A block RAM shows a word 5.8 ns after the clock, a register in the block 1.0 ns after it; a product
is ready 3.9 ns after its factors, and the way to its register comes on top.  Where plain registers
are all that reads the outputs of a port, they become the port's own: same cycles, same values.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

__all__ = ["use_block_registers"]

_REGISTER = "TRELLIS_FF"
_WIDEST = 36  # bits; words of so many take the data pins of both ports, and B reads them


def use_block_registers(netlist: dict) -> Counter:
    """Turn plain registers behind blocks into output registers of the blocks.

    Parameters
    ----------
    netlist : dict
        A flat design as of Yosys' ``write_json``; changed in place.

    Returns
    -------
    Counter
        Registers that left the fabric, by type of the block that took them.
    """
    module = next(m for m in netlist["modules"].values() if m["attributes"].get("top"))
    cells, readers = module["cells"], _readers(module)
    taken: Counter = Counter()
    for block in list(cells.values()):
        for outputs, clock, take in _ports(block):
            used = [(pin, bits[0]) for pin, bits in outputs if readers[bits[0]]]
            names = [_plain_reader(cells, readers[bit]) for _, bit in used]
            if not names or None in names:
                continue
            controls = {_controls(cells[name]) for name in names}
            if len(controls) != 1:
                continue
            (register_clock, enable), = controls
            if clock not in (None, register_clock):
                continue
            for (pin, _), name in zip(used, names, strict=True):
                block["connections"][pin] = cells.pop(name)["connections"]["Q"]
            take(register_clock, enable)
            taken[block["type"]] += len(names)
    return taken


def _readers(module: dict) -> dict:
    """Bit -> what reads it: name and pin of cells, ports of the module."""
    readers = defaultdict(list)
    for name, cell in module["cells"].items():
        for pin, bits in cell["connections"].items():
            if cell["port_directions"][pin] != "output":
                for bit in bits:
                    readers[bit].append((name, pin))
    for name, port in module["ports"].items():
        for bit in port["bits"]:
            readers[bit].append((None, name))
    return readers


def _plain_reader(cells: dict, readers: list) -> str | None:
    """The register without reset that is alone in reading a bit, if there is one."""
    if len(readers) != 1:
        return None
    (name, pin), = readers
    if name is None or pin != "DI" or cells[name]["type"] != _REGISTER:
        return None
    parameters = cells[name]["parameters"]
    plain = (cells[name]["connections"].get("LSR") in (None, [], ["0"])
             and parameters.get("REGSET", "RESET") == "RESET"
             and parameters.get("CLKMUX", "CLK") == "CLK"
             and parameters.get("CEMUX", "1").strip() in ("1", "CE"))
    return name if plain else None


def _controls(register: dict) -> tuple:
    """Clock and enable of a register; an enable of "1" is always on."""
    always = register["parameters"].get("CEMUX", "1").strip() == "1"
    return register["connections"]["CLK"][0], "1" if always else register["connections"]["CE"][0]


def _ports(block: dict) -> Iterator[tuple]:
    """Yield for every port that can have output registers: its output pins, the clock that they
    must have (``None``: any), and what turns them on."""
    if block["type"] == "MULT18X18D":
        def take(clock, enable):
            for pin, bit in (("CLK0", clock), ("CE0", enable), ("RST0", "0")):
                block["connections"][pin] = [bit]
                block["port_directions"][pin] = "input"
                block["parameters"][f"REG_OUTPUT_{pin[:-1]}"] = pin
        if "REG_OUTPUT_CLK" not in block["parameters"]:
            yield _pins(block, "P"), None, take
    elif block["type"] == "DP16KD":
        wide = int(block["parameters"]["DATA_WIDTH_B"], 2) == _WIDEST
        ports = {"B": ("DOA", "DOB")} if wide else {"A": ("DOA",), "B": ("DOB",)}
        for port, data in ports.items():
            def take(clock, enable, port=port):
                for side in "AB" if wide else port:
                    block["parameters"][f"REGMODE_{side}"] = "OUTREG"
                block["connections"][f"OCE{port}"] = [enable]
            plain = (block["connections"].get(f"RST{port}") == ["0"]
                     and block["parameters"].get(f"CLK{port}MUX") == f"CLK{port}"
                     and block["parameters"].get(f"REGMODE_{port}") == "NOREG")
            if plain:
                pins = [pin for name in data for pin in _pins(block, name)]
                yield pins, block["connections"][f"CLK{port}"][0], take


def _pins(block: dict, name: str) -> list:
    """Output pins of a bus, with what they drive."""
    return [(pin, bits) for pin, bits in block["connections"].items()
            if pin.startswith(name) and pin[len(name):].isdigit()
            and bits and isinstance(bits[0], int)]
