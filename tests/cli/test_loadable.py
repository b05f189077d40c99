"""The verbs with ``--on``: a network on a loadable build."""

import json

import pytest

BUILD = """
layers = [6, 5, 3]
lanes = 4
data = "random"
learning_rate_exponent = 3
[loadable]
networks = [{layers = [4, 6, 2, 3]}, {input_shape = [1, 5, 5], layers = [
    {kind = "conv", channels = 2, kernel = 2, pool = "max"}, {size = 3}]}]
"""
NETWORKS = {
    "dense": "layers = [5, 6, 3]\n",
    "deep": "layers = [4, 5, 2, 3]\nlanes = 16\n",
    "image": """input_shape = [1, 5, 4]
layers = [{kind = "conv", channels = 2, kernel = 2, pool = "max"}, {size = 2}]\n""",
    "large": "layers = [64, 3]\n",
}


@pytest.fixture
def run(call, monkeypatch, tmp_path):
    """Return ``run(*args)`` -> (exit status, JSON or None, stderr), beside the files above."""
    (tmp_path / "build.toml").write_text(BUILD)
    for name, text in NETWORKS.items():
        (tmp_path / f"{name}.toml").write_text(
            f'data = "random"\nlearning_rate_exponent = 3\n{text}')
    monkeypatch.chdir(tmp_path)

    def run(*args):
        status, out, error = call(*args, "--json")
        return status, json.loads(out) if out else None, error

    return run


@pytest.mark.parametrize("name", ["dense", "deep", "image"])
def test_one_build_trains_them_all(run, name):
    status, result, _ = run("train", f"{name}.toml", "--on", "build.toml", "--samples", "20",
                            "--epochs", "1", "--save", "W.npz")
    assert status == 0 and result["matches_golden"]
    status, checked, _ = run("check", f"{name}.toml", "--on", "build.toml")
    assert status == 0 and checked["lanes"] == 4
    assert result["clocks_per_sample"] == pytest.approx(checked["clocks_per_sample"], rel=0.1)
    status, inferred, _ = run("infer", f"{name}.toml", "--on", "build.toml", "--weights", "W.npz",
                              "--device", "sim", "--samples", "20")
    assert status == 0 and inferred["samples"] == 20


def test_simulate(run, require_tool):
    require_tool("verilator")
    status, result, _ = run("simulate", "image.toml", "--on", "build.toml", "--samples", "4")
    assert status == 0 and result["mismatches"] == 0
    assert result["clocks_per_sample"] == result["predicted_clocks_per_sample"]


def test_the_program_is_listed(run):
    status, result, _ = run("check", "image.toml", "--on", "build.toml", "--program")
    text = "\n".join(result["program"])
    assert status == 0
    for words in ("kernel gradient", "network: table 0", "layers: table 1, 2 of 3 words",
                  "passes: table 2, 5 of 8 words", "taps: table 3", "lines: table 4",
                  "columns: table 5", "group_code", "height 5, width 4", "n_out 2"):
        assert words in text, words
    assert result["build"]["networks"] == ["build", "network-2", "network-3"]
    assert result["build"]["layers"] == 3
    writes = result["program_writes"]
    assert writes[0] == ["program_address", 0] and writes[-1][0] == "network"
    chunks = [line.split("= ")[1].split() for line in result["program"] if "  = " in line]
    assert [int(chunk, 16) for line in chunks for chunk in line] == [
        value for name, value in writes if name == "program_data"]


def test_a_build_is_a_configuration_too(run):
    status, result, _ = run("check", "build.toml")
    assert status == 0 and result["build"]["name"] == result["name"] == "build"
    status, files, _ = run("generate", "build.toml", "-o", "out")
    assert status == 0 and files["verilog"].endswith("build.v")


@pytest.mark.parametrize(("args", "words"), [
    (["check", "large.toml", "--on", "build.toml"],
     "large does not fit build: it has 64 inputs, the build 25"),
    (["train", "large.toml", "--on", "build.toml"], "large does not fit build"),
    (["golden", "dense.toml", "--on", "build.toml", "--set", "activation=tanh"],
     "dense: a loadable build has relu"),
    (["check", "dense.toml", "--on", "deep.toml"], "deep is no loadable build"),
    (["check", "dense.toml", "--on", "none.toml"], "cannot read config 'none.toml'"),
])
def test_bad_input(run, args, words):
    status, result, error = run(*args)
    assert status == 2 and result is None
    assert error.startswith(f"taxonn: error: {words}") and error.count("\n") == 1
