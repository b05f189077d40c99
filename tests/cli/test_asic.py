"""``taxonn asic`` on a library of six cells, with OpenSTA missing, played, and real."""

import json
import os
import shutil
import stat
from functools import partial
from pathlib import Path

import pytest

from ..asic.tiny import liberty_text

SMALL = ("xor-2-4-1", "--set", "layers=[3,2,2]", "--set", "lanes=2", "--bits", "4",
         "--data", "random")
NAMES = ["inference", "training", "separate", "separate_same_width"]
SKY130 = Path(__file__).parents[3] / "shared" / "pdk" / "sky130hd_tt.lib.gz"


@pytest.fixture
def run(call, monkeypatch, tmp_path):
    """Return ``run(*args)`` -> (exit status, stdout, stderr), in a folder with a library."""
    (tmp_path / "tiny.lib").write_text(liberty_text())
    monkeypatch.chdir(tmp_path)
    return partial(call, "asic")


@pytest.fixture
def programs(monkeypatch, tmp_path):
    """Return the folder of the PATH, with what compiling needs and without OpenSTA."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("g++", "as", "ld", "sh"):
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_areas_without_opensta(run, programs, tmp_path):
    status, out, err = run(*SMALL, "--liberty", "tiny.lib", "--json")
    report = json.loads(out)
    assert status == 0 and list(report["variants"]) == NAMES
    assert err.splitlines() == [
        f"mapping {name} on tiny" for name in (*NAMES, "inference_narrow")]
    areas = {name: v["area_um2"] for name, v in report["variants"].items()}
    assert 0 < areas["inference"] < areas["training"] < areas["separate_same_width"]
    assert areas["separate_same_width"] < areas["separate"]
    for v in report["variants"].values():
        assert sum(v["units"].values()) == pytest.approx(v["area_um2"])
        assert v["power_mw"] is None and v["cells"] > 100
        assert v["mapping"] == report["variants"]["training"]["mapping"]
    assert report["power_note"] == (
        "OpenSTA is not installed, so there are no figures of power: install the program sta "
        "(Debian: apt-get install opensta)")
    assert report["ratios"]["training/inference"] == pytest.approx(
        areas["training"] / areas["inference"])
    assert report["ratios"]["separate/training"] == pytest.approx(
        areas["separate"] / areas["training"])
    assert 0 < report["inference_narrow"]["area_um2"] < areas["inference"]
    assert report["ratios"]["training/inference_narrow"] == pytest.approx(
        areas["training"] / report["inference_narrow"]["area_um2"])
    assert set(report["power_ratios"].values()) == {None}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bin", "tiny.lib"]
    status, out, _ = run(*SMALL, "--liberty", tmp_path / "tiny.lib")
    assert status == 0 and "array, lanes" in out and "apt-get install opensta" in out
    assert f"area of training / inference: {report['ratios']['training/inference']:.2f}" in out
    assert "not counted: the words of every memory" in out


def test_power_with_a_stand_in(run, programs):
    """The stand-in reports a watt for every million commands of activity, and all as leakage."""
    sta = programs / "sta"
    sta.write_text("#!/bin/sh\nset -- $(/usr/bin/wc -l activity.tcl)\n"
                   'case "$*" in "") echo 2.0.17; exit;; esac\n'
                   'echo "Total 0.0 0.0 $1e-6 $1e-6 100.0%"\n')
    sta.chmod(sta.stat().st_mode | stat.S_IEXEC)
    status, out, err = run(*SMALL, "--liberty", "tiny.lib", "--samples", 4, "--json")
    report = json.loads(out)
    assert status == 0 and report["power_note"] is None and "power of separate" in err
    for name, v in report["variants"].items():
        assert v["matches_golden"]
        assert v["power_mw"] == pytest.approx(v["power_parts_mw"]["leakage"])
        assert v["power_mw"] > v["cells"] * 1e-3 * 0.9
        assert v["energy_per_sample_nj"] == pytest.approx(
            v["power_mw"] * v["clocks_per_sample"] / 100)
        assert ("inferring 4 samples" if name == "inference" else "training 4 samples") in err
    assert report["power_ratios"]["separate/training"] > 1
    status, out, _ = run(*SMALL, "--liberty", "tiny.lib", "--no-power", "--json")
    assert json.loads(out)["variants"]["training"]["power_mw"] is None


def test_a_power_tool_that_fails(run, programs):
    sta = programs / "sta"
    sta.write_text("#!/bin/sh\necho 'Error: script.tcl, 3 no such library'\n")
    sta.chmod(sta.stat().st_mode | stat.S_IEXEC)
    status, out, err = run(*SMALL, "--liberty", "tiny.lib", "--json")
    assert (status, out) == (2, "")
    assert err.splitlines()[-1] == (
        "taxonn: error: sta failed: Error: script.tcl, 3 no such library")


# Only milliwatts need OpenSTA and only real areas a real library: `taxonn asic` does without and
# says so.  The rest of it is tested everywhere, above.
@pytest.mark.skipif(not shutil.which("sta"), reason="only mW need OpenSTA: apt-get install opensta")
def test_power_with_opensta(run):
    powers = {}
    for mhz in (100, 50):
        status, out, _ = run(*SMALL, "--liberty", "tiny.lib", "--freq", mhz, "--json")
        report = json.loads(out)
        assert status == 0
        powers[mhz] = {name: v["power_parts_mw"] for name, v in report["variants"].items()}
    for name in NAMES:
        fast, slow = powers[100][name], powers[50][name]
        assert fast["switching"] == pytest.approx(2 * slow["switching"], rel=1e-3)
        assert fast["switching"] > 0 and fast["internal"] == 0  # the library has none
        assert fast["leakage"] == pytest.approx(slow["leakage"])
    assert powers[100]["separate"]["switching"] > powers[100]["training"]["switching"]


@pytest.mark.skipif(not SKY130.is_file(), reason="the PDK is not ours to ship: no ../shared/pdk")
def test_sky130(run):
    """The real library, as far as areas, on the smallest of networks."""
    status, out, _ = run(*SMALL, "--liberty", SKY130, "--no-power", "--json")
    report = json.loads(out)
    assert status == 0 and report["library"] == "sky130_fd_sc_hd__tt_025C_1v80"
    assert report["cells_left_alone"] > 10 and report["variants"]["training"]["area_um2"] > 10_000


BROKEN = [
    ((*SMALL,), "Missing option '--liberty'."),
    ((*SMALL, "--liberty", "none.lib"),
     "--liberty: cannot read 'none.lib': No such file or directory"),
    ((*SMALL, "--liberty", "here"), "--liberty: cannot read 'here': Is a directory"),
    ((*SMALL, "--liberty", "text"),
     "--liberty: 'text' is no liberty library: it has no library group"),
    ((*SMALL, "--liberty", "tiny.lib", "--freq", "0"),
     "Invalid value for '--freq': 0.0 is not in the range x>0."),
    (("edge-64-16-4", "--liberty", "tiny.lib"),
     ("asic compares builds of engine taxonn; engine edge has no inference-only build and no "
      "reference")),
    (("lenet-mnist", "--liberty", "tiny.lib"),
     ("asic has no reference with separate multipliers for conv layers; use a network of dense "
      "layers")),
    ((*SMALL, "--liberty", "tiny.lib", "--set", "batch=2"),
     ("asic has no reference with separate multipliers for batches of several samples or weight "
      "decay; leave out batch and weight_decay")),
    ((*SMALL, "--liberty", "tiny.lib", "--data", "nowhere"), None),
]


@pytest.mark.parametrize(("args", "message"), BROKEN, ids=[" ".join(a[-2:]) for a, _ in BROKEN])
def test_bad_input_is_one_line(run, tmp_path, args, message):
    (tmp_path / "here").mkdir()
    (tmp_path / "text").write_text("nothing of a library")
    status, out, err = run(*args)
    assert (status, out) == (2, "") and err.startswith("taxonn: error: ")
    assert len(err.splitlines()) == 1
    assert message is None or err == f"taxonn: error: {message}\n"
    assert sorted(os.listdir(tmp_path)) == ["here", "text", "tiny.lib"]
