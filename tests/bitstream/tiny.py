"""A board's top level with an accelerator and a link of a few gates: builds in seconds."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from taxonn_hw.bitstream import design
from taxonn_hw.rtl.control import csr_signature

__all__ = ["use_tiny_design"]


class _Core(wiring.Component):
    """Ports of an accelerator around a multiplication, a memory-less one."""

    i_samples: In(stream.Signature(8))
    i_weights: In(stream.Signature(8))
    o_results: Out(stream.Signature(8))
    o_weights: Out(stream.Signature(8))
    csr: In(csr_signature())

    def __init__(self, n_bits: int) -> None:
        self.n_bits = n_bits
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        chain = Signal(self.n_bits)
        m.d.sync += [
            chain.eq(Cat(self.i_samples.payload[0] ^ chain[-1], chain[:-1] ^ chain[1:])),
            self.o_results.payload.eq((self.i_samples.payload * self.i_weights.payload)[8:]),
            self.csr.r_data.eq(self.csr.w_data + chain[:32]),
        ]
        m.d.comb += [self.i_samples.ready.eq(1), self.i_weights.ready.eq(1),
                     self.o_results.valid.eq(chain[0]), self.o_weights.valid.eq(0)]
        return m


class _Link(wiring.Component):
    """Shifts what comes on the line through everything that the core has."""

    def __init__(self, **_) -> None:
        super().__init__({
            "rx": In(1), "tx": Out(1), "reset": Out(1), "error": Out(1),
            "csr": Out(csr_signature()),
            **{name: Out(stream.Signature(8)) for name in ("i_samples", "i_weights")},
            **{name: In(stream.Signature(8)) for name in ("o_results", "o_weights")},
        })

    def elaborate(self, platform):
        m = Module()
        bits = Signal(64)
        m.d.sync += [bits.eq(Cat(self.rx, bits)),
                     self.tx.eq((Cat(self.o_results.payload, self.csr.r_data) & bits).xor())]
        m.d.comb += [
            Cat(self.i_samples.payload, self.i_weights.payload, self.csr.addr).eq(bits),
            self.csr.w_data.eq(bits[32:]), self.csr.w_stb.eq(bits[20]), self.csr.r_stb.eq(bits[21]),
            self.i_samples.valid.eq(bits[22]), self.i_weights.valid.eq(bits[23]),
            self.o_results.ready.eq(bits[24]), self.o_weights.ready.eq(1),
            self.reset.eq(bits[25]), self.error.eq(bits[26]),
        ]
        return m


def use_tiny_design(monkeypatch, cache):
    """Make every build one of the tiny design; return ``set_bits(n)``: its size in registers."""
    bits = [40]
    monkeypatch.setattr(design, "make_accelerator", lambda plan, target: _Core(bits[0]))
    monkeypatch.setattr(design, "Link", _Link)
    monkeypatch.setenv("TAXONN_CACHE", str(cache))
    return lambda n: bits.__setitem__(0, n)
