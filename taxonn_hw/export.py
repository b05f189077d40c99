"""``taxonn generate``: a network as Verilog with its companions."""

import hashlib
import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from .config_hash import hardware_config, hardware_hash
from .errors import UserError
from .files import make_folder, write_file
from .plan.base import Plan
from .rtl.accelerator import make_accelerator
from .sidecar import TOP, c_header, core_file, sidecar
from .verilog import convert

__all__ = ["TARGETS", "GenerateResult", "Generated", "build", "generate"]

#: What the Verilog is made for; only where a device has memories of its own does the text differ.
TARGETS = ("generic", "ice40", "ecp5")


@dataclass(frozen=True, kw_only=True)
class Generated:
    """The texts of one export, not yet written."""

    verilog: str
    sidecar: dict
    header: str
    core: str


@dataclass(frozen=True, kw_only=True)
class GenerateResult:
    """Files of one export; ``sha256`` is that of the Verilog."""

    verilog: Path
    sidecar: Path
    header: Path
    core: Path
    sha256: str


def build(plan: Plan, *, target: str = "generic", component=None) -> Generated:
    """Return the texts of the accelerator of ``plan``; same configuration, same bytes.

    ``component``: a variant of it, with the same ports, to be used in its place.
    """
    if target not in TARGETS:
        raise UserError(f"target must be {', '.join(TARGETS)}, not {target!r}")
    component = component or make_accelerator(plan, target)
    name = hardware_config(plan).name
    banner = (f"{name}: an accelerator that trains a neural network on chip.\n"
              f"Made by taxonn_hw {metadata.version('taxonn_hw')}; configuration "
              f"{hardware_hash(plan):08x}. Do not edit.")
    converted = convert(component, top=TOP, banner=banner)
    sha256 = hashlib.sha256(converted.text.encode()).hexdigest()
    files = {"verilog": f"{name}.v", "sidecar": f"{name}.json", "header": f"{name}.h"}
    return Generated(
        verilog=converted.text,
        sidecar=sidecar(plan, target=target, sha256=sha256, ports=converted.ports,
                        memories=converted.memories,
                        latencies=getattr(component, "latencies", {})),
        header=c_header(plan),
        core=core_file(plan, files),
    )


def generate(plan: Plan, out_dir: Path, *, target: str = "generic") -> GenerateResult:
    """Write the Verilog, sidecar, C header and FuseSoC core of ``plan`` into ``out_dir``.

    A file is only touched when its content changes, and never seen half written.

    Raises
    ------
    UserError
        When the folder cannot be written or the target is unknown.
    """
    made = build(plan, target=target)
    folder, name = make_folder(out_dir), hardware_config(plan).name
    result = GenerateResult(
        verilog=folder / f"{name}.v", sidecar=folder / f"{name}.json",
        header=folder / f"{name}.h", core=folder / f"{name}.core",
        sha256=made.sidecar["sha256"])
    write_file(result.verilog, made.verilog)
    write_file(result.header, made.header)
    write_file(result.core, made.core)
    write_file(result.sidecar, json.dumps(made.sidecar, indent=1) + "\n")
    return result
