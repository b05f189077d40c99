"""What a test does when an external program is missing: the one place that skips."""

import os
from typing import NoReturn

import pytest

__all__ = ["missing", "missing_optional"]


def missing(reason: object) -> NoReturn:
    """Skip the test with ``reason``, which names the tool and how to install it.

    With TAXONN_REQUIRE_TOOLS=1, which ``make test`` and CI set, the test fails instead.
    """
    if os.environ.get("TAXONN_REQUIRE_TOOLS") == "1":
        pytest.fail(f"required: {reason}", pytrace=False)
    pytest.skip(reason=f"a tool is missing on this machine: {reason}")


def missing_optional(reason: object) -> NoReturn:
    """Skip the test with ``reason``: the product does without the tool too, and says so."""
    # Only milliwatts need OpenSTA and only real areas a real library; the rest of `taxonn asic` is
    # tested everywhere, with a small library that the tests write.
    pytest.skip(reason=f"optional, not on this machine: {reason}")
