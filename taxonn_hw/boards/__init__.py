"""FPGA boards as data: devices, pins, clocks, and how to load a bitstream."""

from .definition import LED_ROLES, Board, Led, Loader
from .devices import DEVICES, Device
from .load import board_names, load_board
from .pins import Pin, board_pins
from .pll import ClockPlan, plan_clock

__all__ = ["DEVICES", "LED_ROLES", "Board", "ClockPlan", "Device", "Led", "Loader", "Pin",
           "board_names", "board_pins", "load_board", "plan_clock"]
