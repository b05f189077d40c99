"""``taxonn bench``: what is refused, and a part of it for true."""

import json

import pytest

from taxonn_hw.cli import main


@pytest.mark.parametrize(("arguments", "message"), [
    (["--part", "speed"], "--part must be hardware, software, simulation, not 'speed'"),
    (["--torch", "tpu"], "--torch must be cpu, cuda or none, not 'tpu'"),
    (["--design", "none"], "--design: no design is named 'none'; there are dense-85f-4bit"),
    (["--data", "/nowhere", "--part", "software"], "there is no folder '/nowhere'"),
])
def test_bad_input(arguments, message, capsys):
    assert main(["bench", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_software_quick(tmp_path, capsys):
    folder = tmp_path / "out"
    assert main(["bench", "--quick", "--part", "software", "--torch", "none", "-o", str(folder),
                 "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["way"] for row in result["software"]] == [
        "numpy", "BLAS rank-one updates", "golden model, bit-exact"]
    assert json.loads((folder / "performance.json").read_text()) == result
    assert (folder / "performance.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_everything_quick(capsys, require_tool):
    """Synthesis, place and route, and all simulators."""
    require_tool("verilator")
    require_tool("iverilog")
    assert main(["bench", "--quick", "--torch", "none", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    row, = result["hardware"]
    assert row["timing_met"] and row["samples_per_s"] == pytest.approx(
        1e6 * row["fmax_mhz"]["median"] / row["clocks_per_sample"])
    assert [row["simulator"] for row in result["simulation"]] == [
        "verilator", "cxxrtl", "icarus, cocotb"]
    assert all(row["mismatches"] == 0 for row in result["simulation"])
