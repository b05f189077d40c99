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
    pytest.skip(str(reason))


def missing_optional(reason: object) -> NoReturn:
    """Skip the test with ``reason``: the product does without the tool too, and says so."""
    pytest.skip(str(reason))
