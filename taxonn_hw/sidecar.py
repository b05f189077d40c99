"""The companions of a Verilog file: JSON sidecar, C header, FuseSoC core.

All are text made from the network and the register map, so nothing in them is typed twice.
"""

import re
from importlib import metadata

from .bus.registers import FIELDS, IDENTITY, REGISTERS, VERSION, register_map
from .config_hash import canonical_config, config_hash
from .flow.yosys import yosys_version
from .plan import Network
from .plan.layout import element_width, weight_group
from .rtlil import Port

__all__ = ["TOP", "c_header", "core_file", "network_facts", "sidecar", "stream_table"]

#: Name of the Verilog module.
TOP = "taxonn_accelerator"


def stream_table(network: Network) -> dict[str, dict]:
    """Return the streams of the accelerator: name -> direction, bits of a beat, its elements."""
    group, beat = network.samples_per_clock, weight_group(network.lanes)
    words, out = network.word, network.output.formats.a
    return {
        "i_samples": _stream("in", group, element_width(network), False),
        "i_weights": _stream("in", beat, words, True),
        "o_results": _stream("out", 1, out.width, out.signed),
        "o_weights": _stream("out", beat, words, True),
    }


def _stream(direction: str, elements: int, bits: int, signed: bool) -> dict:
    return {"direction": direction, "width": elements * bits, "elements": elements,
            "element_bits": bits, "signed": signed}


def network_facts(network: Network) -> dict:
    """Return sizes, formats, mapping and layout of ``network`` as JSON values."""
    return {
        "inputs": network.n_inputs,
        "outputs": network.output.n_out,
        "lanes": network.lanes,
        "word_bits": network.word,
        "weights": network.n_weights,
        "weight_rows": network.n_rows,
        "storage_bits": storage_bits(network),
        "layers": [{
            "index": layer.index, "n_in": layer.n_in, "n_out": layer.n_out,
            "activation": layer.activation.value, "mapping": layer.mapping,
            "blocks": layer.n_blocks, "row_base": layer.row_base, "rows": layer.n_rows,
            "row_stride": layer.row_stride,
            "bias_base": None if layer.by_outputs else layer.neuron_base,
            "formats": {name: str(getattr(layer.formats, name)) for name in (
                "weight", "operand", "bias", "x", "a", "delta", "derivative")},
        } for layer in network.layers],
    }


def storage_bits(network: Network) -> int:
    """Return the bits that hold weights and biases: the rows, and the scalar bias memory."""
    scalars = 0 if all(layer.by_outputs for layer in network.layers) else network.n_neurons
    return (network.n_rows * network.lanes + scalars) * network.word


def sidecar(network: Network, *, target: str, sha256: str, ports: list[Port],
            memories: list[dict], latencies: dict) -> dict:
    """Return the JSON sidecar."""
    return {
        "name": network.config.name,
        "top": TOP,
        "target": target,
        "config_hash": f"{config_hash(network.config):08x}",
        "sha256": sha256,
        "versions": {"taxonn_hw": metadata.version("taxonn_hw"),
                     "amaranth": metadata.version("amaranth"), "yosys": yosys_version()},
        "config": canonical_config(network.config),
        "network": network_facts(network),
        "streams": stream_table(network),
        "ports": [{"name": port.name, "direction": port.direction, "width": port.width}
                  for port in ports],
        "identity": IDENTITY,
        "register_version": VERSION,
        "registers": register_map(),
        "latencies": latencies,
        "memories": memories,
    }


def c_header(network: Network) -> str:
    """Return a C header with addresses, fields and constants."""
    guard = "TAXONN_" + re.sub(r"\W", "_", network.config.name).upper() + "_H"
    lines = [f"/* Registers and constants of {network.config.name}; made by taxonn generate. */",
             f"#ifndef {guard}", f"#define {guard}", "", "#include <stdint.h>", ""]

    def define(name: str, value) -> None:
        lines.append(f"#define TAXONN_{name.upper()} {value}")

    define("identity", f"UINT32_C(0x{IDENTITY:08x})")
    define("version", f"UINT32_C({VERSION})")
    define("config_hash", f"UINT32_C(0x{config_hash(network.config):08x})")
    lines += ["", "/* Registers: index of a 32-bit word. */"]
    for name, register in REGISTERS.items():
        lines.append(f"/* {name} ({register.access}): {register.doc} */")
        define(f"reg_{name}", f"0x{register.address:02x}u")
        for bit in register.fields:
            define(f"{name}_{bit}", f"(UINT32_C(1) << {FIELDS[f'{name}.{bit}']})")
    lines += ["", "/* The network. */"]
    facts = network_facts(network)
    for key in ("inputs", "outputs", "lanes", "word_bits", "weights", "weight_rows"):
        define(key, f"{facts[key]}u")
    define("layers", f"{len(network.layers)}u")
    low, high = network.config.rate_range
    define("rate_min", f"{low}u")
    define("rate_max", f"{high}u")
    define("rate_default", f"{network.config.learning_rate_exponent}u")
    for layer in facts["layers"]:
        prefix = f"layer{layer['index']}"
        for key in ("n_in", "n_out", "blocks", "row_base", "rows", "row_stride"):
            define(f"{prefix}_{key}", f"{layer[key]}u")
        define(f"{prefix}_lanes_are_outputs", int(layer["mapping"] == "outputs"))
    for layer in network.layers:
        for name in ("weight", "bias", "x", "a"):
            fmt = getattr(layer.formats, name)
            define(f"layer{layer.index}_{name}_bits", fmt.width)
            define(f"layer{layer.index}_{name}_frac", f"({fmt.frac})")
    lines += ["", "/* Streams: bits of a beat, elements of a beat, bits of an element. */"]
    for name, stream in stream_table(network).items():
        for key in ("width", "elements", "element_bits"):
            define(f"{name}_{key}", f"{stream[key]}u")
    lines += ["", f"#endif /* {guard} */", ""]
    return "\n".join(lines)


def core_file(network: Network, files: dict[str, str]) -> str:
    """Return a FuseSoC core file that names the Verilog and header of ``files``."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", network.config.name)
    return f"""\
CAPI=2:
name: "::taxonn_{name}:{metadata.version('taxonn_hw')}"
description: "Accelerator that trains {_shape(network)} on chip, made by taxonn_hw"

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


def _shape(network: Network) -> str:
    return "-".join(map(str, [network.n_inputs, *(layer.n_out for layer in network.layers)]))
