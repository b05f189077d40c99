"""What ``--device`` names, for the verbs that use hardware."""

from pathlib import Path

from ..errors import UserError
from .common import note

__all__ = ["check_device", "open_named"]


def check_device(device: str, *, also: tuple[str, ...] = ()) -> None:
    """Raise UserError when ``device`` is none of ``sim``, a board, or ``also``, before work begins.

    What does not begin with ``sim`` may be a serial port: opening it will tell.
    """
    from ..boards import load_board
    from ..host.serial_device import SIM_BOARD

    if device.startswith(SIM_BOARD):
        load_board(device.removeprefix(SIM_BOARD))
    elif device.startswith("sim") and device != "sim":
        names = ", ".join((*also, "sim", "sim-board:BOARD"))
        raise UserError(f"--device must be {names} or a serial port, not {device!r}")


def open_named(device: str, network, *, clocks: int = 0, baud: int | None = None,
               checkpoint: Path | None = None):
    """Return a context manager that opens what ``--device`` names.

    ``clocks``: about how many will be simulated.
    """
    if device == "sim":
        from ..host.simulation import open_simulation

        note("generating and compiling the hardware")
        return open_simulation(network, clocks=clocks)
    from ..host.serial_device import SIM_BOARD, open_device

    if device.startswith(SIM_BOARD):
        note("generating and compiling the board")
    return open_device(device, network, baud=baud, clocks=clocks, checkpoint=checkpoint, say=note)
