"""Proofs need SymbiYosys and z3."""

import pytest

from taxonn_hw.flow import ToolError
from taxonn_hw.flow.formal import require_formal

from ..tools import missing


@pytest.fixture(autouse=True)
def formal_tools():
    """Fail the test unless the provers are installed."""
    try:
        require_formal()
    except ToolError as error:
        missing(error)
