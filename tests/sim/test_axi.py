"""The AXI wrapper under cocotbext-axi's masters: registers, and a training run bit for bit."""

import json

import pytest

from taxonn_hw.bench import JOB_VARIABLE, Stress, make_job
from taxonn_hw.config import config_from_dict
from taxonn_hw.engines import engine_of, make_plan
from taxonn_hw.flow.cocotb_runner import BenchError, run_bench
from taxonn_hw.rtl.axi import AXI_STREAMS, AxiAccelerator
from taxonn_hw.verilog import convert

from ..random_configs import random_samples

NETS = {"outputs": {"layers": [6, 5, 3], "lanes": 4},
        "inputs": {"layers": [5, 4, 3], "lanes": 3, "bits": 4, "mapping": "inputs"}}


class Deaf(AxiAccelerator):
    """Takes writes without all strobes."""

    def _registers(self, m, csr):
        super()._registers(m, csr)
        m.d.comb += csr.w_stb.eq(self.s_axil_awvalid & self.s_axil_wvalid & ~self.s_axil_bvalid)


def run(folder, simulator, config, *, stall=0.0, wrapper=AxiAccelerator, n=12):
    plan = make_plan(config_from_dict({"seed": 3, "data": "random", **config}))
    engine = engine_of(plan)
    x, target = random_samples(plan, n, 1)
    start = engine.part("initial")(plan)
    golden = engine.part("golden")(plan, start)
    outputs = golden.train_run(x, target)
    job = make_job(plan, start, x, target, golden.parameters, outputs,
                   stress=Stress(stall_in=stall, seed=1))
    job.save(folder / "job.npz")
    verilog = folder / "axi.v"
    core = engine.part("accelerator")(plan)
    verilog.write_text(convert(wrapper(core=core), top="axi", banner="AXI").text)
    return run_bench(simulator, verilog, top="axi", test_module="sim.tb_axi",
                     build_dir=folder / "sim", timeout_s=300,
                     env={JOB_VARIABLE: json.dumps({"job": str(folder / "job.npz")})})


@pytest.mark.parametrize(("simulator", "name", "stall"), [
    ("icarus", "outputs", 0.0), ("icarus", "inputs", 0.4), ("verilator", "outputs", 0.4)])
def test_training_behind_axi(require_tool, tmp_path, simulator, name, stall):
    require_tool(simulator)
    results = run(tmp_path, simulator, NETS[name], stall=stall)
    assert [result.name for result in results] == ["registers", "trains_like_the_golden_model"]


def test_a_wrapper_that_ignores_strobes_fails(require_tool, tmp_path):
    require_tool("icarus")
    with pytest.raises(BenchError, match="registers"):
        run(tmp_path, "icarus", NETS["outputs"], wrapper=Deaf)


def test_ports_follow_the_streams():
    plan = make_plan(config_from_dict({"layers": [6, 5, 3], "lanes": 4, "bits": 12}))
    dut = AxiAccelerator(core=engine_of(plan).part("accelerator")(plan))
    widths = {prefix: len(getattr(dut, f"{prefix}_tdata")) for prefix in AXI_STREAMS.values()}
    assert all(width % 8 == 0 for width in widths.values())
    assert widths["m_axis_results"] == 16 and widths["s_axis_samples"] == 48
