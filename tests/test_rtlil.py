"""Merging of equal modules: on text by hand, and on what Amaranth writes."""

import re

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from taxonn_hw.flow.yosys import run_yosys
from taxonn_hw.rtlil import Port, memories, merge_modules, ports


def modules(text):
    return [line.split("\\")[1] for line in text.splitlines() if line.startswith("module ")]


class Unit(wiring.Component):
    a: In(signed(8))
    o: Out(signed(8))

    def __init__(self, step):
        self.step = step
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.o.eq(self.o + self.a + self.step)
        return m


class Lane(Unit):
    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = Unit(self.step)
        m.submodules.mem = mem = Memory(shape=8, depth=16, init=[])
        write, read = mem.write_port(), mem.read_port()
        m.d.comb += [write.data.eq(self.a), write.en.eq(1), unit.a.eq(read.data),
                     self.o.eq(unit.o)]
        return m


class Array(wiring.Component):
    """Lanes with the given steps; equal steps make equal lanes."""

    def __init__(self, steps):
        self.steps = steps
        super().__init__({"a": In(signed(8)), "o": Out(signed(16))})

    def elaborate(self, platform):
        m = Module()
        total = Signal(signed(16))
        for k, step in enumerate(self.steps):
            m.submodules[f"lane_{k}"] = lane = Lane(step)
            m.d.comb += lane.a.eq(self.a)
            following = Signal(signed(16), name=f"sum_{k}")
            m.d.comb += following.eq(total + lane.o)
            total = following
        m.d.comb += self.o.eq(total)
        return m


@pytest.mark.parametrize(("steps", "names"), [
    ([1] * 6, ["top", "top_lane", "top_lane_unit"]),
    ([1, 2, 1, 2], ["top", "top_lane", "top_lane_unit", "top_lane_unit_v2", "top_lane_v2"]),
    ([5], ["top", "top_lane", "top_lane_unit"]),
])
def test_equal_lanes_become_one_module(steps, names):
    merged = merge_modules(rtlil.convert(Array(steps), name="top", emit_src=False), top="top")
    assert sorted(modules(merged)) == names
    instances = re.findall(r"  cell \\(top_lane\S*) \\(lane_\d+)", merged)
    assert [name for _, name in instances] == [f"lane_{k}" for k in range(len(steps))]
    for (module, _), step in zip(instances, steps, strict=True):
        assert module == ("top_lane" if step == steps[0] else "top_lane_v2")


def test_merged_design_is_equivalent(tmp_path):
    text = rtlil.convert(Array([1, 2, 1]), name="top", emit_src=False)
    (tmp_path / "a.il").write_text(text)
    (tmp_path / "b.il").write_text(merge_modules(text, top="top"))
    run_yosys("""
        read_rtlil a.il; hierarchy -top top; flatten; proc; memory_map; opt_clean; rename top gold
        design -stash a
        read_rtlil b.il; hierarchy -top top; flatten; proc; memory_map; opt_clean; rename top gate
        design -stash b
        design -copy-from a gold; design -copy-from b gate
        equiv_make gold gate both; hierarchy -top both; equiv_simple -undef; equiv_induct
        equiv_status -assert
    """, cwd=tmp_path)


def test_ports_and_memories():
    text = rtlil.convert(Array([1, 2, 1]), name="top", emit_src=False)
    merged = merge_modules(text, top="top")
    assert {(p.name, p.direction, p.width) for p in ports(merged, top="top")} == {
        ("a", "input", 8), ("clk", "input", 1), ("rst", "input", 1), ("o", "output", 16)}
    assert all(isinstance(port, Port) for port in ports(merged, top="top"))
    for design in (text, merged):
        assert memories(design, top="top") == [
            {"name": "lane.mem", "width": 8, "depth": 16, "copies": 3}]


def test_attributes_count_but_places_do_not():
    text = "\n".join([
        *("attribute \\src \"x.py:1\"", "module \\top", "  cell \\top.a_0 \\a_0", "  end",
          "  attribute \\src \"x.py:9\"", "  cell \\top.a_1 \\a_1", "  end",
          "  cell \\top.a_2 \\a_2", "  end", "end"),
        *("module \\top.a_0", "  attribute \\src \"x.py:2\"", "  wire width 1 \\w", "end"),
        *("module \\top.a_1", "  attribute \\src \"x.py:3\"", "  wire width 1 \\w", "end"),
        *("module \\top.a_2", "  attribute \\keep 1", "  wire width 1 \\w", "end"),
        *("module \\unused", "end")])
    merged = merge_modules(text, top="top")
    assert modules(merged) == ["top", "top_a_v2", "top_a"]
    assert "src" not in merged and "keep" in merged


@pytest.mark.parametrize(("text", "message"), [
    ("module \\a\nend\n", "no module 'top' in the RTLIL"),
    ("module \\top\n  wire width 1 \\w\n", "module top does not end"),
    ("endmodule\n", "unexpected RTLIL outside a module: 'endmodule'"),
])
def test_text_that_is_not_rtlil(text, message):
    with pytest.raises(ValueError) as error:
        merge_modules(text, top="top")
    assert str(error.value) == message
