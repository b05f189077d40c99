"""Radiona ULX3S with LFE5U-25F; the serial line is the FT231X of the socket US1."""

from amaranth_boards.ulx3s import ULX3S_25F_Platform

from taxonn_hw.boards import Board, Led, Loader

BOARD = Board(
    name="ulx3s-25f",
    title="Radiona ULX3S 25F",
    platform=ULX3S_25F_Platform,
    clock="clk25",
    clock_mhz=50,
    baud=3_000_000,
    leds=(Led("heartbeat", "led", 0), Led("idle", "led", 1), Led("training", "led", 2),
          Led("error", "led", 7)),
    preset="mnist-784-96-10",
    loaders=(Loader("openFPGALoader", ("-b", "ulx3s")), Loader("fujprog")),
    pack=("--compress",),
)
