"""A simulated board: the whole top level, compiled, behind a pseudo-terminal.

Any program that speaks over a serial port can talk to it; the PLL is a wire, everything else is as
in the bitstream.  The board's time stands still while nothing is said to it for long.
"""

import os
import select
import tempfile
import threading
import tty
from contextlib import suppress
from pathlib import Path

from ..bitstream.design import TOP, board_verilog
from ..boards import load_board, plan_clock
from ..boards.pins import input_mhz
from ..plan.base import Plan
from .serial_model import SerialModel

__all__ = ["SimBoard"]

_STEP_CLOCKS = 4000
_POWER_UP_CLOCKS = 8000  # longer than the reset of any board; no host is as quick as that
_QUIET_CLOCKS = 2_000_000  # after which nothing more will happen by itself
_POLL_S = 0.05
_LONG_RUN_CLOCKS = 30_000_000


class SimBoard:
    """A board in simulation, to be used in a ``with`` statement.

    Parameters
    ----------
    plan : Plan
        What it is built for.
    board : str
        Name of the board.
    mhz, baud : optional
        As in the build; by default the board's.
    clocks : int
        About how many will be simulated; long runs are compiled with more optimisation.

    Members
    -------
    path : str
        The serial port; the same after :meth:`unplug` and :meth:`plug`.
    baud : int
    model : SerialModel

    Raises
    ------
    UserError
        When there is no such board, or it cannot have that clock.
    """

    def __init__(self, plan: Plan, board: str, *, mhz: float | None = None,
                 baud: int | None = None, clocks: int = 0) -> None:
        found = load_board(board)
        clock = plan_clock(found.device.family, input_mhz(found), mhz or found.clock_mhz)
        self.baud = baud or found.baud
        text = board_verilog(plan, found, mhz=mhz, baud=baud).text
        with tempfile.TemporaryDirectory(prefix="taxonn-board-") as folder:
            verilog = Path(folder, "board.v")
            verilog.write_text(text)
            self.model = SerialModel(
                verilog, top=TOP, pins={"clk": "clock", "rx": "rx", "tx": "tx"},
                clock_hz=round(clock.output_mhz * 1_000_000), baud=self.baud,
                opt="-O3" if clocks > _LONG_RUN_CLOCKS else "-O1")
        self._folder = tempfile.TemporaryDirectory(prefix="taxonn-board-")
        self.path = str(Path(self._folder.name, board))
        self._master = self._slave = -1
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def __enter__(self) -> "SimBoard":
        self.plug()
        return self

    def __exit__(self, *_) -> None:
        self.unplug()
        self.model.close()
        self._folder.cleanup()

    def plug(self) -> None:
        """Connect the board: it powers up, and the serial port appears."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        with suppress(FileNotFoundError):
            os.unlink(self.path)
        self._power_up()
        os.symlink(os.ttyname(self._slave), self.path)

    def unplug(self) -> None:
        """Disconnect the board: the serial port goes, and all that it had learnt."""
        self._halt()
        for fd in (self._master, self._slave):
            if fd >= 0:
                os.close(fd)
        self._master = self._slave = -1
        with suppress(FileNotFoundError):
            os.unlink(self.path)

    def power_cycle(self) -> None:
        """Reset the board; the serial port stays, as behind an adapter with power of its own."""
        self._halt()
        self._power_up()

    def _power_up(self) -> None:
        """Start from reset; until that is over, what comes waits in the pseudo-terminal."""
        self.model.power_cycle()
        self.model.run(_POWER_UP_CLOCKS)
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name=f"board {self.path}", daemon=True)
        self._thread.start()

    def _halt(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._thread = None

    def _run(self) -> None:
        """Pass bytes between the pseudo-terminal and the board's pins."""
        quiet, unwritten = 0, b""
        while not self._stop.is_set():
            wait = _POLL_S if quiet > _QUIET_CLOCKS and not unwritten else 0
            data = b""
            if select.select([self._master], [], [], wait)[0]:
                with suppress(OSError):  # between two programs
                    data = os.read(self._master, 1 << 16)
            if data:
                self.model.send(data)
            elif wait:
                continue
            unwritten += self.model.run(_STEP_CLOCKS)
            quiet = 0 if data or unwritten or self.model.waiting else quiet + _STEP_CLOCKS
            if unwritten:
                with suppress(BlockingIOError):
                    unwritten = unwritten[os.write(self._master, unwritten):]
