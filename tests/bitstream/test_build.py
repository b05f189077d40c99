"""What a build does when something runs out: multipliers, memories; an interrupt; a conflict."""

import threading
import time

import pytest

from taxonn_hw.bitstream import build as build_module
from taxonn_hw.bitstream import seeds as seeds_module
from taxonn_hw.bitstream import synthesis as synthesis_module
from taxonn_hw.bitstream.build import build_bitstream
from taxonn_hw.bitstream.constraints import constraints
from taxonn_hw.bitstream.rates import line_bytes, line_rate
from taxonn_hw.bitstream.synthesis import Netlist, synthesise
from taxonn_hw.boards import DEVICES, board_pins, load_board
from taxonn_hw.config import config_from_dict, load_config
from taxonn_hw.data import load_for, quantize_dataset
from taxonn_hw.engines import make_plan
from taxonn_hw.errors import UserError
from taxonn_hw.flow import ToolError
from taxonn_hw.flow.process import run_tool

from .tiny import use_tiny_design


@pytest.fixture
def plan(monkeypatch, tmp_path_factory):
    use_tiny_design(monkeypatch, tmp_path_factory.getbasetemp() / "cache")
    return make_plan(load_config("xor-2-4-1"))


def fake_synthesis(monkeypatch, cells, saves=()):
    """Let synthesis find ``cells`` too, but for those in ``saves`` once it must do without some."""
    true, saved = build_module.synthesise, []

    def synthesise(*args, save_dsp=0, save_ram=0, **options):
        saved.append((save_dsp, save_ram))
        netlist = true(*args, save_dsp=save_dsp, save_ram=save_ram, **options)
        asked = {"SB_MAC16": save_dsp, "SB_RAM40_4K": save_ram}
        found = {name: number for name, number in cells.items()
                 if not (name in saves and asked[name])}
        return Netlist(path=netlist.path, cells=netlist.cells | found)

    monkeypatch.setattr(build_module, "synthesise", synthesise)
    return saved


def test_too_many_multipliers_become_look_up_tables(plan, monkeypatch):
    saved, steps = fake_synthesis(monkeypatch, {"SB_MAC16": 9}, ["SB_MAC16"]), []
    result = build_bitstream(plan, load_board("icebreaker"), on_step=steps.append)
    assert saved == [(0, 0), (1, 0)] and any("9 multipliers of 8" in step for step in steps)
    assert result.usage["dsp"].used == 0 and result.timing_met


def test_too_many_block_rams_become_registers(plan, monkeypatch):
    cells, steps = {"SB_MAC16": 10, "SB_RAM40_4K": 31}, []
    saved = fake_synthesis(monkeypatch, cells, list(cells))
    build_bitstream(plan, load_board("icebreaker"), on_step=steps.append)
    assert saved == [(0, 0), (2, 0), (2, 1)]
    assert "31 block RAMs of 30: synthesis again, the smallest memories from registers" in steps


@pytest.mark.parametrize(("cells", "words"), [
    ({"SB_RAM40_4K": 20, "SB_RAM40_4KNR": 11}, "it takes 31 block RAMs of 30; try a smaller"),
    ({"SB_SPRAM256KA": 5}, "it takes 5 large single-port RAMs of 4; try a smaller network"),
])
def test_memories_run_out(plan, monkeypatch, cells, words):
    fake_synthesis(monkeypatch, cells)
    with pytest.raises(UserError) as error:
        build_bitstream(plan, load_board("icebreaker"))
    assert words in str(error.value)


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupt_ends_all_placements(plan, monkeypatch, jobs):
    """Stands for Ctrl-C while the first of three seeds has just ended."""
    begun, ended = [], []

    def place(*args, seed, stop, out, **options):
        begun.append(seed)
        try:
            run_tool(["sleep", "60"], timeout_s=60, stop=stop)
        finally:
            ended.append(seed)

    monkeypatch.setattr(seeds_module, "place_and_route", place)
    monkeypatch.setattr(seeds_module, "as_completed", interrupted)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        build_bitstream(plan, load_board("hx8k-evn"), seeds=(1, 2, 3), jobs=jobs)
    assert time.monotonic() - start < 30
    assert sorted(begun) == sorted(ended) and len(begun) <= jobs + 1
    assert threading.active_count() < 10


@pytest.mark.parametrize(("preset", "board", "weight"), [
    ("xor-2-4-1", "ulx3s-25f", 300), ("xor-2-4-1", "hx8k-evn", None),
    ("edge-64-16-4", "ulx3s-25f", None)])
def test_the_placer_weighs_time_as_is_best_for_the_engine(preset, board, weight, plan, monkeypatch):
    weights = []

    def place(*args, timing_weight, **options):
        weights.append(timing_weight)
        raise ToolError("that was all")

    monkeypatch.setattr(seeds_module, "place_and_route", place)
    with pytest.raises(ToolError, match="that was all"):
        build_bitstream(make_plan(load_config(preset)), load_board(board))
    assert weights == [weight]


def interrupted(futures):
    time.sleep(1)
    raise KeyboardInterrupt


def test_a_driver_conflict_is_fatal(monkeypatch, tmp_path):
    monkeypatch.setenv("TAXONN_CACHE", str(tmp_path))
    true = synthesis_module.run_yosys
    monkeypatch.setattr(synthesis_module, "run_yosys", lambda *a, **k: true(*a, **k) + (
        "\nWarning: Driver-driver conflict for \\p [0] between cell a and constant 0. "
        "Resolved using constant.\n"))
    text = "module \\top\n  wire input 1 \\a\n  wire output 2 \\b\n  connect \\b \\a\nend\n"
    with pytest.raises(ToolError, match=r"1 driver conflicts, such as Warning: Driver-driver"):
        synthesise(text, top="top", device=DEVICES["LFE5U-25F"])
    assert not list((tmp_path / "synthesis").glob("[0-9a-f]*/"))


def test_constraints():
    pcf = constraints("ice40", board_pins(load_board("icebreaker")), 12)
    assert pcf.splitlines() == [
        "set_io clock 35", "set_io -pullup yes rx 6", "set_io -pullup yes tx 9",
        "set_io led_0 37", "set_io led_1 11", "set_frequency clock 12"]
    lpf = constraints("ecp5", board_pins(load_board("ulx3s-25f")), 25)
    assert 'LOCATE COMP "rx" SITE "M1";\nIOBUF PORT "rx" IO_TYPE=LVCMOS33;\n' in lpf
    assert 'IOBUF PORT "led_0" IO_TYPE=LVCMOS33 DRIVE=4;' in lpf
    assert lpf.endswith('FREQUENCY PORT "clock" 25 MHZ;\n')


def test_bytes_on_the_line():
    """64 pixels that are zero: two tokens; the targets are seldom; frames are shared by many."""
    plan = make_plan(config_from_dict({"layers": [64, 4, 2], "lanes": 4, "data": "random"}))
    codes = quantize_dataset(plan, load_for(plan, samples=200))
    dense = line_bytes(plan, codes.x_train, codes.target_train)
    none = line_bytes(plan, 0 * codes.x_train, None)
    assert none < 4 < 40 < dense < 1.2 * (64 + 4)
    assert line_rate(dense, 1_000_000) == 100_000 / dense
