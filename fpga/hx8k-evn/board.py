"""Lattice iCE40HX8K-B-EVN: FT2232H whose second channel is the serial line."""

from amaranth_boards.ice40_hx8k_b_evn import ICE40HX8KBEVNPlatform

from taxonn_hw.boards import Board, Led, Loader

BOARD = Board(
    name="hx8k-evn",
    title="Lattice iCE40HX8K-B-EVN",
    platform=ICE40HX8KBEVNPlatform,
    clock="clk12",
    clock_mhz=30,
    baud=2_000_000,
    leds=(Led("heartbeat", "led", 0), Led("idle", "led", 1), Led("training", "led", 2),
          Led("error", "led", 3)),
    preset="mnist-784-12-10",
    loaders=(Loader("openFPGALoader", ("-b", "ice40_generic", "-f")), Loader("iceprog")),
)
