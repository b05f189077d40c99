"""tinyVision UPduino v3: UP5K, FT232H shared by the flash memory and the serial line."""

from amaranth.build import Attrs, PinsN, Resource
from amaranth_boards.resources import UARTResource
from amaranth_boards.upduino_v3 import UpduinoV3Platform

from taxonn_hw.boards import Board, Led, Loader


class UpduinoV3SerialPlatform(UpduinoV3Platform):
    """The FT232H's TXD and RXD reach the FPGA on the clock and data-in lines of the flash memory.

    The maker's upduino.pcf names pin 14 serial_txd (FPGA to USB), pin 15 serial_rxd (USB to FPGA)
    and pin 16 the memory's select, which has to be high meanwhile.
    """

    resources = (
        *UpduinoV3Platform.resources,
        UARTResource(0, rx="15", tx="14", attrs=Attrs(IO_STANDARD="SB_LVCMOS")),
        Resource("flash_select", 0, PinsN("16", dir="o"), Attrs(IO_STANDARD="SB_LVCMOS")),
    )


BOARD = Board(
    name="upduino-v3",
    title="tinyVision.ai UPduino v3.0 or v3.1",
    platform=UpduinoV3SerialPlatform,
    clock="clk12",  # the FPGA's own oscillator is too inexact for a serial line
    clock_mhz=16.125,
    baud=2_000_000,
    leds=(Led("training", "rgb_led", part="g"), Led("error", "rgb_led", part="r"),
          Led("heartbeat", "rgb_led", part="b")),
    levels={"flash_select": 1},
    preset="mnist-784-32-10",
    loaders=(Loader("iceprog"),),
    notes=("close the jumper OSC: the 12 MHz oscillator then drives pin 20",),
)
