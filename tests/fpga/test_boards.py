"""Every board: its pins are there, its clock can be made, its preset and loaders are known."""

import pytest

from taxonn_hw.boards import DEVICES, LED_ROLES, board_names, board_pins, load_board, plan_clock
from taxonn_hw.boards.loading import INSTALL
from taxonn_hw.boards.pins import input_mhz
from taxonn_hw.errors import UserError
from taxonn_hw.presets import preset_names

NAMES = ["colorlight-i5", "ecp5-evn", "hx8k-evn", "icebreaker", "icestick", "orangecrab-25f",
         "orangecrab-85f", "ulx3s-12f", "ulx3s-25f", "ulx3s-45f", "ulx3s-85f", "upduino-v3"]

#: Clock, rx, tx as the boards' schematics and their makers' examples have them.
PINS = {
    "colorlight-i5": ("P3", "H18", "J17"), "ecp5-evn": ("A10", "P2", "P3"),
    "hx8k-evn": ("J3", "B10", "B12"), "icebreaker": ("35", "6", "9"), "icestick": ("21", "9", "8"),
    "orangecrab-25f": ("A9", "N17", "M18"), "orangecrab-85f": ("A9", "N17", "M18"),
    **{f"ulx3s-{size}f": ("G2", "M1", "L4") for size in (12, 25, 45, 85)},
    "upduino-v3": ("20", "15", "14"),
}
PARTS = {
    "colorlight-i5": ("LFE5U-25F", "CABGA381", "6"), "ecp5-evn": ("LFE5UM5G-85F", "CABGA381", "8"),
    "hx8k-evn": ("iCE40HX8K", "CT256", None), "icebreaker": ("iCE40UP5K", "SG48", None),
    "icestick": ("iCE40HX1K", "TQ144", None), "upduino-v3": ("iCE40UP5K", "SG48", None),
    "orangecrab-25f": ("LFE5U-25F", "CSFBGA285", "8"),
    "orangecrab-85f": ("LFE5U-85F", "CSFBGA285", "8"),
    **{f"ulx3s-{size}f": (f"LFE5U-{size}F", "CABGA381", "6") for size in (12, 25, 45, 85)},
}


def test_all_are_there():
    assert board_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_board(name):
    board = load_board(name)
    assert board.name == name and board.title
    pins = board_pins(board)
    assert (pins["clock"].site, pins["rx"].site, pins["tx"].site) == PINS[name]
    assert (board.device.name, board.package, board.speed) == PARTS[name]
    assert DEVICES[board.device.name] is board.device
    assert {led.role for led in board.leds} <= set(LED_ROLES)
    assert len(pins) == 3 + len(board.leds) + len(board.levels)
    assert not (pins["rx"].invert or pins["tx"].invert or pins["clock"].invert)
    clock = plan_clock(board.device.family, input_mhz(board), board.clock_mhz)
    assert abs(float(clock.output_mhz) / board.clock_mhz - 1) < 0.001
    assert board.preset in preset_names()
    assert board.loaders and {loader.program for loader in board.loaders} <= set(INSTALL)
    assert all((loader.file == "dfu") <= (board.dfu is not None) for loader in board.loaders)


def test_the_flash_memory_of_the_upduino_is_deselected():
    """It shares its lines with the serial port; its select is active low."""
    board = load_board("upduino-v3")
    assert board_pins(board)["level_0"].site == "16" and tuple(board.levels.values()) == (1,)


def test_an_unknown_board():
    with pytest.raises(UserError) as error:
        load_board("de10-nano")
    assert str(error.value) == ("--board: no board is named 'de10-nano'; boards: "
                                + ", ".join(NAMES))
