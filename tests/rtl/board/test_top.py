"""The top level of a board, with the PLL as a wire: polarity, levels, resets; and its Verilog."""

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from taxonn_hw.bitstream.design import board_design, board_verilog
from taxonn_hw.boards import load_board, plan_clock
from taxonn_hw.bus.registers import FIELDS, REGISTERS
from taxonn_hw.config import load_config
from taxonn_hw.engines import make_plan
from taxonn_hw.flow.verilator import lint
from taxonn_hw.rtl.board import BoardTop
from taxonn_hw.rtl.control import csr_signature

from ...bitstream.tiny import use_tiny_design

STREAMS = {"i_samples": In, "i_weights": In, "o_results": Out, "o_weights": Out}


class Core(wiring.Component):
    """Counts since its reset; takes every sample."""

    def __init__(self):
        super().__init__({"csr": In(csr_signature()),
                          **{name: way(stream.Signature(8)) for name, way in STREAMS.items()}})
        self.count = Signal(16)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.count.eq(self.count + 1)
        m.d.comb += [self.i_samples.ready.eq(1), self.csr.r_data.eq(self.count)]
        return m


class Link(wiring.Component):
    """A link that does what a test wants."""

    def __init__(self):
        super().__init__({
            "rx": In(1), "tx": Out(1), "reset": Out(1), "error": Out(1),
            "csr": Out(csr_signature()),
            **{name: way(stream.Signature(8)).flip() for name, way in STREAMS.items()}})
        self.wants_reset, self.wants_error, self.writes_train = Signal(), Signal(), Signal()
        self.sends = Signal()

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.tx.eq(~self.rx), self.reset.eq(self.wants_reset), self.error.eq(self.wants_error),
            self.csr.addr.eq(REGISTERS["control"].address), self.csr.w_stb.eq(self.writes_train),
            self.csr.w_data.eq(1 << FIELDS["control.train"]), self.i_samples.valid.eq(self.sends)]
        return m


def bench_of(check, **options):
    """Run ``check(ctx, top, clocks)`` with a hand-made clock; ``clocks(n)`` lets n of them pass."""
    clock = plan_clock("ice40", 12, 12)
    top = BoardTop(core=Core(), link=Link(), clock=clock, simulate=True, **options)

    async def bench(ctx):
        async def clocks(n):
            for _ in range(n):
                ctx.set(top.clock, 1)
                await ctx.delay(4e-8)
                ctx.set(top.clock, 0)
                await ctx.delay(4e-8)
        await check(ctx, top, clocks)

    simulator = Simulator(top)
    simulator.add_testbench(bench)
    simulator.run()


def test_reset_then_run():
    async def check(ctx, top, clocks):
        await clocks(200)
        assert ctx.get(top.core.count) == 0  # 16 us are 192 clocks, and the PLL takes some
        await clocks(120)
        assert 1 <= ctx.get(top.core.count) <= 120
        ctx.set(top.link.wants_reset, 1)
        await clocks(2)
        assert ctx.get(top.core.count) == 0
        ctx.set(top.link.wants_reset, 0)
        await clocks(5)
        assert ctx.get(top.core.count) == 5
        for level in (0, 1):
            ctx.set(top.rx, level)
            assert ctx.get(top.tx) == 1 - level

    bench_of(check)


def test_leds_and_levels():
    async def check(ctx, top, clocks):
        await clocks(400)
        assert [ctx.get(getattr(top, f"led_{k}")) for k in range(4)] == [1, 0, 1, 0]
        assert [ctx.get(top.level_0), ctx.get(top.level_1)] == [1, 0]
        ctx.set(top.link.wants_error, 1)
        await clocks(2)
        assert [ctx.get(getattr(top, f"led_{k}")) for k in range(4)] == [1, 0, 0, 1]

    bench_of(check, levels=(1, 0), leds=[("idle", False), ("idle", True), ("error", True),
                                         ("error", False)])


def test_verilog_for_simulation(tmp_path):
    plan = make_plan(load_config("xor-2-4-1"))
    made = board_verilog(plan, load_board("icebreaker"))
    (tmp_path / "top.v").write_text(made.text)
    assert lint(tmp_path / "top.v") == []
    assert {port.name for port in made.ports} >= {"clock", "rx", "tx", "led_0"}
    assert "SB_PLL40" not in made.text and "EHXPLLL" not in made.text


@pytest.mark.parametrize(("name", "cell"), [
    ("icebreaker", "SB_PLL40_PAD"), ("hx8k-evn", "SB_PLL40_CORE"), ("ulx3s-25f", "EHXPLLL")])
def test_the_pll_is_there_for_synthesis(name, cell, monkeypatch, tmp_path):
    use_tiny_design(monkeypatch, tmp_path)
    plan = make_plan(load_config("xor-2-4-1"))
    design = board_design(plan, load_board(name))
    assert board_design(plan, load_board(name)).rtlil == design.rtlil
    assert design.rtlil.count(f"cell \\{cell} ") == 1
    plain = board_design(plan, load_board(name), mhz=float(design.clock.input_mhz), baud=115_200)
    assert f"cell \\{cell} " not in plain.rtlil and plain.mhz == design.clock.input_mhz
