"""What a board is: platform class with its pins, clock, UART, LEDs, and ways to load it."""

from dataclasses import dataclass, field
from typing import Literal

from .devices import DEVICES, Device

__all__ = ["LED_ROLES", "Board", "Led", "Loader", "Role"]

#: What an LED can show: ``heartbeat`` blinks slowly; ``idle`` and ``training`` are each other's
#: opposite; ``error`` lights for a moment after a damaged frame. ``status`` is heartbeat while
#: idle and steady light while training; ``all`` adds quick blinking after an error, for boards
#: with one LED.
LED_ROLES = ("heartbeat", "idle", "training", "error", "status", "all")
Role = Literal["heartbeat", "idle", "training", "error", "status", "all"]


@dataclass(frozen=True)
class Led:
    """An LED: what it shows, and its resource on the platform (name, number, subsignal)."""

    role: Role
    resource: str
    number: int = 0
    part: str | None = None


@dataclass(frozen=True)
class Loader:
    """A program that loads the bitstream.

    Members
    -------
    program : str
        Its name on the PATH.
    arguments : tuple of str
        Words before the file.
    file : str
        ``bitstream``, or ``dfu``: the bitstream with the suffix that DFU bootloaders check.
    """

    program: str
    arguments: tuple[str, ...] = ()
    file: Literal["bitstream", "dfu"] = "bitstream"


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board.

    Members
    -------
    name : str
        As ``--board`` takes it.
    title : str
        Maker and model.
    platform : type
        Platform class of amaranth-boards, or one in the same form: device, package, resources.
    clock : str
        Resource of the oscillator.
    pll_at_pad : bool
        iCE40: the oscillator's pin feeds the PLL directly (SB_PLL40_PAD); no other use of it.
    clock_mhz : float
        Clock of the accelerator unless ``--freq`` says otherwise.
    uart : str
        Resource with subsignals ``rx`` (into the FPGA) and ``tx``.
    baud : int
        Rate of the serial line after power-up.
    leds : tuple of Led
    levels : dict
        Outputs that must hold a level: resource -> 0 or 1, as the pin shows it.
    preset : str
        Configuration worth running on it.
    loaders : tuple of Loader
        In order of preference.
    pack : tuple of str
        Options of icepack or ecppack.
    dfu : tuple of int
        USB vendor and product of its DFU bootloader, where it has one.
    notes : tuple of str
        What a user must solder or know; printed by ``taxonn flash``.
    """

    name: str
    title: str
    platform: type
    clock: str
    pll_at_pad: bool = False
    clock_mhz: float
    uart: str = "uart"
    baud: int = 1_000_000
    leds: tuple[Led, ...]
    levels: dict[str, int] = field(default_factory=dict)
    preset: str
    loaders: tuple[Loader, ...]
    pack: tuple[str, ...] = ()
    dfu: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()

    @property
    def device(self) -> Device:
        """The FPGA."""
        return DEVICES[self.platform.device]

    @property
    def package(self) -> str:
        """Package, as nextpnr names it."""
        package = self.platform.package.upper()
        ball = {"BG": "CABGA", "MG": "CSFBGA"} if self.device.family == "ecp5" else {}
        return ball.get(package[:2], package[:2]) + package[2:]

    @property
    def speed(self) -> str | None:
        """Speed grade; None where a device has only one."""
        return getattr(self.platform, "speed", None)
