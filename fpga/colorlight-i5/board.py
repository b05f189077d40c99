"""Colorlight i5 (v7.0, LED receiver card with LFE5U-25F) on its extension board.

Pins as documented by github.com/wuxx/Colorlight-FPGA-Projects: clock P3, LED U16; the serial line
is the one that the extension board's debug probe offers, J17 to it and H18 from it (LiteX-Boards
uses the same).
"""

from amaranth.build import Attrs, Clock, Pins, Resource
from amaranth.vendor import LatticeECP5Platform
from amaranth_boards.resources import LEDResources, UARTResource

from taxonn_hw.boards import Board, Led, Loader


class ColorlightI5Platform(LatticeECP5Platform):
    """Clock, LED and serial line; nothing else is used."""

    device = "LFE5U-25F"
    package = "BG381"
    speed = "6"
    default_clk = "clk25"
    resources = (
        Resource("clk25", 0, Pins("P3", dir="i"), Clock(25e6), Attrs(IO_TYPE="LVCMOS33")),
        *LEDResources(pins="U16", invert=True, attrs=Attrs(IO_TYPE="LVCMOS33")),
        UARTResource(0, rx="H18", tx="J17", attrs=Attrs(IO_TYPE="LVCMOS33", PULLMODE="UP")),
    )
    connectors = ()


BOARD = Board(
    name="colorlight-i5",
    title="Colorlight i5 v7.0 on its extension board",
    platform=ColorlightI5Platform,
    clock="clk25",
    clock_mhz=50,
    baud=115_200,  # through a debug probe, whose own serial port sets the limit
    leds=(Led("all", "led"),),
    preset="mnist-784-96-10",
    loaders=(Loader("openFPGALoader", ("-b", "colorlight-i5")),),
    pack=("--compress",),
)
