"""Proofs need SymbiYosys and z3."""

import os

import pytest

from taxonn_hw.flow import ToolError
from taxonn_hw.flow.formal import require_formal


@pytest.fixture(autouse=True)
def formal_tools():
    """Skip the test, or fail it where tools are required, unless the provers are installed."""
    try:
        require_formal()
    except ToolError as error:
        if os.environ.get("TAXONN_REQUIRE_TOOLS") == "1":
            pytest.fail(f"required: {error}", pytrace=False)
        pytest.skip(str(error))
