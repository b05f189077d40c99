"""Shared by all tests: what to do when an external program is missing."""

import os

import pytest

from taxonn_hw.flow.cocotb_runner import require
from taxonn_hw.flow.errors import ToolError

SIMULATOR_OF = {"iverilog": "icarus", "icarus": "icarus", "verilator": "verilator"}


@pytest.fixture(scope="session")
def require_tool():
    """Return ``require_tool(name)``: skip the test, with the reason, unless ``name`` can run.

    ``name`` is ``iverilog`` (or ``icarus``) or ``verilator``. With TAXONN_REQUIRE_TOOLS=1, which
    ``make test`` sets, the test fails instead of being skipped.
    """

    def check(name: str) -> None:
        try:
            require(SIMULATOR_OF[name])
        except ToolError as error:
            if os.environ.get("TAXONN_REQUIRE_TOOLS") == "1":
                pytest.fail(f"required: {error}", pytrace=False)
            pytest.skip(str(error))

    return check


@pytest.fixture(params=["icarus", "verilator"])
def simulator(request, require_tool):
    """Name each simulator in turn, skipping (or failing) for a missing one."""
    require_tool(request.param)
    return request.param
