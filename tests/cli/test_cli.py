"""The command line: results, exit codes, and one line for everything a user can get wrong."""

import json
import subprocess
import sys

import numpy as np
import pytest

from taxonn_hw.presets import preset_names

NET = ["--set", "layers=[6,5,3]", "--set", "lanes=4", "--data", "random"]
XOR = "xor-2-4-1"


@pytest.fixture
def run_json(run):
    def call(*args):
        status, out, _ = run(*args, "--json")
        return status, json.loads(out)
    return call


BROKEN = [
    (["frobnicate"], "No such command 'frobnicate'."),
    (["check"], "Missing argument 'CONFIG'."),
    (["check", XOR, "--colour"], "No such option: --colour"),
    (["check", XOR, "more"], "Got unexpected extra argument (more)"),
    (["check", "no-such-preset"], "no preset or file named 'no-such-preset'; presets: "
     + ", ".join(preset_names())),
    (["check", "none.toml"], "cannot read config 'none.toml': No such file or directory"),
    (["check", XOR, "--bits", "1"], "bits: must be at least 2, not 1"),
    (["check", XOR, "--bits", "many"],
     "Invalid value for '--bits': 'many' is not a valid integer."),
    (["check", XOR, "--bits"], "Option '--bits' requires an argument."),
    (["check", XOR, "--set", "lanes"], "--set takes key=value, not 'lanes'"),
    (["check", XOR, "--set", "lanes=0"], "lanes: must be at least 1, not 0"),
    (["check", XOR, "--seed", "-1"], "seed: must be at least 0, not -1"),
    (["check", XOR, "--samples", "0"], "--samples must be at least 1, not 0"),
    (["check", XOR, "--data", "digits"],
     "data digits has 8 x 8 = 64 inputs a sample, the network takes 2"),
    (["check", XOR, "--data", "nowhere"], (
        "data must be digits, random, xor, mnist, fashion-mnist, cifar10, svhn or a folder; "
        "there is no folder 'nowhere'")),
    (["golden", XOR, "--epochs", "0"],
     "Invalid value for '--epochs': 0 is not in the range x>=1."),
    (["golden", XOR, "--epochs", "1", "--save", "none/w.npz"],
     "cannot write 'none/w.npz': No such file or directory"),
    (["generate", XOR], "Missing option '-o' / '--out'."),
    (["generate", XOR, "-o", "file/out"],
     "cannot make the folder 'file/out': Not a directory"),
    (["generate", XOR, "-o", "out", "--target", "asic9"],
     "target must be generic, ice40, ecp5, not 'asic9'"),
    (["simulate", XOR, "--sim", "modelsim"],
     "--sim must be icarus or verilator, not 'modelsim'"),
    (["simulate", XOR, "--waves", "a.fst"],
     "--waves must end in .vcd with verilator, not 'a.fst'"),
    (["simulate", XOR, "--waves", "none/a.vcd"], "--waves: there is no folder 'none'"),
    (["simulate", XOR, "--stall", "1"],
     "Invalid value for '--stall': 1.0 is not in the range 0<=x<=0.95."),
    (["train", XOR, "--device", "cloud"], "cannot open cloud: No such file or directory"),
    (["train", XOR, "--device", "simulator"],
     "--device must be sim, sim-board:BOARD or a serial port, not 'simulator'"),
    (["train", XOR, "--resume"],
     "--baud, --checkpoint and --resume are for boards, not for --device sim"),
    (["train", XOR, "--device", "cloud", "--resume"], "--resume needs --checkpoint FILE"),
    (["train", XOR, "--set", "training=false"],
     "this configuration is for inference only (training = false)"),
    (["infer", XOR], "Missing option '--weights'."),
    (["infer", XOR, "--weights", "none.npz"],
     "cannot read weights 'none.npz': No such file or directory"),
    (["infer", XOR, "--weights", "file"], "cannot read weights 'file': not an npz file"),
    (["infer", XOR, "--weights", "file", "--device", "simulator"],
     "--device must be golden, sim, sim-board:BOARD or a serial port, not 'simulator'"),
    (["infer", XOR, "--weights", "file", "--device", "sim", "--baud", "9600"],
     "--baud is for boards, not for --device sim"),
    (["train", XOR, "--resident", "3", "--samples", "4"],
     "--samples 4 and --resident 3 differ: all samples of an epoch are resident, or none"),
    (["train", XOR, "--resident", "4", "--set", "resident=3", "--set", "resident_sample_words=1"],
     ("--resident 4: the samples take 6 words of the resident memory, which has 3; the first 2 "
      "would fit, or --set resident=N makes it larger")),
    (["demo", "--epochs", "-3"], "Invalid value for '--epochs': -3 is not in the range x>=1."),
]


