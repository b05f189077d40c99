"""run_bench on both simulators: it passes, fails and gives up for the right reasons."""

import pytest

from taxonn_hw.flow import ToolError
from taxonn_hw.flow.cocotb_runner import BenchError, require, run_bench
from tests.dummy import generate

BENCH = "tests.flow.dummy_bench"


@pytest.fixture(scope="module")
def verilog(tmp_path_factory):
    return generate(tmp_path_factory.mktemp("dummy"))[0]


def run(simulator, verilog, build_dir, **options):
    return run_bench(
        simulator, verilog, top="dummy", test_module=BENCH, build_dir=build_dir, **options)


def test_passes_with_results_and_a_log(simulator, verilog, tmp_path):
    results = run(simulator, verilog, tmp_path, seed=5)
    assert [(result.name, result.passed) for result in results] == [
        ("sums", True), ("weights", True)]
    assert all(result.sim_time_ns > 0 and result.message == "" for result in results)
    assert 'name="random_seed" value="5"' in (tmp_path / "results.xml").read_text()
    assert "weights passed" in (tmp_path / "bench.log").read_text()


def test_prints_nothing(simulator, verilog, tmp_path, capfd):
    run(simulator, verilog, tmp_path)
    assert capfd.readouterr() == ("", "")


def test_a_mutated_design_fails_with_the_reason(simulator, tmp_path):
    verilog, _ = generate(tmp_path, mutate=True)
    with pytest.raises(BenchError, match=r"1 of 2 tests failed\nsums: sum of \d+ is \d+"):
        run(simulator, verilog, tmp_path)


def test_waves_go_where_the_caller_says(simulator, verilog, tmp_path):
    waves = tmp_path / "elsewhere" / "run.vcd"
    waves.parent.mkdir()
    run(simulator, verilog, tmp_path / "build", waves=waves)
    text = waves.read_text()
    assert "$enddefinitions" in text and "i_samples__payload" in text


def test_waves_of_an_unknown_kind(simulator, verilog, tmp_path):
    with pytest.raises(ValueError, match=r"writes waves to \.vcd"):
        run(simulator, verilog, tmp_path, waves=tmp_path / "run.png")


def test_an_endless_bench_is_killed(simulator, verilog, tmp_path):
    with pytest.raises(ToolError, match="still ran after 4 s"):
        run(simulator, verilog, tmp_path, env={"HANG": "1"}, timeout_s=4)


def test_a_missing_bench_is_a_tool_error(simulator, verilog, tmp_path):
    with pytest.raises(ToolError, match=r"No module named 'tests\.flow\.no_bench'"):
        run_bench(simulator, verilog, top="dummy", test_module="tests.flow.no_bench",
                  build_dir=tmp_path)


def test_broken_verilog_is_a_tool_error(simulator, tmp_path):
    broken = tmp_path / "broken.v"
    broken.write_text("module broken(input a; endmodule\n")
    with pytest.raises(ToolError, match="syntax error"):
        run_bench(simulator, broken, top="broken", test_module=BENCH, build_dir=tmp_path)


def test_missing_programs_are_named(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolError, match=r"iverilog is not on the PATH.*apt-get install iverilog"):
        require("icarus")
    with pytest.raises(ValueError, match="simulator must be one of icarus, verilator, not 'vcs'"):
        require("vcs")


def test_a_missing_program_fails(require_tool, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(pytest.fail.Exception, match="required: iverilog is not on the PATH"):
        require_tool("iverilog")
