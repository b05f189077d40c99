"""Lattice iCEstick: HX1K, FT2232H whose second channel is the serial line."""

from amaranth_boards.icestick import ICEStickPlatform

from taxonn_hw.boards import Board, Led, Loader

BOARD = Board(
    name="icestick",
    title="Lattice iCEstick",
    platform=ICEStickPlatform,
    clock="clk12",
    clock_mhz=30,
    baud=2_000_000,
    leds=(Led("status", "led", 4), Led("error", "led", 0)),  # 4 is the green one in the middle
    preset="xor-2-4-1",
    loaders=(Loader("openFPGALoader", ("-b", "ice40_generic", "-f")), Loader("iceprog")),
)
