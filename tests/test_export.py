"""What ``generate`` writes: clean for every tool, complete, and the same bytes every time."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from taxonn_hw import export
from taxonn_hw.bus.registers import FIELDS, REGISTERS
from taxonn_hw.config import config_from_dict
from taxonn_hw.config_hash import config_hash
from taxonn_hw.errors import UserError
from taxonn_hw.export import generate
from taxonn_hw.flow.process import run_tool
from taxonn_hw.flow.verilator import lint
from taxonn_hw.flow.yosys import driver_conflicts, run_yosys
from taxonn_hw.plan import Network

from .tools import missing

SMALL = {"layers": [5, 4, 3], "lanes": 2, "name": "small"}
CONFIGS = {
    "small": SMALL,
    "one": {"layers": [1, 1], "lanes": 1, "name": "one"},
    "tables": {"layers": [4, 3, 3, 2], "lanes": 4, "activation": "tanh", "output": "sigmoid",
               "name": "tables"},
    "pow2": {"layers": [5, 4, 3], "lanes": 3, "bits": 4, "name": "pow2"},
    "inference": {**SMALL, "training": False, "name": "inference"},
    "plain": {**SMALL, "zero_skip": False, "rounding": {"update": "floor"}, "name": "plain"},
}


def network(**keys):
    return Network(config_from_dict({**SMALL, **keys}))


@pytest.fixture(scope="module", params=CONFIGS, ids=str)
def generated(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    return generate(Network(config_from_dict(CONFIGS[request.param])), folder)


def test_verilator_has_no_warning(generated):
    assert lint(generated.verilog) == []


def test_icarus_has_no_warning(generated, require_tool, tmp_path):
    require_tool("iverilog")
    _, log = run_tool(["iverilog", "-g2005", "-Wall", "-Wno-timescale", "-o", tmp_path / "a.vvp",
                       generated.verilog], timeout_s=120)
    assert log == ""


#: Netlists besides ECP5's, which every configuration gets: with DSP blocks and without.
ICE40 = {"small": "synth_ice40 -dsp", "inference": "synth_ice40"}


def test_yosys_synthesises(generated):
    stem = generated.verilog.stem
    for synthesis in ["synth_ecp5", *([ICE40[stem]] if stem in ICE40 else [])]:
        log = run_yosys(f"read_verilog {generated.verilog.name}\n"
                        f"{synthesis} -top taxonn_accelerator\ncheck -assert\n",
                        cwd=generated.verilog.parent)
        assert driver_conflicts(log) == []


def test_nothing_of_this_machine_in_the_files(generated):
    for path in (generated.verilog, generated.sidecar, generated.header, generated.core):
        text = path.read_text()
        assert "(* src" not in text and ".py" not in text
        for place in (os.getcwd(), str(generated.verilog.parent), "workspace", "/home"):
            assert place not in text


def test_sidecar(generated):
    sidecar = json.loads(generated.sidecar.read_text())
    config = config_from_dict(CONFIGS[generated.verilog.stem])
    text = generated.verilog.read_text()
    assert config_from_dict(sidecar["config"]) == config
    assert sidecar["config_hash"] == f"{config_hash(config):08x}"
    assert sidecar["sha256"] == hashlib.sha256(text.encode()).hexdigest() == generated.sha256
    assert f"module {sidecar['top']}(" in text
    widths = {port["name"]: port["width"] for port in sidecar["ports"]}
    for name, stream in sidecar["streams"].items():
        assert widths[f"{name}__payload"] == stream["width"]
        assert widths[f"{name}__valid"] == widths[f"{name}__ready"] == 1
        assert stream["width"] == stream["elements"] * stream["element_bits"]
    for port in sidecar["ports"]:
        width = f"[{port['width'] - 1}:0] " if port["width"] > 1 else ""
        assert f"  {port['direction']} {width}{port['name']};" in text.replace(" signed", "")
    facts = sidecar["network"]
    rows = [m for m in sidecar["memories"]
            if m["width"] * m["copies"] >= facts["word_bits"] * facts["lanes"]
            and m["depth"] >= facts["weight_rows"]]
    assert rows, "the weight memory is not listed"
    assert {"taxonn_hw", "amaranth", "yosys"} == set(sidecar["versions"])


def test_header_compiles_and_says_the_same(generated, tmp_path):
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        missing("a C compiler is not installed: apt-get install gcc")
    header = generated.header
    values = {f"TAXONN_REG_{name.upper()}": register.address
              for name, register in REGISTERS.items()}
    values |= {f"TAXONN_{key.replace('.', '_').upper()}": 1 << bit for key, bit in FIELDS.items()}
    sidecar = json.loads(generated.sidecar.read_text())
    values["TAXONN_CONFIG_HASH"] = int(sidecar["config_hash"], 16)
    values["TAXONN_LANES"] = sidecar["network"]["lanes"]
    checks = "".join(f"  if ({name} != {value}u) return 1;\n" for name, value in values.items())
    source = tmp_path / "main.c"
    source.write_text(f'#include "{header.name}"\n#include "{header.name}"\n'
                      f"int main(void) {{\n{checks}  return 0;\n}}\n")
    run_tool([compiler, "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror",
              f"-I{header.parent}", "-o", tmp_path / "main", source], timeout_s=60)
    run_tool([tmp_path / "main"], timeout_s=60)


def test_core_names_the_files(generated):
    core = generated.core.read_text()
    assert core.startswith("CAPI=2:\n")
    for path in (generated.verilog, generated.header, generated.sidecar):
        assert f'"{path.name}"' in core


def test_same_bytes_in_every_process(tmp_path):
    script = ("import sys; from pathlib import Path; from taxonn_hw.config import load_config\n"
              "from taxonn_hw.export import generate; from taxonn_hw.plan import Network\n"
              "generate(Network(load_config('xor-2-4-1')), Path(sys.argv[1]))")
    texts = []
    for seed in ("1", "2024"):
        folder = tmp_path / seed
        subprocess.run([sys.executable, "-c", script, folder], check=True,
                       env={**os.environ, "PYTHONHASHSEED": seed})
        texts.append({path.name: path.read_bytes() for path in sorted(folder.iterdir())})
    assert texts[0] == texts[1] and len(texts[0]) == 4


def test_files_are_left_alone_when_nothing_changed(tmp_path):
    first = generate(network(), tmp_path)
    for path in tmp_path.iterdir():
        os.utime(path, (1, 1))
    assert generate(network(), tmp_path) == first
    assert {path.stat().st_mtime for path in tmp_path.iterdir()} == {1}


def test_nothing_is_written_on_failure(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise UserError("no")

    monkeypatch.setattr(export, "convert", fail)
    with pytest.raises(UserError):
        generate(network(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_broken_requests(tmp_path):
    with pytest.raises(UserError) as error:
        generate(network(), tmp_path, target="asic9")
    assert str(error.value) == "target must be generic, ice40, ecp5, not 'asic9'"
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot make the folder"):
        generate(network(), tmp_path / "file" / "out")
