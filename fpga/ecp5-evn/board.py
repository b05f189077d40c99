"""Lattice LFE5UM5G-85F-EVN: FT2232H whose second channel can be the serial line."""

from amaranth_boards.ecp5_5g_evn import ECP55GEVNPlatform

from taxonn_hw.boards import Board, Led, Loader

BOARD = Board(
    name="ecp5-evn",
    title="Lattice LFE5UM5G-85F-EVN",
    platform=ECP55GEVNPlatform,
    clock="clk12",
    clock_mhz=60,
    baud=2_000_000,
    leds=(Led("heartbeat", "led", 0), Led("idle", "led", 1), Led("training", "led", 2),
          Led("error", "led", 7)),
    preset="mnist-784-192-10",
    loaders=(Loader("openFPGALoader", ("-b", "ecp5_evn")),),
    pack=("--compress",),
    notes=("for the serial line move two resistors (user manual, section 6.2)",
           "and set channel B of the FT2232H to UART"),
)
