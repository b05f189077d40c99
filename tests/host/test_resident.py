"""Training on samples that the hardware keeps: the golden order, the golden weights."""

from pathlib import Path

import numpy as np
import pytest

from taxonn_hw.boards import DEVICES
from taxonn_hw.config import config_from_dict
from taxonn_hw.data import load_for, quantize_dataset
from taxonn_hw.engines import engine_of, make_plan
from taxonn_hw.errors import UserError
from taxonn_hw.host.driver import Accelerator, DeviceError
from taxonn_hw.host.simulation import open_simulation
from taxonn_hw.host.training import train_on_device
from taxonn_hw.rtl.accelerator import ResidentAccelerator, make_accelerator

from .linked_board import same

NETS = {
    "one a clock": {"layers": [20, 5, 3], "lanes": 4, "samples_per_clock": 1},
    "four a clock": {"layers": [6, 5, 3], "lanes": 4, "samples_per_clock": 4},
    "edge": {"engine": "edge", "layers": [16, 8, 4], "lanes": 40},
}
N = 20


def make(**keys):
    return make_plan(config_from_dict({"data": "random", "seed": 5, "resident": N} | keys))


@pytest.fixture(scope="module", ids=str, params=[
    "one a clock", *(pytest.param(net, marks=pytest.mark.slow) for net in list(NETS)[1:])])
def opened(request, require_tool):
    require_tool("verilator")
    plan = make(**NETS[request.param])
    with open_simulation(plan, stall_in=0.2, stall_out=0.3) as accelerator:
        yield plan, accelerator


def test_epochs(opened):
    """Every epoch in an order of its own; afterwards samples come through as before."""
    plan, accelerator = opened
    dataset = load_for(plan, samples=N)
    run = train_on_device(plan, dataset, accelerator, epochs=3, resident=True)
    assert run.weights_match and run.samples == 3 * N
    run = train_on_device(plan, dataset, accelerator, epochs=1)
    assert run.weights_match and run.outputs_match and run.samples == N


def test_outputs_and_order(opened):
    plan, accelerator = opened
    codes = quantize_dataset(plan, load_for(plan, samples=N))
    order = np.array([3, 3, 19, 0, 7])
    golden = engine_of(plan).part("golden")(plan)
    accelerator.begin(engine_of(plan).part("initial")(plan))
    accelerator.keep(codes.x_train, codes.target_train)
    outputs = accelerator.train_kept(order, results=True)
    np.testing.assert_array_equal(
        outputs, golden.train_run(codes.x_train[order], codes.target_train[order]))
    assert same(accelerator.dump(), golden.parameters)


def test_too_many(opened):
    plan, accelerator = opened
    full = plan.output.formats.a.one
    x = np.full((N + 1, plan.n_inputs), 1 << plan.input.frac - 1)
    with pytest.raises(DeviceError, match=rf"{N + 1} samples take \d+ words of the resident mem"):
        accelerator.keep(x, np.full((N + 1, plan.output.n_out), full))


def test_a_build_without():
    """Nothing is before the engine's own accelerator."""
    assert not isinstance(make_accelerator(make(**NETS["edge"], resident=0)), ResidentAccelerator)
    assert isinstance(make_accelerator(make(**NETS["edge"])), ResidentAccelerator)


def test_too_much_for_the_cells():
    plan = make(layers=[9, 7, 4], weight_memory="single_port", samples_per_clock=1, resident=4000)
    with pytest.raises(UserError, match=r"52000 resident words need 4 SPRAM cells and the weights "
                                        r"\d+, an iCE40 UltraPlus has 4; make resident smaller"):
        make_accelerator(plan, "ice40")
    make_accelerator(plan)


@pytest.mark.slow
@pytest.mark.parametrize("device", ["iCE40UP5K", "LFE5U-25F"])
def test_on_the_netlist(device, tmp_path, require_tool):
    """SPRAM, and block RAM of an ECP5, as synthesis made them."""
    require_tool("verilator")
    from amaranth.back import rtlil

    from taxonn_hw.bitstream.synthesis import synthesise
    from taxonn_hw.export import build
    from taxonn_hw.flow.gate_level import gate_level
    from taxonn_hw.host.compiled import CompiledModel
    from taxonn_hw.host.transport import SimTransport
    from taxonn_hw.rtlil import merge_modules
    from taxonn_hw.sidecar import TOP

    family = DEVICES[device].family
    plan = make(layers=[9, 4, 3], lanes=2, samples_per_clock=1, weight_memory="single_port")
    text = merge_modules(rtlil.convert(make_accelerator(plan, family), name=TOP, emit_src=False),
                         top=TOP)
    netlist = synthesise(text, top=TOP, device=DEVICES[device])
    cells = {"ice40": "SB_SPRAM256KA", "ecp5": "DP16KD"}[family]
    assert cells in netlist.cells
    verilog = gate_level(netlist.path, family=family, top=TOP, out=Path(tmp_path))
    with CompiledModel(verilog, build(plan).sidecar, opt="-O0") as model:
        run = train_on_device(plan, load_for(plan, samples=N),
                              Accelerator(SimTransport(model), plan), epochs=2, resident=True)
    assert run.weights_match and run.samples == 2 * N
