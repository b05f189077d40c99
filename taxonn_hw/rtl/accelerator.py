"""The accelerator of any plan: that of its engine, and the resident memory before it."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring

from ..bus.registers import FIELDS, REGISTERS
from ..engines import engine_of
from ..errors import UserError
from ..plan.base import Plan
from ..plan.resident import ResidentLayout, resident_layout
from .resident import ResidentMemory
from .spram import SPRAM_CELLS, spram_cells

__all__ = ["ResidentAccelerator", "make_accelerator"]


def make_accelerator(plan: Plan, target: str = "generic"):
    """Return the hardware of ``plan`` for one of :data:`taxonn_hw.export.TARGETS`.

    Raises
    ------
    UserError
        The engine does not build it, or memories of the target run out.
    """
    core = engine_of(plan).part("accelerator")(plan, target=target)
    layout = resident_layout(plan)
    if not layout.words:
        return core
    spram = target == "ice40" and getattr(plan, "single_port", False)
    if spram:
        weights = spram_cells(plan.lanes * plan.word, plan.n_rows)
        cells = spram_cells(layout.word_bits, layout.words)
        if weights + cells > SPRAM_CELLS:
            raise UserError(f"{layout.words} resident words need {cells} SPRAM cells and the "
                            f"weights {weights}, an iCE40 UltraPlus has {SPRAM_CELLS}; make "
                            "resident smaller")
    return ResidentAccelerator(core=core, layout=layout, spram=spram)


class ResidentAccelerator(wiring.Component):
    """An accelerator with resident samples; its ports are those of the one inside.

    Parameters
    ----------
    core : Component
    layout : ResidentLayout
    spram : bool
        See :class:`ResidentMemory`.
    """

    def __init__(self, *, core, layout: ResidentLayout, spram: bool = False) -> None:
        self.core, self.layout, self.spram = core, layout, spram
        self.latencies = getattr(core, "latencies", {})
        super().__init__(core.signature)

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = self.core
        m.submodules.resident = resident = ResidentMemory(layout=self.layout, spram=self.spram)
        for name in ("i_weights", "o_weights", "o_results"):
            port, inner = getattr(self, name), getattr(core, name)
            source, sink = (port, inner) if name.startswith("i_") else (inner, port)
            m.d.comb += [sink.valid.eq(source.valid), sink.payload.eq(source.payload),
                         source.ready.eq(sink.ready)]
        mine, inner = self.i_samples, core.i_samples
        m.d.comb += [
            resident.i.valid.eq(mine.valid), resident.i.payload.eq(Value.cast(mine.payload)),
            mine.ready.eq(resident.i.ready),
            inner.valid.eq(resident.o.valid),
            Value.cast(inner.payload).eq(resident.o.payload),
            resident.o.ready.eq(inner.ready),
        ]
        self._registers(m, core, resident)
        return m

    def _registers(self, m, core, resident) -> None:
        """The two registers of the resident memory; the core shows zero there."""
        bus, words, mode = self.csr, REGISTERS["resident_words"], REGISTERS["resident"]
        shown = Signal(32)
        m.d.comb += [
            core.csr.addr.eq(bus.addr), core.csr.w_data.eq(bus.w_data),
            core.csr.w_stb.eq(bus.w_stb), core.csr.r_stb.eq(bus.r_stb),
            bus.r_data.eq(core.csr.r_data | shown),
        ]
        with m.If(bus.r_stb):
            m.d.sync += shown.eq(0)
            with m.If(bus.addr == words.address):
                m.d.sync += shown.eq(self.layout.words)
            with m.If(bus.addr == mode.address):
                m.d.sync += shown.eq(resident.fill << mode.fields["fill"]
                                     | resident.replay << mode.fields["replay"])
        m.d.sync += resident.begin.eq(0)
        with m.If(bus.w_stb & (bus.addr == mode.address)):
            fill = bus.w_data[mode.fields["fill"]]
            m.d.sync += [resident.fill.eq(fill), resident.begin.eq(1),
                         resident.replay.eq(bus.w_data[mode.fields["replay"]] & ~fill)]
        with m.If(bus.w_stb & (bus.addr == REGISTERS["control"].address)):
            m.d.sync += resident.train.eq(bus.w_data[FIELDS["control.train"]])
