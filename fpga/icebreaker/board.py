"""1BitSquared iCEBreaker: UP5K, FT2232H whose second channel is the serial line."""

from amaranth_boards.icebreaker import ICEBreakerPlatform

from taxonn_hw.boards import Board, Led, Loader

BOARD = Board(
    name="icebreaker",
    title="1BitSquared iCEBreaker",
    platform=ICEBreakerPlatform,
    clock="clk12",
    pll_at_pad=True,  # pin 35 is the PLL's own pad
    clock_mhz=16.125,
    baud=2_000_000,
    leds=(Led("status", "led_g"), Led("error", "led_r")),
    preset="mnist-784-32-10",
    loaders=(Loader("openFPGALoader", ("-b", "ice40_generic", "-f")), Loader("iceprog")),
)
