"""A mapped netlist as a compiled library, driven like a Verilated design, that counts toggles.

The netlist is data, not code: to compile hundreds of thousands of cells would take longer than to
run them.
"""

import ctypes
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..flow import cxxrtl
from ..flow.cache import cached, digest
from ..flow.process import run_tool
from ..flow.verilator import HARNESS, compiler, cpp_name, link, ports_header, toolchain_id
from .netlist import Netlist

__all__ = ["build_simulator", "toggle_counts"]

_ENGINE = Path(__file__).with_name("simulator.h")
_STUBS = Path(cxxrtl.__file__).with_name("cxxrtl_verilated.h")
_TIMEOUT_S = 1800


def build_simulator(netlist: Netlist, sidecar: Mapping) -> Path:
    """Compile ``netlist`` with the harness into a shared library and return its path.

    Raises
    ------
    ToolError
        The compiler is missing or fails.
    """
    words, top = netlist.words(), _vtop(netlist)
    ports = ports_header(sidecar["streams"])
    key = digest("gates", words, top, ports, HARNESS.read_bytes(), _ENGINE.read_bytes(),
                 _STUBS.read_bytes(), toolchain_id())

    def build(out: Path) -> None:
        (out / "netlist.bin").write_bytes(words)
        for name, text in (("Vtop.h", top), ("ports.h", ports),
                           ("verilated.h", _STUBS.read_text()),
                           ("simulator.h", _ENGINE.read_text())):
            (out / name).write_text(text)
        # Found by the assembler through -I, whatever the folder is called later.
        run_tool([*compiler(), "-O2", "-std=gnu++17", "-fPIC", "-w", f"-I{out}",
                  f"-Wa,-I{out}", "-c", HARNESS, "-o", out / "harness.o"], cwd=out,
                 timeout_s=_TIMEOUT_S)
        link([out / "harness.o"], out / "model.so", ["-shared"])
        for file in out.iterdir():
            if file.name != "model.so":
                file.unlink()

    return cached("library", key, build) / "model.so"


def toggle_counts(library: Path, on: bool, n_nets: int) -> tuple[int, np.ndarray, np.ndarray]:
    """Begin to count, or stop; return clocks, and toggles and clocks at 1 of every net."""
    handle = ctypes.CDLL(str(library))
    handle.taxonn_count.restype = ctypes.c_uint64
    counts = [np.zeros(n_nets, np.uint32) for _ in range(2)]
    pointers = [array.ctypes.data_as(ctypes.POINTER(ctypes.c_uint32)) for array in counts]
    clocks = handle.taxonn_count(int(on), ctypes.c_uint64(n_nets), *pointers)
    return clocks, *counts


def _vtop(netlist: Netlist) -> str:
    """Return the class with the ports under the names that the harness uses."""
    members, before, after = [], [], []
    for ports, lines, call in ((netlist.inputs, before, "to"), (netlist.outputs, after, "from")):
        for port, nets in ports.items():
            if port == "clk":
                members.append("    uint8_t clk = 0;")
                continue
            words = -(-len(nets) // 32)
            name = cpp_name(port)
            kind = ("uint32_t" if words == 1 else "uint64_t" if words == 2
                    else f"VlWide<{words}>")
            members.append(f"    {kind} {name}{{}};  // {len(nets)} bits")
            ids = ", ".join(map(str, nets))
            lines.append(f"        {{ static const uint32_t nets[] = {{{ids}}}; "
                         f"{call}_nets({name}, nets, {len(nets)}); }}")
    return _VTOP.format("\n".join(members), "\n".join(before), "\n".join(after))


_VTOP = """\
#pragma once
#include "simulator.h"
#include "verilated.h"

asm(".section .rodata\\n.balign 8\\n.hidden taxonn_netlist\\n.global taxonn_netlist\\n"
    "taxonn_netlist:\\n.incbin \\"netlist.bin\\"\\n.previous");
extern "C" __attribute__((visibility("hidden"))) const uint32_t taxonn_netlist[];

namespace {{  // without names: tables in inline functions are one for all libraries of a process

struct Vtop {{
    explicit Vtop(VerilatedContext*) {{ last() = this; }}
    void final() {{}}
    static Vtop*& last() {{
        static Vtop* model = nullptr;
        return model;
    }}
{0}
    template <class T>
    void to_nets(const T& port, const uint32_t* nets, uint32_t n) {{
        uint32_t words[64] = {{}};
        to_words(port, words, (n + 31) / 32);
        for (uint32_t k = 0; k < n; ++k)
            if (nets[k] > 1) gates.set(nets[k], words[k / 32] >> k % 32 & 1);
    }}
    template <class T>
    void from_nets(T& port, const uint32_t* nets, uint32_t n) {{
        uint32_t words[64] = {{}};
        for (uint32_t k = 0; k < n; ++k) words[k / 32] |= uint32_t(gates.value[nets[k]]) << k % 32;
        from_words(port, words, (n + 31) / 32);
    }}
    void eval() {{
        if (!clk) {{
{1}
        }}
        gates.eval(clk);
{2}
    }}
    Simulator gates{{taxonn_netlist}};
}};

}}  // namespace

extern "C" uint64_t taxonn_count(int on, uint64_t n,
        uint32_t* toggles, uint32_t* ones) {{
    Simulator& gates = Vtop::last()->gates;
    std::memcpy(toggles, gates.toggles.data(), n * sizeof(uint32_t));
    std::memcpy(ones, gates.ones.data(), n * sizeof(uint32_t));
    const uint64_t clocks = gates.clocks;
    gates.count(on);
    return clocks;
}}
"""
