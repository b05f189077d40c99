"""The companions of a Verilog file: JSON sidecar, C header, FuseSoC core.

All are text made from the network and the register map, so nothing in them is typed twice.
"""

import re
from importlib import metadata

from .bus.registers import FIELDS, IDENTITY, REGISTERS, VERSION, register_map
from .config_hash import canonical_config, hardware_config, hardware_hash
from .flow.yosys import yosys_version
from .plan.base import Plan
from .plan.streams import element_width, result_shape
from .rtlil import Port

__all__ = ["TOP", "c_header", "core_file", "sidecar", "stream_table"]

#: Name of the Verilog module.
TOP = "taxonn_accelerator"


def stream_table(plan: Plan) -> dict[str, dict]:
    """Return the streams of the accelerator: name -> direction, bits of a beat, its elements."""
    group, beat = plan.samples_per_clock, plan.weight_group
    words, (bits, signed) = plan.word, result_shape(plan)
    return {
        "i_samples": _stream("in", group, element_width(plan), False),
        "i_weights": _stream("in", beat, words, True),
        "o_results": _stream("out", 1, bits, signed),
        "o_weights": _stream("out", beat, words, True),
    }


def _stream(direction: str, elements: int, bits: int, signed: bool) -> dict:
    return {"direction": direction, "width": elements * bits, "elements": elements,
            "element_bits": bits, "signed": signed}


def sidecar(plan: Plan, *, target: str, sha256: str, ports: list[Port],
            memories: list[dict], latencies: dict) -> dict:
    """Return the JSON sidecar."""
    return {
        "name": hardware_config(plan).name,
        "top": TOP,
        "target": target,
        "config_hash": f"{hardware_hash(plan):08x}",
        "sha256": sha256,
        "versions": {"taxonn_hw": metadata.version("taxonn_hw"),
                     "amaranth": metadata.version("amaranth"), "yosys": yosys_version()},
        "config": canonical_config(hardware_config(plan)),
        "network": plan.facts(),
        "streams": stream_table(plan),
        "ports": [{"name": port.name, "direction": port.direction, "width": port.width}
                  for port in ports],
        "identity": IDENTITY,
        "register_version": VERSION,
        "registers": register_map(),
        "latencies": latencies,
        "memories": memories,
    }


def c_header(plan: Plan) -> str:
    """Return a C header with addresses, fields and constants."""
    guard = "TAXONN_" + re.sub(r"\W", "_", plan.config.name).upper() + "_H"
    lines = [f"/* Registers and constants of {plan.config.name}; made by taxonn generate. */",
             f"#ifndef {guard}", f"#define {guard}", "", "#include <stdint.h>", ""]

    def define(name: str, value) -> None:
        lines.append(f"#define TAXONN_{name.upper()} {value}")

    define("identity", f"UINT32_C(0x{IDENTITY:08x})")
    define("version", f"UINT32_C({VERSION})")
    define("config_hash", f"UINT32_C(0x{hardware_hash(plan):08x})")
    lines += ["", "/* Registers: index of a 32-bit word. */"]
    for name, register in REGISTERS.items():
        lines.append(f"/* {name} ({register.access}): {register.doc} */")
        define(f"reg_{name}", f"0x{register.address:02x}u")
        for bit in register.fields:
            define(f"{name}_{bit}", f"(UINT32_C(1) << {FIELDS[f'{name}.{bit}']})")
    lines += ["", "/* The network. */"]
    facts = plan.facts()
    for key, value in facts.items():
        if isinstance(value, int):
            define(key, f"{int(value)}u")
    define("layers", f"{len(plan.layers)}u")
    low, high = plan.config.rate_range
    define("rate_min", f"{low}u")
    define("rate_max", f"{high}u")
    define("rate_default", f"{plan.config.learning_rate_exponent}u")
    for layer in facts["layers"]:
        for key, value in layer.items():
            if isinstance(value, int) and key != "index":
                define(f"layer{layer['index']}_{key}", f"{int(value)}u")
    for layer in plan.layers:
        for name in ("weight", "bias", "x", "a"):
            fmt = getattr(layer.formats, name)
            define(f"layer{layer.index}_{name}_bits", fmt.width)
            define(f"layer{layer.index}_{name}_frac", f"({fmt.frac})")
    lines += ["", "/* Streams: bits of a beat, elements of a beat, bits of an element. */"]
    for name, stream in stream_table(plan).items():
        for key in ("width", "elements", "element_bits"):
            define(f"{name}_{key}", f"{stream[key]}u")
    lines += ["", f"#endif /* {guard} */", ""]
    return "\n".join(lines)


def core_file(plan: Plan, files: dict[str, str]) -> str:
    """Return a FuseSoC core file that names the Verilog and header of ``files``."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", plan.config.name)
    return f"""\
CAPI=2:
name: "::taxonn_{name}:{metadata.version('taxonn_hw')}"
description: "Accelerator that trains {_shape(plan)} on chip, made by taxonn_hw"

filesets:
  rtl:
    files:
      - "{files['verilog']}": {{file_type: verilogSource-2005}}
  software:
    files:
      - "{files['header']}": {{file_type: user}}
      - "{files['sidecar']}": {{file_type: user}}

targets:
  default:
    filesets: [rtl]
    toplevel: {TOP}
  lint:
    default_tool: verilator
    filesets: [rtl]
    toplevel: {TOP}
    tools:
      verilator:
        mode: lint-only
"""


def _shape(plan: Plan) -> str:
    return "-".join(map(str, [plan.n_inputs, *(layer.n_out for layer in plan.layers)]))
