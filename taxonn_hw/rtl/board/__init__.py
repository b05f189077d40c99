"""What surrounds an accelerator on a board: clock, reset, serial link, LEDs."""

from .top import BoardTop

__all__ = ["BoardTop"]
