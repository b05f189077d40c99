"""The command ``taxonn``; a file a verb, each thin over library functions."""

from .app import main

__all__ = ["main"]
