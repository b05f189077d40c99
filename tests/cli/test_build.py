"""``taxonn build`` and ``taxonn flash``, on a design of a few gates and with stand-ins for loaders.

Place and route is real: both families, in a few seconds.
"""

import json
import os
import stat

import pytest

from taxonn_hw.bitstream import seeds as seeds_module
from taxonn_hw.boards import board_names

from ..bitstream.tiny import use_tiny_design

XOR = "xor-2-4-1"


@pytest.fixture
def run(call, monkeypatch, tmp_path):
    """Return ``call``, from now on in an empty folder with none but ``bin`` and files beside it."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return call


@pytest.fixture
def tiny_design(monkeypatch, tmp_path_factory):
    return use_tiny_design(monkeypatch, tmp_path_factory.getbasetemp() / "cache")


@pytest.fixture
def loaders(monkeypatch, tmp_path):
    """Return ``install(*names, status=0)``: programs that write down what they are called with."""
    folder, log = tmp_path / "bin", tmp_path / "calls"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")

    def install(*names, status=0):
        for name in names:
            program = folder / name
            program.write_text(f'#!/bin/sh\necho "{name} $*" >> {log}\necho output\n'
                               f"exit {status}\n")
            program.chmod(program.stat().st_mode | stat.S_IEXEC)
        return lambda: log.read_text().splitlines() if log.exists() else []

    return install


@pytest.mark.parametrize(("board", "device", "suffix"), [
    ("icebreaker", "iCE40UP5K-SG48", ".bin"), ("ulx3s-12f", "LFE5U-12F-CABGA381-6", ".bit"),
    ("orangecrab-25f", "LFE5U-25F-CSFBGA285-8", ".bit"),
])
def test_build(run, tiny_design, board, device, suffix, tmp_path, monkeypatch):
    status, out, err = run("build", XOR, "--board", board, "--seeds", 3, "--json", "-o", "a/b")
    report = json.loads(out)
    assert status == 0 and report["timing_met"] and report["device"] == device
    assert "seed 2: " in err and "synthesis for" in err
    fmax = report["fmax_mhz"]
    assert report["clock_mhz"] < fmax["min"] <= fmax["median"] <= fmax["max"]
    assert sorted(report["seeds"].values()) == [fmax["min"], fmax["median"], fmax["max"]]
    assert report["seeds"][str(report["seed"])] == fmax["max"]
    for name in ("lut", "ff", "dsp", "ram", "pll"):
        row = report["resources"][name]
        assert 0 <= row["used"] <= row["available"]
    assert report["resources"]["dsp"]["used"] == report["resources"]["pll"]["used"] == 1
    assert report["samples_per_s"] == pytest.approx(
        fmax["median"] * 1e6 / report["clocks_per_sample"])
    assert report["samples_per_s_link"] == pytest.approx(
        report["baud"] / 10 / report["bytes_per_sample"])
    assert " ns from " in report["worst_path"] and set(report["versions"]) == {
        "yosys", "nextpnr", "packer"}
    folder = tmp_path / "here" / "a" / "b"
    assert report["bitstream"] == f"a/b/{XOR}{suffix}"
    bitstream = (folder / f"{XOR}{suffix}").read_bytes()
    assert len(bitstream) == report["bitstream_bytes"] > 20_000
    assert json.loads((folder / "report.json").read_text()) == report
    assert (folder / "placement.png").read_bytes().startswith(b"\x89PNG")
    assert len(list(folder.iterdir())) == 3

    # Again: nothing is placed, the same bytes come out, as a table this time.
    monkeypatch.setattr(seeds_module, "place_and_route", None)
    status, out, _ = run("build", XOR, "--board", board, "--seeds", 3, "-o", "again")
    assert status == 0
    assert (tmp_path / "here" / "again" / f"{XOR}{suffix}").read_bytes() == bitstream
    assert "multipliers" in out and "timing met" in out and "min / median / max of 3 seeds" in out


def test_a_missed_clock_writes_nothing(run, tiny_design, tmp_path):
    options = ("--board", "hx8k-evn", "--freq", 270)
    status, out, _ = run("build", XOR, *options, "--json")
    report = json.loads(out)
    assert status == 1 and not report["timing_met"] and report["bitstream"] is None
    assert not list((tmp_path / "here").iterdir())
    status, out, _ = run("build", XOR, *options)
    assert status == 1 and "NOT MET" in out and "nothing was written: try --freq" in out
    status, out, _ = run("build", XOR, *options, "--allow-timing-failure", "-o", "x")
    assert status == 0 and "the bitstream is written all the same" in out
    assert (tmp_path / "here" / "x" / f"{XOR}.bin").stat().st_size == 135_100


def test_a_design_that_does_not_fit(run, tiny_design, tmp_path):
    tiny_design(1500)
    status, out, err = run("build", XOR, "--board", "icestick")
    assert (status, out) == (2, "")
    last = err.splitlines()[-1]
    assert last.startswith(f"taxonn: error: {XOR} with 4 lanes does not fit icestick (iCE40HX1K): "
                           "it takes 1")
    assert last.endswith("look-up tables of 1280; try fewer lanes, fewer bits, or a larger board")
    assert not list((tmp_path / "here").iterdir())


BROKEN = [
    (["build", XOR], "Missing option '--board'."),
    (["build", XOR, "--board", "arty"],
     "--board: no board is named 'arty'; boards: " + ", ".join(board_names())),
    (["flash", XOR, "--board", "arty"],
     "--board: no board is named 'arty'; boards: " + ", ".join(board_names())),
    (["build", XOR, "--board", "icebreaker", "--freq", "-1"],
     "--freq must be above 0 MHz, not -1"),
    (["build", XOR, "--board", "icebreaker", "--freq", "14"],
     "--freq: the PLL makes 16 to 275 MHz from 12, or 12 as it is, not 14"),
    (["build", XOR, "--board", "icebreaker", "--baud", "12000000"],
     ("--baud: the serial line needs 4 clocks a bit, so at 16.125 MHz at most 4031250 baud, "
      "not 12000000")),
    (["build", XOR, "--board", "icebreaker", "--seeds", "0"],
     "Invalid value for '--seeds': 0 is not in the range 1<=x<=1000."),
    (["build", XOR, "--board", "icebreaker", "-o", "file/x"],
     "cannot make the folder 'file/x': Not a directory"),
    (["flash", XOR, "--board", "icebreaker", "-o", "none"],
     ("no bitstream of this configuration for icebreaker in 'none': run taxonn build with the "
      "same options first")),
]


@pytest.mark.parametrize(("args", "message"), BROKEN, ids=[" ".join(a) for a, _ in BROKEN])
def test_bad_input_is_one_line(run, loaders, tmp_path, args, message):
    loaders("iceprog")
    (tmp_path / "here" / "file").write_text("")
    status, out, err = run(*args)
    assert (status, out, err) == (2, "", f"taxonn: error: {message}\n")
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["file"]


def test_flash(run, tiny_design, loaders):
    calls = loaders("iceprog")
    assert run("build", XOR, "--board", "icebreaker")[0] == 0
    status, out, _ = run("flash", XOR, "--board", "icebreaker")
    assert status == 0 and out.startswith("loaded ")
    assert calls() == [f"iceprog out/{XOR}-icebreaker/{XOR}.bin"]
    loaders("openFPGALoader")  # the first choice, once it is there
    status, out, _ = run("flash", XOR, "--board", "icebreaker", "--json")
    assert status == 0 and json.loads(out)["ran"] and json.loads(out)["status"] == 0
    assert calls()[1:] == [f"openFPGALoader -b ice40_generic -f out/{XOR}-icebreaker/{XOR}.bin"]
    # Another configuration or another board is not in that folder.
    folder = f"out/{XOR}-icebreaker"
    for args in (("--board", "icebreaker", "--seed", 9), ("--board", "hx8k-evn")):
        status, _, err = run("flash", XOR, *args, "-o", folder)
        assert status == 2 and "no bitstream of this configuration" in err


def test_flash_that_fails(run, tiny_design, loaders):
    loaders("iceprog", status=3)
    run("build", XOR, "--board", "icebreaker")
    status, out, _ = run("flash", XOR, "--board", "icebreaker")
    assert status == 1 and out.startswith("iceprog failed with status 3: is the board plugged in")


def test_a_bitstream_that_was_changed_is_not_loaded(run, tiny_design, loaders, tmp_path):
    calls = loaders("iceprog")
    run("build", XOR, "--board", "icebreaker", "-o", "x")
    (tmp_path / "here" / "x" / f"{XOR}.bin").write_bytes(b"something else")
    assert run("flash", XOR, "--board", "icebreaker", "-o", "x")[0] == 2
    assert calls() == []


def test_flash_through_dfu(run, tiny_design, loaders, tmp_path):
    calls = loaders("dfu-util")
    run("build", XOR, "--board", "orangecrab-25f", "-o", "x")
    status, _, err = run("flash", XOR, "--board", "orangecrab-25f", "-o", "x")
    assert status == 0 and "hold the button" in err
    assert calls() == [f"dfu-util -a 0 -D x/{XOR}.dfu"]
    data = (tmp_path / "here" / "x" / f"{XOR}.dfu").read_bytes()
    assert data[:-16] == (tmp_path / "here" / "x" / f"{XOR}.bit").read_bytes()


def test_dry_run(run, loaders):
    status, out, err = run("flash", XOR, "--board", "ulx3s-25f", "--dry-run", "-o", "x")
    assert (status, out) == (0, f"openFPGALoader -b ulx3s x/{XOR}.bit\n")
    assert "install openFPGALoader (apt-get install openfpgaloader" in err and "fujprog" in err
    loaders("fujprog")
    status, out, _ = run("flash", XOR, "--board", "ulx3s-25f", "--dry-run", "--json")
    assert json.loads(out) == {"board": "ulx3s-25f", "ran": False, "status": None, "command": [
        "fujprog", f"out/{XOR}-ulx3s-25f/{XOR}.bit"]}


def test_flash_with_no_program(run, loaders):
    status, out, err = run("flash", XOR, "--board", "upduino-v3")
    assert (status, out) == (2, "") and err == (
        "taxonn: error: no program to load upduino-v3 is installed: install iceprog "
        "(apt-get install fpga-icestorm)\n")