@pytest.mark.parametrize(("args", "message"), BROKEN, ids=[" ".join(a) for a, _ in BROKEN])
@pytest.mark.parametrize("as_json", [False, True])
def test_bad_input_is_one_line(run, tmp_path, args, message, as_json):
    (tmp_path / "file").write_text("no npz")
    status, out, err = run(*args, *(["--json"] if as_json else []))
    if args == ["frobnicate"] or "--colour" in args or args[-1] == "--bits":
        assert err.startswith("taxonn: error: ") and err.count("\n") == 1
    else:
        assert err == f"taxonn: error: {message}\n"
    assert (status, out) == (2, "")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_help_names_every_verb(run):
    status, out, err = run()
    assert (status, err) == (0, "")
    for verb in ("presets", "check", "generate", "golden", "simulate", "train", "infer", "demo"):
        assert f"\n  {verb} " in out
        assert run(verb, "--help")[0] == 0


def test_presets(run, run_json):
    _, result = run_json("presets")
    assert [row["name"] for row in result["presets"]] == preset_names()
    status, out, _ = run("presets")
    assert status == 0 and all(name in out for name in preset_names())


def test_check(run, run_json):
    status, result = run_json("check", XOR, *NET, "--samples", "9", "--program")
    assert status == 0 and result["ok"] and result["lanes"] == 4 and result["samples"] == 9
    assert result["weights"] == 7 * 5 + 6 * 3
    assert result["storage_bits"] % result["word_bits"] == 0
    assert result["clocks_per_sample"] > 10 and 0 < result["utilisation"] <= 1
    status, out, _ = run("check", XOR, "--program")
    assert status == 0 and "clocks per training sample" in out and "update" in out


def test_check_draws_the_schedule(run, run_json, tmp_path):
    picture = tmp_path / "S.png"
    status, result = run_json("check", XOR, *NET, "--samples", "9", "--schedule", str(picture))
    assert status == 0 and result["schedule_picture"] == str(picture)
    assert picture.read_bytes()[:4] == b"\x89PNG"
    schedule = result["schedule"]
    assert [p["layer"] for p in schedule["passes"]] == [1, 2, 2, 1]
    assert schedule["passes"][-1]["last"] < schedule["clocks"]
    status, _, err = run("check", "edge-64-16-4", "--schedule", str(tmp_path / "E.png"))
    assert status == 2 and err.count("\n") == 1 and not (tmp_path / "E.png").exists()


def test_check_without_its_data(run, monkeypatch):
    monkeypatch.delenv("TAXONN_DATA", raising=False)
    status, out, err = run("check", "mnist-784-128-10", "--samples", "2", "--json")
    assert status == 0 and json.loads(out)["data"] == "random"
    assert "predicting on random data instead" in err and err.count("\n") == 1


def test_golden_learns_xor(run_json, tmp_path):
    status, result = run_json("golden", XOR, "--float", "--save", "w.npz")
    assert status == 0 and result["test_accuracy"] == 100 and result["epochs"] == 400
    assert len(result["history"]) == 400 and result["samples_per_s"] > 0
    assert isinstance(result["float_accuracy"], float)
    status, result = run_json("infer", XOR, "--weights", "w.npz")
    assert status == 0 and result["predictions"] == [0, 1, 1, 0]
    status, result = run_json("golden", XOR, "--epochs", "1")
    assert result["float_accuracy"] is None


def test_golden_profile(run_json, run, tmp_path):
    net = ["--set", "layers=[6,5,3]", "--set", "activation=relu", "--data", "random"]
    status, result = run_json("golden", XOR, *net, "--samples", "30", "--epochs", "1",
                              "--profile", "-o", "a/b")
    assert status == 0 and result["profile"] == f"a/b/{XOR}-profile.json"
    assert json.loads((tmp_path / result["profile"]).read_text())["samples"] == 30
    assert (tmp_path / result["profile_picture"]).read_bytes().startswith(b"\x89PNG")
    derived = ["--set", "formats=auto", "--set", f"profile={result['profile']}"]
    assert run("golden", XOR, *net, *derived, "--samples", "5", "--epochs", "1")[0] == 0
    status, _, err = run("golden", XOR, *net, "--set", "formats=auto")
    assert status == 2 and "needs the profile 'xor-2-4-1-profile.json'" in err


def test_generate(run_json, tmp_path):
    status, result = run_json("generate", XOR, "-o", "a/b")
    assert status == 0 and (tmp_path / result["verilog"]).is_file()
    assert json.loads((tmp_path / result["sidecar"]).read_text())["sha256"] == result["sha256"]


