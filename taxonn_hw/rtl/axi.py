"""An accelerator inside a system on chip: registers as AXI4-Lite, streams as AXI4-Stream."""

from amaranth.hdl import ClockDomain, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bus.protocol import PULL_STREAMS, PUSH_STREAMS

__all__ = ["ADDRESS_BITS", "AXI_STREAMS", "AxiAccelerator"]

#: Of a byte address; a register is four bytes, at four times its number.
ADDRESS_BITS = 10
#: Streams of the accelerator -> prefix of their AXI ports.
AXI_STREAMS = {"i_samples": "s_axis_samples", "i_weights": "s_axis_weights",
               "o_results": "m_axis_results", "o_weights": "m_axis_weights"}
_OKAY, _SLVERR = 0, 2


class AxiAccelerator(wiring.Component):
    """The registers of :mod:`taxonn_hw.bus.registers` and the four streams behind AXI ports.

    A write needs all four byte strobes; one without them has no effect and is answered SLVERR.
    Reads of addresses without a register give 0.  Latency 1 cycle from the address (and data) to
    the response; a read or a write every second cycle, writes first.  A beat of ``w`` bits takes
    the lowest bits of ``8 ceil(w / 8)``; the streams have no ``tlast``: the registers say how many
    beats come.

    Parameters
    ----------
    core : Component
        The accelerator.

    Members
    -------
    aclk, aresetn : In(1)
        Clock, and synchronous reset, low when active.
    s_axil_* : AXI4-Lite slave, 32 bits
    s_axis_samples_*, s_axis_weights_*, m_axis_results_*, m_axis_weights_* : AXI4-Stream
    """

    def __init__(self, *, core: wiring.Component) -> None:
        self.core = core
        self.widths = {name: len(Value.cast(getattr(core, name).payload)) for name in AXI_STREAMS}
        ports = {
            "aclk": In(1), "aresetn": In(1, init=1),
            "s_axil_awaddr": In(ADDRESS_BITS), "s_axil_awprot": In(3),
            "s_axil_awvalid": In(1), "s_axil_awready": Out(1),
            "s_axil_wdata": In(32), "s_axil_wstrb": In(4),
            "s_axil_wvalid": In(1), "s_axil_wready": Out(1),
            "s_axil_bresp": Out(2), "s_axil_bvalid": Out(1), "s_axil_bready": In(1),
            "s_axil_araddr": In(ADDRESS_BITS), "s_axil_arprot": In(3),
            "s_axil_arvalid": In(1), "s_axil_arready": Out(1),
            "s_axil_rdata": Out(32), "s_axil_rresp": Out(2),
            "s_axil_rvalid": Out(1), "s_axil_rready": In(1),
        }
        for name, prefix in AXI_STREAMS.items():
            into, out = (In, Out) if name in PUSH_STREAMS else (Out, In)
            size = -(-self.widths[name] // 8) * 8
            ports |= {f"{prefix}_tdata": into(size), f"{prefix}_tvalid": into(1),
                      f"{prefix}_tready": out(1)}
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = domain = ClockDomain()
        m.submodules.core = core = self.core
        m.d.comb += [domain.clk.eq(self.aclk), domain.rst.eq(~self.aresetn)]
        self._registers(m, core.csr)
        for name in PUSH_STREAMS:
            stream, prefix = getattr(core, name), AXI_STREAMS[name]
            m.d.comb += [stream.valid.eq(getattr(self, f"{prefix}_tvalid")),
                         stream.payload.eq(getattr(self, f"{prefix}_tdata")[:self.widths[name]]),
                         getattr(self, f"{prefix}_tready").eq(stream.ready)]
        for name in PULL_STREAMS:
            stream, prefix = getattr(core, name), AXI_STREAMS[name]
            m.d.comb += [getattr(self, f"{prefix}_tvalid").eq(stream.valid),
                         getattr(self, f"{prefix}_tdata").eq(stream.payload),
                         stream.ready.eq(getattr(self, f"{prefix}_tready"))]
        return m

    def _registers(self, m, csr) -> None:
        writes, reads = Signal(), Signal()
        whole = Signal()
        m.d.comb += [
            whole.eq(self.s_axil_wstrb.all()),
            writes.eq(self.s_axil_awvalid & self.s_axil_wvalid & ~self.s_axil_bvalid),
            reads.eq(self.s_axil_arvalid & ~self.s_axil_rvalid & ~writes),
            self.s_axil_awready.eq(writes), self.s_axil_wready.eq(writes),
            self.s_axil_arready.eq(reads),
            csr.addr.eq(self.s_axil_araddr[2:]), csr.r_stb.eq(reads),
            csr.w_data.eq(self.s_axil_wdata), csr.w_stb.eq(writes & whole),
            # The register bus keeps what was read until the next read.
            self.s_axil_rdata.eq(csr.r_data), self.s_axil_rresp.eq(_OKAY),
        ]
        with m.If(writes):
            m.d.comb += csr.addr.eq(self.s_axil_awaddr[2:])
            m.d.sync += [self.s_axil_bvalid.eq(1), self.s_axil_bresp.eq(_SLVERR)]
            with m.If(whole):
                m.d.sync += self.s_axil_bresp.eq(_OKAY)
        with m.Elif(self.s_axil_bready):
            m.d.sync += self.s_axil_bvalid.eq(0)
        with m.If(reads):
            m.d.sync += self.s_axil_rvalid.eq(1)
        with m.Elif(self.s_axil_rready):
            m.d.sync += self.s_axil_rvalid.eq(0)
