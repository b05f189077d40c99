"""``taxonn explore``: what it prints, and a configuration that the other verbs read."""

import json

import pytest

from taxonn_hw.config import load_config
from taxonn_hw.engines import make_plan

NET = ["digits-64-32-10", "--set", "layers=[64,3,10]", "--set", "lanes=4", "--samples", "90",
       "--epochs", "1"]


def test_it_writes_what_it_found(run):
    status, out, _ = run("explore", *NET, "--bits", "4", "--loss", "80", "--json")
    result = json.loads(out)
    assert status == 0 and result["config"] == "digits-64-32-10-explored.toml"
    layers = make_plan(load_config(result["config"])).layers
    for row in result["formats"]:
        name = {"activation": "a"}.get(row["signal"], row["signal"])
        assert str(getattr(layers[row["layer"] - 1].formats, name)) == row["to"]
    changed = {(row["layer"], row["signal"]) for row in result["formats"]
               if row["from"] != row["to"]}
    assert {(1, "weight"), (1, "delta"), (2, "operand")} <= changed  # p4.6 is a power of two
    assert result["loss"] <= 80 == result["allowed_loss"]
    # It is a configuration like any other: golden repeats the accuracy.
    status, out, _ = run("golden", result["config"], "--samples", 90, "--epochs", 1, "--json")
    assert status == 0 and [json.loads(out)["test_accuracy"]] == result["test_accuracy"]


def test_the_table(run, tmp_path):
    status, out, _ = run("explore", *NET, "--loss", "99", "-o", "found.toml")
    assert status == 0 and "wrote found.toml" in out and "test set: golden" in out
    assert [line.split()[:2] for line in out.splitlines()[1:9]] == [
        [str(layer), signal] for layer in (1, 2)
        for signal in ("weight", "operand", "activation", "delta")]
    assert (tmp_path / "found.toml").read_text().startswith("# Formats that taxonn explore found, "
                                                            "for a loss of 99 points.\n")


@pytest.mark.parametrize(("options", "line"), [
    (["--loss", "-1"], "the loss must be at least 0 points, not -1"),
    (["--loss", "much"], "Invalid value for '--loss': 'much' is not a valid float."),
    (["--seeds", "0"], "Invalid value for '--seeds': 0 is not in the range 1<=x<=99."),
    (["--samples", "5"], "a search of formats needs at least 6 training samples, not 5"),
    (["-o", "none/found.toml"], "there is no folder 'none' to write 'found.toml' into"),
])
def test_one_line_and_nothing_written(run, tmp_path, options, line):
    status, out, err = run("explore", *NET, *options)
    assert (status, out, err) == (2, "", f"taxonn: error: {line}\n")
    assert not list(tmp_path.iterdir())
