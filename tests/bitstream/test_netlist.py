"""The synthesised netlist trains like the golden model: Yosys has lost nothing on the way."""

import numpy as np
import pytest
from amaranth.back import rtlil

from taxonn_hw.bench import make_job, run_job
from taxonn_hw.bitstream.synthesis import synthesise
from taxonn_hw.boards import DEVICES
from taxonn_hw.compare import count_differences
from taxonn_hw.config import config_from_dict, load_config
from taxonn_hw.data import load_for
from taxonn_hw.engines import make_plan
from taxonn_hw.flow.gate_level import gate_level
from taxonn_hw.golden.first_samples import run_first_samples
from taxonn_hw.rtl.accelerator import make_accelerator
from taxonn_hw.rtlil import merge_modules
from taxonn_hw.sidecar import TOP

SMALL = {"layers": [9, 7, 4], "lanes": 4, "name": "small"}
#: Formats with which factors, product, addend and sum of a lane are registers of its SB_MAC16.
NARROW = {"layers": [9, 9, 2], "lanes": 4, "learning_rate_range": [5, 7],
          "formats": {"weight": "s8.7", "input": "u4.4"}}
#: Weights and tables in block RAM.
TABLES = {"layers": [60, 12, 4], "lanes": 4, "activation": "tanh", "output": "sigmoid",
          "name": "tables"}
#: Tables of the pass program in distributed RAM, numbers of the layers in registers.
LOADABLE = {"input_shape": [1, 4, 3], "lanes": 2, "name": "loadable", "layers": [
    {"kind": "conv", "channels": 2, "kernel": 2, "pool": "max"}, {"size": 2}],
    "loadable": {"networks": [{"layers": [5, 3, 2]}]}}
#: Weights in block RAM of 36 bits, whose words come from the pins of both ports.
EDGE = {"engine": "edge", "layers": [64, 32, 8], "lanes": 64, "name": "edge"}
CASES = {
    "ice40-dsp": ("iCE40UP5K", SMALL, {"SB_MAC16", "SB_RAM40_4K"}),
    "ice40-spram": ("iCE40UP5K", {**NARROW, "weight_memory": "single_port", "name": "spram"},
                    {"SB_MAC16", "SB_SPRAM256KA"}),
    "ice40": ("iCE40HX8K", {**SMALL, "bits": 4, "name": "pow2"}, {"SB_CARRY"}),
    "ice40-batches": ("iCE40HX8K", {"layers": [5, 3, 2], "lanes": 2, "bits": 4, "batch": 2,
                                    "weight_decay": 2, "name": "batches"}, {"SB_RAM40_4K"}),
    "ecp5-loadable": ("LFE5U-25F", LOADABLE, {"TRELLIS_DPR16X4", "MULT18X18D"}),
    "ecp5": ("LFE5U-25F", TABLES, {"MULT18X18D", "DP16KD", "CCU2C", "PFUMX"}),
    "ecp5-edge": ("LFE5U-25F", EDGE, {"MULT18X18D", "DP16KD"}),
}


def train_netlist(device, config, samples, simulator, folder, **saved):
    """Train ``samples`` on the netlist of ``config`` and return it; assert all weights."""
    plan = make_plan(config)
    core = make_accelerator(plan, DEVICES[device].family)
    text = merge_modules(rtlil.convert(core, name=TOP, emit_src=False), top=TOP)
    netlist = synthesise(text, top=TOP, device=DEVICES[device], **saved)
    verilog = gate_level(netlist.path, family=DEVICES[device].family, top=TOP, out=folder)
    first = run_first_samples(plan, load_for(plan, samples=samples), samples)
    job = make_job(plan, first.start, first.x, first.target, first.end, first.outputs)
    outcome = run_job(plan, verilog, job, simulator=simulator, build_dir=folder / "sim",
                      timeout_s=3000)
    assert not outcome.error
    assert outcome.cycles == first.prediction.cycles
    assert count_differences(first.end, outcome.parameters) == 0
    np.testing.assert_array_equal(outcome.results, first.outputs)
    return netlist


@pytest.mark.parametrize("case", CASES)
def test_a_netlist_trains_like_the_golden_model(case, tmp_path, require_tool):
    require_tool("iverilog")
    device, config, cells = CASES[case]
    config = config_from_dict({**config, "data": "random"})
    netlist = train_netlist(device, config, 5, "icarus", tmp_path)
    assert cells <= netlist.cells.keys()
    if "DP16KD" in cells:  # weights and products come from registers of the blocks
        text = netlist.path.read_text()
        assert '"OUTREG"' in text and '"REG_OUTPUT_CLK"' in text
        assert netlist.cells["TRELLIS_FF"] == text.count('"type": "TRELLIS_FF"')


@pytest.mark.parametrize(("device", "block"), [("iCE40UP5K", "SB_MAC16"),
                                               ("LFE5U-25F", "MULT18X18D")])
def test_some_products_in_blocks_and_some_in_look_up_tables(device, block, tmp_path, require_tool):
    require_tool("iverilog")
    config = config_from_dict({**SMALL, "data": "random"})
    netlist = train_netlist(device, config, 3, "icarus", tmp_path, save_dsp=3)
    assert netlist.cells[block] == 3  # of six


def test_small_memories_in_registers(tmp_path, require_tool):
    require_tool("iverilog")
    config = config_from_dict({**SMALL, "data": "random"})
    netlist = train_netlist("iCE40HX8K", config, 3, "icarus", tmp_path, save_ram=2)
    assert netlist.cells["SB_RAM40_4K"] == 3  # of five


def test_large_memories_stay_in_blocks():
    plan = make_plan(config_from_dict({**SMALL, "data": "random"}))
    text = merge_modules(rtlil.convert(make_accelerator(plan, "ice40"), name=TOP, emit_src=False),
                         top=TOP)
    options = {"top": TOP, "device": DEVICES["iCE40HX8K"]}
    assert synthesise(text, **options, save_ram=6).key == synthesise(text, **options).key


@pytest.mark.slow
@pytest.mark.parametrize("device", ["iCE40UP5K", "LFE5U-25F"])
def test_digits_on_the_netlist(device, tmp_path):
    train_netlist(device, load_config("digits-64-32-10"), 300, "verilator", tmp_path)


@pytest.mark.slow
def test_mnist_on_the_netlist_of_a_up5k(tmp_path):
    cells = train_netlist("iCE40UP5K", load_config(
        "mnist-784-128-10-up5k", settings=("data=random",)), 3, "verilator", tmp_path).cells
    assert cells["SB_MAC16"] == 8 and cells["SB_SPRAM256KA"] == 4
