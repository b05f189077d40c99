"""Boards opened by name: a serial port, or a simulated board."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from ..errors import UserError
from ..plan.base import Plan
from ..sidecar import stream_table
from .driver import Accelerator
from .resume import ResumingDevice
from .serial_link import LinkLost, SerialLink
from .serial_pipe import Pipe, PipeClosed, SerialPipe
from .serial_transport import SerialTransport
from .sim_board import SimBoard

__all__ = ["BAUD", "SIM_BOARD", "open_device", "open_pipe", "open_port"]

#: Rate of a serial port unless told otherwise; what most boards are built for.
BAUD = 1_000_000
SIM_BOARD = "sim-board:"
_SIMULATED_TIMEOUT_S = 20.0  # a simulated board is some ten times slower


def open_pipe(pipe: Pipe, plan: Plan, *, baud: int, timeout_s: float = 3.0,
              stall_s: float = 10.0, rng=None) -> Accelerator:
    """Return the driver of the board at the other end of ``pipe``, reset and checked.

    Raises
    ------
    DeviceError
        When nothing answers (LinkLost), or it is not built for ``plan``.
    """
    try:
        link = SerialLink(pipe, baud=baud, timeout_s=timeout_s, rng=rng)
        transport = SerialTransport(link, stream_table(plan), stall_s=stall_s)
        transport.reset()  # whatever was under way when the last program left
        return Accelerator(transport, plan)
    except BaseException:
        pipe.close()
        raise


def open_port(path: str, plan: Plan, *, baud: int = BAUD, timeout_s: float = 3.0) -> Accelerator:
    """Return the driver of the board at the serial port ``path``, reset and checked."""
    try:
        pipe = SerialPipe(path, baud)
    except PipeClosed as error:
        raise LinkLost(f"cannot open {path}: {error}") from None
    return open_pipe(pipe, plan, baud=baud, timeout_s=timeout_s)


@contextmanager
def open_device(name: str, plan: Plan, *, baud: int | None = None, clocks: int = 0,
                checkpoint: Path | None = None,
                say: Callable[[str], None] | None = None) -> Iterator[ResumingDevice]:
    """Open a board and yield a device that survives its resets.

    Parameters
    ----------
    name : str
        A serial port, or ``sim-board:`` and the name of a board.
    baud : int, optional
        Rate of the line; of a simulated board, what it is built for.
    clocks : int
        About how many will be simulated.
    checkpoint : Path, optional
        File for checkpoints.
    say : callable, optional
        Gets a line for people when something is resumed.
    """
    if name.startswith(SIM_BOARD):
        with SimBoard(plan, name.removeprefix(SIM_BOARD), baud=baud, clocks=clocks) as board:
            connect = partial(open_port, board.path, plan, baud=board.baud,
                              timeout_s=_SIMULATED_TIMEOUT_S)
            yield from _resuming(connect, plan, checkpoint, say)
    elif name.startswith("sim"):
        raise UserError(f"--device must be sim, sim-board:BOARD or a serial port, not {name!r}")
    else:
        connect = partial(open_port, name, plan, baud=baud or BAUD)
        yield from _resuming(connect, plan, checkpoint, say)


def _resuming(connect, plan: Plan, checkpoint: Path | None, say) -> Iterator[ResumingDevice]:
    device = ResumingDevice(connect, plan, path=checkpoint, say=say)
    try:
        yield device
    finally:
        device.close()
