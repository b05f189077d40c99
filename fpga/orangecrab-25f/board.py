"""OrangeCrab r0.2 with LFE5U-25F; the serial line is on the pins marked 0 (RX) and 1 (TX)."""

from amaranth.build import Attrs
from amaranth_boards.orangecrab_r0_2 import OrangeCrabR0_2_25FPlatform
from amaranth_boards.resources import UARTResource

from taxonn_hw.boards import Board, Led, Loader


class OrangeCrab25FSerialPlatform(OrangeCrabR0_2_25FPlatform):
    """With a serial line where the Feather pinout has it: pin 0 receives, pin 1 sends."""

    resources = (
        *OrangeCrabR0_2_25FPlatform.resources,
        UARTResource(0, rx="0", tx="1", conn=("io", 0),
                     attrs=Attrs(IO_TYPE="LVCMOS33", PULLMODE="UP")),
    )


BOARD = Board(
    name="orangecrab-25f",
    title="OrangeCrab r0.2 25F",
    platform=OrangeCrab25FSerialPlatform,
    clock="clk",
    clock_mhz=60,
    baud=1_000_000,
    leds=(Led("training", "rgb_led", part="g"), Led("error", "rgb_led", part="r"),
          Led("heartbeat", "rgb_led", part="b")),
    preset="mnist-784-96-10",
    loaders=(Loader("openFPGALoader", ("-b", "orangeCrab"), file="dfu"),
             Loader("dfu-util", ("-a", "0", "-D"), file="dfu")),
    pack=("--compress", "--freq", "38.8"),
    dfu=(0x1209, 0x5AF0),
    notes=("hold the button while plugging in: the bootloader then waits for the bitstream",
           "connect a 3.3 V serial adapter: its TX to pin 0, its RX to pin 1, and ground"),
)
