"""External programs: Yosys, Verilator, Icarus and cocotb, each behind a few functions."""

from .errors import ToolError
from .yosys import amaranth_yosys_env, driver_conflicts, run_yosys

__all__ = ["ToolError", "amaranth_yosys_env", "driver_conflicts", "run_yosys"]
