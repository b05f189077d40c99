"""The one error of this package: an external program is missing, failed or took too long."""

__all__ = ["ToolError"]


class ToolError(RuntimeError):
    """An external program is missing, failed, or did not end in time; the message says which."""
