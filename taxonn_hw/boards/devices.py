"""The FPGAs of the boards: what they hold, as nextpnr counts it, and the options of the tools."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["DEVICES", "Device"]


@dataclass(frozen=True, kw_only=True)
class Device:
    """An FPGA, without its package.

    Members
    -------
    name : str
        As vendors write it, such as ``LFE5U-25F``.
    family : str
        ``ice40`` or ``ecp5``.
    option : str
        What selects it in nextpnr.
    synth : tuple of str
        Options of Yosys' synthesis of the family.
    capacity : dict
        Resource -> how many there are, under the names of :mod:`taxonn_hw.flow.pnr_report`.
    """

    name: str
    family: Literal["ice40", "ecp5"]
    option: str
    synth: tuple[str, ...] = ()
    capacity: dict[str, int]


def _ice40(name: str, option: str, speed: str, *, lut: int, ram: int, pll: int, dsp: int = 0,
           spram: int = 0) -> Device:
    capacity = {"lut": lut, "ram": ram, "pll": pll, "dsp": dsp, "spram": spram}
    synth = ("-device", speed, *(("-dsp",) if dsp else ()), *(("-spram",) if spram else ()))
    return Device(name=name, family="ice40", option=option, synth=synth,
                  capacity={key: count for key, count in capacity.items() if count})


def _ecp5(name: str, option: str, *, lut: int, ram: int, dsp: int, pll: int) -> Device:
    return Device(name=name, family="ecp5", option=option,
                  capacity={"lut": lut, "ff": lut, "ram": ram, "dsp": dsp, "pll": pll})


#: Devices by name. Of an iCE40, ``lut`` counts logic cells: a look-up table with its flip-flop.
DEVICES = {device.name: device for device in (
    _ice40("iCE40HX1K", "--hx1k", "hx", lut=1280, ram=16, pll=1),
    _ice40("iCE40HX8K", "--hx8k", "hx", lut=7680, ram=32, pll=2),
    _ice40("iCE40UP5K", "--up5k", "u", lut=5280, ram=30, pll=1, dsp=8, spram=4),
    # The 12F is sold with half the look-up tables of the 25F, on the same die: all of it works.
    _ecp5("LFE5U-12F", "--12k", lut=24288, ram=56, dsp=28, pll=2),
    _ecp5("LFE5U-25F", "--25k", lut=24288, ram=56, dsp=28, pll=2),
    _ecp5("LFE5U-45F", "--45k", lut=43848, ram=108, dsp=72, pll=4),
    _ecp5("LFE5U-85F", "--85k", lut=83640, ram=208, dsp=156, pll=4),
    _ecp5("LFE5UM5G-85F", "--um5g-85k", lut=83640, ram=208, dsp=156, pll=4),
)}
