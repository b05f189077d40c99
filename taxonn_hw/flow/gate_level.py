"""A synthesised netlist as plain Verilog, so that any simulator runs it as it runs the RTL.

Yosys itself replaces the cells of the FPGA by their models and flattens; that simulates faster
than the models do and needs none of the vendor's dialect.
"""

import re
from pathlib import Path

from .yosys import run_yosys

__all__ = ["gate_level"]

_MODELS = Path(__file__).parent / "ecp5_cells.v"
_SCRIPT = """\
read_json netlist.json
delete =A:blackbox
{read}
read_verilog -defer -overwrite models.v
hierarchy -check -top {top}
proc
flatten
opt_expr
opt_clean -purge
check -assert
memory_collect
write_verilog -noattr gates.v
"""
_READ = {
    "ice40": "read_verilog -defer +/ice40/cells_sim.v",
    "ecp5": "read_verilog -defer -DNO_INCLUDES +/lattice/cells_sim_ecp5.v",
}
#: A PLL is a wire, as in the simulation of a board.
_PLLS = """
module SB_PLL40_PAD(input PACKAGEPIN, RESETB, BYPASS, output PLLOUTGLOBAL, LOCK);
  parameter FEEDBACK_PATH = 0, PLLOUT_SELECT = 0, DIVR = 0, DIVF = 0, DIVQ = 0, FILTER_RANGE = 0;
  assign PLLOUTGLOBAL = PACKAGEPIN, LOCK = 1;
endmodule
module SB_PLL40_CORE(input REFERENCECLK, RESETB, BYPASS, output PLLOUTGLOBAL, LOCK);
  parameter FEEDBACK_PATH = 0, PLLOUT_SELECT = 0, DIVR = 0, DIVF = 0, DIVQ = 0, FILTER_RANGE = 0;
  assign PLLOUTGLOBAL = REFERENCECLK, LOCK = 1;
endmodule
"""
#: Single port: a cycle writes or reads.  Yosys' own model would become a register for each bit.
_SPRAM = """
module SB_SPRAM256KA(input [13:0] ADDRESS, input [15:0] DATAIN, input [3:0] MASKWREN,
    input WREN, CHIPSELECT, CLOCK, STANDBY, SLEEP, POWEROFF, output reg [15:0] DATAOUT);
  reg [15:0] mem [0:16383];
  wire on = CHIPSELECT & ~STANDBY & ~SLEEP & POWEROFF;
  genvar k;
  for (k = 0; k < 4; k = k + 1)
    always @(posedge CLOCK)
      if (on & WREN & MASKWREN[k]) mem[ADDRESS][4 * k +: 4] <= DATAIN[4 * k +: 4];
  always @(posedge CLOCK)
    if (on) DATAOUT <= WREN ? ~DATAOUT : mem[ADDRESS];
endmodule
"""
_EHXPLLL = """
module EHXPLLL(input CLKI, CLKFB, RST, STDBY, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP,
    PHASELOADREG, PLLWAKESYNC, ENCLKOP, output CLKOP, CLKOS, LOCK);
  {parameters}
  assign CLKOP = CLKI, CLKOS = CLKI, LOCK = 1;
endmodule
"""
_PLL_PARAMETERS = (
    *(f"CLK{name}" for name in ("I_DIV", "FB_DIV")), "PLLRST_ENA", "INTFB_WAKE", "STDBY_ENABLE",
    "DPHASE_SOURCE", "FEEDBK_PATH", *(f"OUTDIVIDER_MUX{name}" for name in "ABCD"),
    *(f"{out}_{name}" for out in ("CLKOP", "CLKOS")
      for name in ("DIV", "ENABLE", "CPHASE", "FPHASE")),
)


def gate_level(netlist: Path, *, family: str, top: str, out: Path) -> Path:
    """Write the netlist in Yosys' JSON as flat Verilog into the folder ``out``; return the file.

    Raises
    ------
    ToolError
        Yosys fails, or a cell has no model.
    """
    models = _PLLS + _SPRAM
    if family == "ecp5":
        parameters = " ".join(f"parameter {name} = 0;" for name in _PLL_PARAMETERS)
        models = "".join([_MODELS.read_text(), _multiplier(), _memory(),
                          _EHXPLLL.format(parameters=parameters)])
    (out / "models.v").write_text(models)
    (out / "netlist.json").write_bytes(netlist.read_bytes())
    run_yosys(_SCRIPT.format(read=_READ[family], top=top), cwd=out)
    gates = out / "gates.v"
    # The address of a port that is never enabled, which Verilator cannot read.
    gates.write_text(re.sub(r"\[\d+'hx+\]", "[0]", gates.read_text()))
    return gates


def _bus(name: str, width: int) -> str:
    return ", ".join(f"{name}{k}" for k in reversed(range(width)))


def _multiplier() -> str:
    """Wrap the core of the multiplier with a pin for each bit."""
    return f"""
module MULT18X18D(input {_bus("A", 18)}, input {_bus("B", 18)}, input {_bus("C", 18)},
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK0, CE0, RST0, output {_bus("P", 36)});
  parameter REG_OUTPUT_CLK = "NONE", REG_OUTPUT_CE = "CE0", REG_OUTPUT_RST = "RST0";
  MULT18X18D_core #(.REGISTERED(REG_OUTPUT_CLK == "CLK0")) core(.clk(CLK0), .ce(CE0),
    .a({{{_bus("A", 18)}}}), .b({{{_bus("B", 18)}}}),
    .signed_a(SIGNEDA), .signed_b(SIGNEDB), .p({{{_bus("P", 36)}}}));
endmodule
"""


def _memory() -> str:
    """Wrap the core of the block RAM with a pin for each bit and Lattice's parameters."""
    ports, links = [], []
    for port in "AB":
        ports += [f"input {_bus(f'DI{port}', 18)}", f"input {_bus(f'AD{port}', 14)}",
                  f"input CE{port}, OCE{port}, CLK{port}, WE{port}, RST{port}",
                  f"input {_bus(f'CS{port}', 3)}", f"output {_bus(f'DO{port}', 18)}"]
        small = port.lower()
        links += [f'.clk_{small}(CLK{port} ^ (CLK{port}MUX == "INV"))',
                  f".ce_{small}(CE{port})", f".oce_{small}(OCE{port})",
                  f".we_{small}(WE{port})", f".rst_{small}(RST{port})",
                  f".addr_{small}({{{_bus(f'AD{port}', 14)}}})",
                  f".di_{small}({{{_bus(f'DI{port}', 18)}}})",
                  f".do_{small}({{{_bus(f'DO{port}', 18)}}})"]
    words = [f"INITVAL_{k:02X}" for k in range(64)]
    texts = [name + port for port in "AB"
             for name in ("REGMODE_", "CSDECODE_", "WRITEMODE_")]
    texts += ["CLKAMUX", "CLKBMUX", "RESETMODE", "ASYNC_RESET_RELEASE", "GSR", "INIT_DATA", "WID"]
    return f"""
module DP16KD({", ".join(ports)});
  parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18;
  {" ".join(f'parameter {name} = "";' for name in texts)}
  {" ".join(f"parameter [319:0] {name} = 320'd0;" for name in words)}
  DP16KD_core #(.WIDTH_A(DATA_WIDTH_A), .WIDTH_B(DATA_WIDTH_B), .MODE_A(WRITEMODE_A),
    .MODE_B(WRITEMODE_B),
    .OUT_A(REGMODE_A == "OUTREG"), .OUT_B(REGMODE_B == "OUTREG"),
    .INIT({{{", ".join(reversed(words))}}})) core({", ".join(links)});
endmodule
"""