def test_simulate(run, run_json, simulator, tmp_path):
    status, result = run_json("simulate", XOR, *NET, "--sim", simulator, "--samples", "6",
                              "--waves", "a.vcd", "--stall", "0.3")
    assert status == 0 and result["ok"] and result["mismatches"] == 0
    assert result["samples"] == 6 and result["simulator"] == simulator
    assert (tmp_path / "a.vcd").stat().st_size > 1000


def test_simulate_names_the_first_difference(run, simulator, monkeypatch):
    """A golden model that is off by one in one weight: the bench must find that one."""
    from taxonn_hw.golden import GoldenModel

    true = GoldenModel.parameters.fget

    def wrong(self):
        parameters = true(self)
        parameters[1][0][2, 3] ^= 1
        return parameters

    monkeypatch.setattr(GoldenModel, "parameters", property(wrong))
    status, out, _ = run("simulate", XOR, *NET, "--sim", simulator, "--samples", "2")
    assert status == 1
    assert out.startswith("FAIL: layer 2, weight from input 3 to output 2 (row ")
    assert "\n1 values differ\n" in out


def test_train(run, run_json):
    status, result = run_json("train", XOR, *NET, "--samples", "20", "--epochs", "2",
                              "--save", "w.npz")
    assert status == 0 and result["matches_golden"] and result["samples"] == 40
    assert result["clocks_per_sample"] > 10 and result["first_difference"] is None
    accuracy = result["history"][-1]["test_accuracy"]
    assert accuracy == result["test_accuracy"]
    for device in ("golden", "sim"):
        _, result = run_json("infer", XOR, *NET, "--weights", "w.npz", "--device", device)
        assert result["test_accuracy"] == accuracy
    run("golden", XOR, *NET, "--samples", "20", "--epochs", "2", "--save",
        "golden.npz")
    with np.load("w.npz") as ours, np.load("golden.npz") as golden:
        for name in ("W1", "b1", "W2", "b2"):
            np.testing.assert_array_equal(ours[name], golden[name])


def test_demo(run_json, tmp_path):
    status, result = run_json("demo", "-o", "here", "--epochs", "1")
    assert status == 0 and result["ok"] and result["matches_golden"]
    assert result["ideal_clocks_per_sample"] <= result["clocks_per_sample"]
    assert (tmp_path / result["picture"]).read_bytes().startswith(b"\x89PNG")


def test_interrupt_is_quiet(run, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("taxonn_hw.golden.train.train_golden", interrupt)
    status, out, err = run("golden", XOR)
    assert (status, out, err.strip()) == (130, "", "taxonn: interrupted")


def test_as_a_command(tmp_path):
    command = [sys.executable, "-c", "from taxonn_hw.cli import main; raise SystemExit(main())"]
    done = subprocess.run([*command, "check", "nope"], capture_output=True, text=True,
                          cwd=tmp_path, check=False)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    done = subprocess.run([*command, "presets", "--json"], capture_output=True, text=True,
                          cwd=tmp_path, check=False)
    assert done.returncode == 0 and json.loads(done.stdout)


def test_a_board_by_name(run_json):
    """Resident samples are trained on, and another program infers."""
    board = (*NET, "--set", "resident=20", "--device", "sim-board:icebreaker")
    status, result = run_json("train", XOR, *board, "--resident", "20", "--epochs", "2",
                              "--save", "w.npz")
    assert status == 0 and result["matches_golden"] and result["samples"] == 40
    assert result["resident"] == 20
    predictions = [run_json("infer", XOR, *arguments, "--weights", "w.npz")[1]["predictions"]
                   for arguments in (board, (*NET, "--set", "resident=20"))]
    assert predictions[0] == predictions[1]


def test_rates_of_a_board(run_json):
    """What the array can do, what the line carries, and what it asks for of resident samples."""
    _, result = run_json("check", XOR, "--board", "icebreaker", "--set", "resident=100",
                         "--set", "samples_per_clock=1")
    assert result["samples_per_s"] == pytest.approx(16.125e6 / result["clocks_per_sample"])
    line = result["baud"] / 10
    assert 1 < result["bytes_per_sample"] and result["samples_per_s_link"] == pytest.approx(
        line / result["bytes_per_sample"])
    # Two bytes a place (300 words), 250 in a frame of 251 and some 8 around it.
    assert line / 2.1 < result["samples_per_s_link_resident"] < line / 2
    assert 100 <= result["resident_samples"] <= 300
    _, result = run_json("check", XOR, "--board", "icebreaker")
    assert result["resident_words"] == 0 and result["samples_per_s_link_resident"] is None
