"""Errors that a user can cause: one line, no traceback, exit code 2."""

__all__ = ["UserError"]


class UserError(ValueError):
    """Bad input; the message names the rule and the value."""
