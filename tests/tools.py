"""What a test does when an external program is missing."""

from typing import NoReturn

import pytest

__all__ = ["missing"]


def missing(reason: object) -> NoReturn:
    """Fail the test with ``reason``, which names the tool and how to install it."""
    pytest.fail(f"required: {reason}", pytrace=False)
