"""A design behind its serial pins, Verilated: bytes in, bytes out.

The bits are made and read in C++; a byte costs Python nothing.
"""

import ctypes
import weakref
from collections.abc import Mapping
from enum import IntEnum
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..flow.verilator import build_library, cpp_name

__all__ = ["SerialModel", "Symbol"]

_HARNESS = Path(__file__).parent / "serial_harness.cpp"
_CHUNK = 1 << 20  # clocks between two chances to interrupt
_ROOM = 1 << 16   # bytes of one call


class Symbol(IntEnum):
    """What can be sent beside bytes; BAD_STOP is or-ed to one."""

    BAD_STOP = 0x100
    BREAK = 0x200
    PAUSE = 0x201
    GLITCH = 0x202


class SerialModel:
    """A compiled design with a serial line.

    Parameters
    ----------
    verilog : Path
    top : str
        Its module.
    pins : Mapping
        Port names of ``clk``, ``rx``, ``tx`` and, where there is one, of a synchronous ``rst``.
    clock_hz, baud : int
        The far end of the line keeps this rate exactly.
    trace : Path, optional
        VCD file to write.
    opt : str
        See :func:`taxonn_hw.flow.verilator.build_library`.
    """

    def __init__(self, verilog: Path, *, top: str, pins: Mapping[str, str], clock_hz: int,
                 baud: int, trace: Path | None = None, opt: str = "-O1") -> None:
        self.clock_hz, self.baud = clock_hz, baud
        lines = [f"#define TAXONN_{pin.upper()} {cpp_name(name)}" for pin, name in pins.items()]
        library = build_library(verilog, {"top": top, "streams": {}}, trace=trace is not None,
                                opt=opt, harness=_HARNESS, ports="\n".join(lines) + "\n")
        self._lib = _declare(ctypes.CDLL(str(library)))
        self._trace = str(trace).encode() if trace else None
        self._unsent = np.zeros(0, np.uint16)
        self._past_cycles = 0
        self._open()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _open(self) -> None:
        self._model = self._lib.serial_new(self._trace)
        self.close = weakref.finalize(self, self._lib.serial_delete, self._model)
        self._lib.serial_bit_time(self._model, int(Fraction(self.clock_hz, self.baud) * 2**32))
        self.reset()

    @property
    def cycles(self) -> int:
        """Clocks since the model was made, over all power cycles."""
        return self._past_cycles + self._lib.serial_cycles(self._alive())

    @property
    def bad_stops(self) -> int:
        """Bytes from the device whose stop bit was low."""
        return self._lib.serial_bad_stops(self._alive())

    @property
    def waiting(self) -> int:
        """Symbols that were given and are not on the line yet."""
        return len(self._unsent)

    def power_cycle(self) -> None:
        """Switch the board off and on: registers and memories are as at the beginning."""
        self._past_cycles = self.cycles
        self.close()
        self._unsent = self._unsent[:0]
        self._open()

    def reset(self, cycles: int = 4) -> None:
        """Hold the reset, where there is one; what was to be sent is forgotten."""
        self._unsent = self._unsent[:0]
        self._lib.serial_reset(self._alive(), cycles)

    def send(self, symbols) -> None:
        """Send bytes, or an array of bytes and :class:`Symbol`, after what waits already."""
        if isinstance(symbols, bytes | bytearray):
            symbols = np.frombuffer(symbols, np.uint8)
        self._unsent = np.concatenate([self._unsent, np.asarray(symbols, np.uint16)])

    def run(self, cycles: int, *, until_byte: bool = False) -> bytes:
        """Let ``cycles`` clocks pass and return the bytes that came.

        With ``until_byte`` only until one has come.
        """
        received, sent = [], ctypes.c_uint64()
        out, got = (ctypes.c_uint8 * _ROOM)(), ctypes.c_uint64()
        symbols = np.ascontiguousarray(self._unsent)
        pointer = symbols.ctypes.data_as(ctypes.POINTER(ctypes.c_uint16))
        while cycles > 0:
            got.value = 0
            cycles -= self._lib.serial_run(
                self._alive(), min(cycles, _CHUNK), pointer, len(symbols), sent, out, _ROOM, got,
                until_byte)
            received.append(bytes(out[:got.value]))
            if until_byte and got.value:
                break
        self._unsent = symbols[sent.value:]
        return b"".join(received)

    def drain(self, *, idle_bytes: int = 20) -> bytes:
        """Send all that waits and return what comes until ``idle_bytes`` byte times are silent."""
        byte = -(-10 * self.clock_hz // self.baud)
        received = b""
        while True:
            came = self.run(byte * (len(self._unsent) + idle_bytes))
            received += came
            if not came and not len(self._unsent):
                return received

    def _alive(self):
        if not self.close.alive:
            raise ValueError("the model is closed")
        return self._model


def _declare(lib: ctypes.CDLL) -> ctypes.CDLL:
    model, u64, i32 = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int
    u64p = ctypes.POINTER(u64)
    lib.serial_new.restype, lib.serial_new.argtypes = model, [ctypes.c_char_p]
    lib.serial_delete.restype, lib.serial_delete.argtypes = None, [model]
    lib.serial_cycles.restype, lib.serial_cycles.argtypes = u64, [model]
    lib.serial_bad_stops.restype, lib.serial_bad_stops.argtypes = u64, [model]
    lib.serial_bit_time.restype, lib.serial_bit_time.argtypes = None, [model, u64]
    lib.serial_reset.restype, lib.serial_reset.argtypes = None, [model, u64]
    lib.serial_run.restype = u64
    lib.serial_run.argtypes = [model, u64, ctypes.POINTER(ctypes.c_uint16), u64, u64p,
                               ctypes.POINTER(ctypes.c_uint8), u64, u64p, i32]
    return lib
