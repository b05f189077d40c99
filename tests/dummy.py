"""A small design with the ports of the accelerator, to test simulators and drivers on.

Each ``i_samples`` beat gives one ``o_results`` beat, the sum of its 32-bit words plus the register
``BIAS`` (modulo 2**32). Beats of ``i_weights`` fill a memory in order; ``o_weights`` gives the
``COUNT`` of them back, in order, once ``READ`` is written. Both streams stall as they please.
"""

from pathlib import Path

from amaranth.back import verilog
from amaranth.hdl import Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from taxonn_hw.flow import amaranth_yosys_env

BIAS, COUNT, READ, DONE = 0, 1, 2, 3  # registers
DEPTH = 64


class Dummy(wiring.Component):
    """The design; ``mutate`` puts a bug into the sum."""

    def __init__(self, *, sample_bits=32, weight_bits=72, mutate=False):
        self.sample_bits, self.weight_bits, self.mutate = sample_bits, weight_bits, mutate
        super().__init__({
            "i_samples": In(stream.Signature(sample_bits)),
            "o_results": Out(stream.Signature(32)),
            "i_weights": In(stream.Signature(weight_bits)),
            "o_weights": Out(stream.Signature(weight_bits)),
            "csr": In(wiring.Signature({
                "addr": Out(8), "w_data": Out(32), "w_stb": Out(1),
                "r_stb": Out(1), "r_data": In(32),
            })),
        })

    def elaborate(self, platform):
        m = Module()
        bias, n_weights, timer = Signal(32), Signal(8), Signal(8)
        self.registers(m, bias, n_weights, timer)
        self.sum(m, bias)
        self.weights(m, n_weights)
        return m

    def registers(self, m, bias, n_weights, timer):
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.If(self.csr.w_stb & (self.csr.addr == BIAS)):
            m.d.sync += [bias.eq(self.csr.w_data), timer.eq(200)]
        with m.If(self.csr.r_stb):
            with m.Switch(self.csr.addr):
                with m.Case(BIAS):
                    m.d.sync += self.csr.r_data.eq(bias)
                with m.Case(COUNT):
                    m.d.sync += self.csr.r_data.eq(n_weights)
                with m.Case(DONE):
                    m.d.sync += self.csr.r_data.eq(0x10 | (timer == 0))
                with m.Default():
                    m.d.sync += self.csr.r_data.eq(0xDEAD)

    def sum(self, m, bias):
        words = [self.i_samples.payload[k:k + 32] for k in range(0, self.sample_bits, 32)]
        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += self.i_samples.ready.eq(1)
                with m.If(self.i_samples.valid):
                    m.d.sync += self.o_results.payload.eq(
                        sum(words, start=bias) + (words[0][:3] == 5 if self.mutate else 0))
                    m.next = "GIVE"
            with m.State("GIVE"):
                m.d.comb += self.o_results.valid.eq(1)
                with m.If(self.o_results.ready):
                    m.next = "TAKE"

    def weights(self, m, n_weights):
        m.submodules.store = store = memory.Memory(shape=self.weight_bits, depth=DEPTH, init=[])
        write, read = store.write_port(), store.read_port()
        m.d.comb += [
            self.i_weights.ready.eq(n_weights < DEPTH),
            write.en.eq(self.i_weights.valid & self.i_weights.ready),
            write.addr.eq(n_weights), write.data.eq(self.i_weights.payload),
            self.o_weights.payload.eq(read.data),
        ]
        with m.If(write.en):
            m.d.sync += n_weights.eq(n_weights + 1)
        left = Signal(8)
        with m.If(self.csr.w_stb & (self.csr.addr == READ)):
            m.d.sync += [left.eq(n_weights), read.addr.eq(0)]
        with m.Elif(self.o_weights.valid):
            with m.If(self.o_weights.ready):
                m.d.sync += [left.eq(left - 1), self.o_weights.valid.eq(0),
                             read.addr.eq(read.addr + 1)]
        with m.Else():
            fetched = Signal()  # the word of read.addr is on read.data
            m.d.sync += fetched.eq((left != 0) & ~fetched)
            m.d.sync += self.o_weights.valid.eq(fetched)


def generate(folder: Path, **options) -> tuple[Path, dict]:
    """Write the Verilog of a :class:`Dummy` to ``folder``; return its path and sidecar."""
    amaranth_yosys_env()
    dummy = Dummy(**options)
    path = Path(folder, "dummy.v")
    path.write_text(
        verilog.convert(dummy, name="dummy", emit_src=False, strip_internal_attrs=True))
    widths = {
        "i_samples": ("in", dummy.sample_bits), "o_results": ("out", 32),
        "i_weights": ("in", dummy.weight_bits), "o_weights": ("out", dummy.weight_bits),
    }
    streams = {name: {"direction": way, "width": width} for name, (way, width) in widths.items()}
    return path, {"top": "dummy", "streams": streams}
