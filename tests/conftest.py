"""Shared by all tests: what to do when an external program is missing."""

import pytest

from taxonn_hw.flow.cocotb_runner import require
from taxonn_hw.flow.errors import ToolError

from .tools import missing

SIMULATOR_OF = {"iverilog": "icarus", "icarus": "icarus", "verilator": "verilator"}


@pytest.fixture(scope="session")
def require_tool():
    """Return ``require_tool(name)``: fail the test, with the reason, unless ``name`` can run.

    ``name`` is ``iverilog`` (or ``icarus``) or ``verilator``.
    """

    def check(name: str) -> None:
        try:
            require(SIMULATOR_OF[name])
        except ToolError as error:
            missing(error)

    return check


@pytest.fixture(params=["icarus", "verilator"])
def simulator(request, require_tool):
    """Name each simulator in turn; a missing one is a failure."""
    require_tool(request.param)
    return request.param
