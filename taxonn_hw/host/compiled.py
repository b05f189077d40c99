"""The design as a compiled model: Verilator or CXXRTL, driven from C++, called through ctypes.

A whole job (feed samples, wait, drain results) is one call, so that millions of clocks a second
are not slowed by Python. The design is any top with the ports of the sidecar's streams, a
register bus ``csr``, ``clk`` and a synchronous ``rst``.
"""

import ctypes
import weakref
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..flow import cxxrtl
from ..flow.verilator import build_library

__all__ = ["CompiledModel"]

_CHUNK = 1 << 20  # clocks between two chances to interrupt
_U32P = ctypes.POINTER(ctypes.c_uint32)


class CompiledModel:
    """A compiled design with registers and streams.

    Parameters
    ----------
    verilog : Path
        The generated Verilog.
    sidecar : Mapping
        ``top``: name of the module; ``streams``: ``{name: {"direction": "in" or "out", "width":
        bits}}``, all streams of the top.
    trace : Path or None
        VCD file to write; the model is then built anew and runs at a fraction of its speed.
    opt : str
        See :func:`taxonn_hw.flow.verilator.build_library`.
    simulator : str
        ``verilator``, or ``cxxrtl``, which writes no waves.
    library : Path or None
        The design compiled already, with the same harness.
    """

    def __init__(
        self,
        verilog: Path,
        sidecar: Mapping,
        *,
        trace: Path | None = None,
        opt: str = "-O1",
        simulator: str = "verilator",
        library: Path | None = None,
    ):
        streams = sidecar["streams"]
        for name, stream in streams.items():
            if stream["direction"] not in ("in", "out"):
                raise ValueError(f"stream {name}: direction must be in or out, not {stream!r}")
        self.widths = {name: int(stream["width"]) for name, stream in streams.items()}
        self.inputs = [name for name in streams if streams[name]["direction"] == "in"]
        self.outputs = [name for name in streams if streams[name]["direction"] == "out"]
        if library is None and simulator == "verilator":
            library = build_library(verilog, sidecar, trace=trace is not None, opt=opt)
        elif library is None:
            library = cxxrtl.build_library(verilog, sidecar, opt=opt)
        self._lib = _declare(ctypes.CDLL(str(library)))
        self._model = self._lib.taxonn_new(str(trace).encode() if trace else None)
        self.close = weakref.finalize(self, self._lib.taxonn_delete, self._model)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def cycles(self) -> int:
        """Clocks since the model was made."""
        return self._lib.taxonn_cycles(self._open())

    def reset(self, cycles: int = 4) -> None:
        """Hold the reset for ``cycles`` clocks."""
        self._lib.taxonn_step(self._open(), cycles, 1)

    def step(self, cycles: int = 1) -> None:
        """Let ``cycles`` clocks pass with all streams idle."""
        self._lib.taxonn_step(self._open(), cycles, 0)

    def write(self, addr: int, value: int) -> None:
        """Write a register, in one clock."""
        self._lib.taxonn_write(self._open(), addr, value & 0xFFFF_FFFF)

    def read(self, addr: int) -> int:
        """Read a register, in two clocks."""
        return self._lib.taxonn_read(self._open(), addr)

    def run_until(
        self, addr: int, mask: int, value: int, max_cycles: int, *, interval: int = 16
    ) -> int:
        """Read a register every ``interval`` clocks until ``read & mask == value``.

        Returns the last value; raises TimeoutError after ``max_cycles``.
        """
        last = ctypes.c_uint32()
        end = self.cycles + max_cycles
        while not self._lib.taxonn_until(
            self._open(), addr, mask, value, min(_CHUNK, end - self.cycles), interval, last
        ):
            if self.cycles >= end:
                raise TimeoutError(
                    f"register {addr:#x} & {mask:#x} is {last.value & mask:#x}, awaited "
                    f"{value:#x} for {max_cycles} clocks (whole register {last.value:#010x})"
                )
        return last.value

    def run(
        self,
        max_cycles: int,
        feed: Mapping[str, np.ndarray] | None = None,
        drain: Mapping[str, int] | None = None,
        *,
        stall_in: float = 0.0,
        stall_out: float = 0.0,
        seed: int = 0,
    ) -> tuple[int, dict[str, np.ndarray]]:
        """Feed and drain streams until all is done.

        Parameters
        ----------
        max_cycles : int
            TimeoutError after as many clocks; it names the streams that were awaited.
        feed : Mapping
            For input streams, the beats: uint32 [n, words] with the lowest word first, or [n]
            when a beat has at most 32 bits.
        drain : Mapping
            For output streams, the number of beats to accept.
        stall_in, stall_out : float
            Probability that a beat is not offered, and that one is not accepted, in a clock.
        seed : int
            Of the stalls.

        Returns
        -------
        cycles : int
            Clocks taken.
        drained : dict
            For each drained stream its beats, uint32 [n, words].
        """
        fed_arrays = [self._beats(name, (feed or {}).get(name)) for name in self.inputs]
        drained_arrays = [
            np.zeros(((drain or {}).get(name, 0), self._words(name)), np.uint32)
            for name in self.outputs
        ]
        for given, known in ((feed, self.inputs), (drain, self.outputs)):
            if unknown := set(given or {}) - set(known):
                raise ValueError(f"no such stream: {', '.join(sorted(unknown))}; known: {known}")
        fed, feed_n, feed_p = _tables(fed_arrays)
        drained, drain_n, drain_p = _tables(drained_arrays)
        stalls = [_threshold(stall_in), _threshold(stall_out)]
        self._lib.taxonn_seed(self._open(), seed & 0xFFFF_FFFF_FFFF_FFFF)
        start = self.cycles
        while not self._lib.taxonn_run(
            self._model, min(_CHUNK, start + max_cycles - self.cycles),
            feed_p, feed_n, fed, drain_p, drain_n, drained, *stalls,
        ):  # fmt: skip
            if self.cycles - start >= max_cycles:
                self._lib.taxonn_quiet(self._model)
                states = [f"{name} took {fed[k]} of {feed_n[k]} beats"
                          for k, name in enumerate(self.inputs) if feed_n[k]]
                states += [f"{name} gave {drained[k]} of {drain_n[k]} beats"
                           for k, name in enumerate(self.outputs) if drain_n[k]]
                raise TimeoutError(f"after {max_cycles} clocks: {', '.join(states)}")
        wanted = {name: beats for name, beats in zip(self.outputs, drained_arrays, strict=True)
                  if name in (drain or {})}
        return self.cycles - start, wanted

    def _open(self):
        if not self.close.alive:
            raise ValueError("the model is closed")
        return self._model

    def _words(self, name: str) -> int:
        return -(-self.widths[name] // 32)

    def _beats(self, name: str, beats: np.ndarray | None) -> np.ndarray:
        words = self._words(name)
        if beats is None:
            return np.zeros((0, words), np.uint32)
        beats = np.asarray(beats)
        if beats.ndim == 1 and words == 1:
            beats = beats[:, np.newaxis]
        if beats.dtype != np.uint32 or beats.ndim != 2 or beats.shape[1] != words:
            raise ValueError(
                f"stream {name} takes uint32 [n, {words}], not {beats.dtype} {list(beats.shape)}"
            )
        top_bits = self.widths[name] - 32 * (words - 1)
        if top_bits < 32 and len(beats) and int(beats[:, -1].max()) >> top_bits:
            raise ValueError(f"stream {name} has {self.widths[name]} bits; a beat has more")
        return np.ascontiguousarray(beats)


def _threshold(probability: float) -> int:
    if not 0 <= probability < 1:
        raise ValueError(f"a stall probability must be in [0, 1), not {probability!r}")
    return int(probability * 2**32)


def _tables(arrays: list[np.ndarray]) -> tuple:
    """Return the counters, lengths and addresses of ``arrays`` as C arrays (never empty ones)."""
    n = len(arrays) + 1
    counts = (ctypes.c_uint64 * n)()
    lengths = (ctypes.c_uint64 * n)(*(len(array) for array in arrays))
    addresses = (_U32P * n)(*(array.ctypes.data_as(_U32P) for array in arrays))
    return counts, lengths, addresses


def _declare(lib: ctypes.CDLL) -> ctypes.CDLL:
    model, u32, u64, i32 = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int
    counts, table = ctypes.POINTER(u64), ctypes.POINTER(_U32P)
    lib.taxonn_new.restype, lib.taxonn_new.argtypes = model, [ctypes.c_char_p]
    lib.taxonn_delete.restype, lib.taxonn_delete.argtypes = None, [model]
    lib.taxonn_cycles.restype, lib.taxonn_cycles.argtypes = u64, [model]
    lib.taxonn_seed.restype, lib.taxonn_seed.argtypes = None, [model, u64]
    lib.taxonn_quiet.restype, lib.taxonn_quiet.argtypes = None, [model]
    lib.taxonn_step.restype, lib.taxonn_step.argtypes = None, [model, u64, i32]
    lib.taxonn_write.restype, lib.taxonn_write.argtypes = None, [model, u32, u32]
    lib.taxonn_read.restype, lib.taxonn_read.argtypes = u32, [model, u32]
    lib.taxonn_run.restype = i32
    lib.taxonn_run.argtypes = [model, u64, table, counts, counts, table, counts, counts, u32, u32]
    lib.taxonn_until.restype = i32
    lib.taxonn_until.argtypes = [model, u32, u32, u32, u64, u64, _U32P]
    return lib
