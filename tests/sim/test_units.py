"""Single units as exported Verilog under cocotb, on both simulators."""

import json

import pytest
from amaranth.hdl import unsigned
from amaranth.lib import data

from taxonn_hw.flow.cocotb_runner import BenchError, run_bench
from taxonn_hw.rtl.scalar_list import ScalarList
from taxonn_hw.rtl.taxonn.hazard import HazardStage
from taxonn_hw.verilog import convert

SLOT = {"row": 3, "read": 1, "update": 1, "id": 8}


class Forgetful(HazardStage):
    """Looks one cycle less far back than it must."""

    def _hits(self, flight, row):
        return super()._hits(flight[:-1], row)


def bench(simulator, folder, component, name, env):
    verilog = folder / "unit.v"
    verilog.write_text(convert(component, top="unit", banner=name).text)
    return run_bench(simulator, verilog, top="unit", test_module=f"sim.tb_{name}",
                     build_dir=folder / "sim", env=env, timeout_s=120)


@pytest.mark.parametrize("banks", [1, 3])
def test_scalar_list(simulator, banks, tmp_path):
    env = {"LIST_BANKS": str(banks), "LIST_DEPTH": "9", "LIST_ENTRY": "7"}
    dut = ScalarList(shape=unsigned(7), depth=9, banks=banks)
    results = bench(simulator, tmp_path, dut, "scalar_list", env)
    assert [result.name for result in results] == ["without_stalls", "with_stalls"]


def hazard(simulator, folder, stage, ahead):
    dut = stage(slot=data.StructLayout(SLOT), looks_ahead=ahead)
    return bench(simulator, folder, dut, "hazard",
                 {"HAZARD_SLOT": json.dumps(SLOT), "HAZARD_AHEAD": str(int(ahead))})


@pytest.mark.parametrize("ahead", [False, True])
def test_hazard(simulator, ahead, tmp_path):
    assert len(hazard(simulator, tmp_path, HazardStage, ahead)) == 2


@pytest.mark.parametrize("ahead", [False, True])
def test_a_broken_hazard_stage_fails(require_tool, ahead, tmp_path):
    require_tool("icarus")
    with pytest.raises(BenchError, match="clock"):
        hazard("icarus", tmp_path, Forgetful, ahead)
