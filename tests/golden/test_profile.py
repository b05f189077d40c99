"""Range profiles: the numbers before they are stored, and what share of them a format loses."""

import json

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.data import load_for
from taxonn_hw.errors import UserError
from taxonn_hw.fixed import QFormat
from taxonn_hw.golden import GoldenModel, train_golden
from taxonn_hw.golden.conv_float import kernel_gradient
from taxonn_hw.golden.profile import RangeProfile, Signal
from taxonn_hw.plan import Network


def make(layers, **keys) -> Network:
    return Network(config_from_dict({"layers": layers, "lanes": 4, "seed": 2,
                                     "learning_rate_exponent": 4, **keys}))


def run(network, n=40):
    """Train ``n`` random samples; return the model with its traces, and the profile's facts."""
    rng = np.random.default_rng(6)
    model = GoldenModel(network)
    model.traces, model.profile = [], RangeProfile(network)
    x = rng.integers(0, network.input.hi + 1, (n, network.n_inputs))
    target = np.eye(network.output.n_out, dtype=np.int64)[
        rng.integers(network.output.n_out, size=n)] * network.output.formats.a.one
    model.train_run(x, target)
    return model, model.profile.facts()


def test_a_signal_by_hand():
    signal = Signal(QFormat(4, 2))  # -2 to 1.75
    signal.see(np.array([0, 3, -9, 8, 7]), 2, True)  # 0, 0.75, -2.25, 2.0, 1.75
    signal.see(np.array([100]), 3, False)  # 12.5, of which only the range is taken
    facts = signal.facts()
    assert (facts["min"], facts["max"], facts["zeros"]) == (-2.25, 12.5, 0.2)
    assert facts["saturated"] == 0.4 and facts["format"] == "s4.2"
    assert facts["log2"] == {"-1": 0.2, "0": 0.2, "1": 0.4}
    assert json.loads(json.dumps(facts)) == facts


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "identity", "tanh", "hard_sigmoid"])
def test_ranges_are_those_of_the_codes_where_nothing_saturates(activation):
    network = make([9, 8, 7, 4], bits=16, activation=activation,
                   formats={"activation": "s24.14", "output": "s24.14", "delta": "s20.15",
                            "derivative": "u10.9"})
    model, facts = run(network)
    for i, layer in enumerate(network.layers):
        seen, f = facts["layers"][i]["signals"], layer.formats
        a = np.array([([*t.x[1:], t.output])[i] for t in model.traces]) * 2.0**-f.a.frac
        delta = np.array([t.delta[i] for t in model.traces]) * 2.0**-f.delta.frac
        for name, values, lsb in (("activation", a, 2.0**-f.a.frac),
                                  ("delta", delta, 2.0**-f.delta.frac)):
            assert seen[name]["saturated"] == 0, name
            assert seen[name]["max"] == pytest.approx(max(values.max(), 0), abs=lsb)
            assert seen[name]["min"] == pytest.approx(min(values.min(), 0), abs=lsb)
        steps = [np.outer(t.delta[i], t.x[i]) for t in model.traces]
        unit = 2.0 ** -(f.x.frac + f.delta.frac + 4)
        assert seen["step"]["max"] == np.max(steps) * unit
        assert seen["step"]["min"] == np.min(steps) * unit
        assert seen["weight"]["max"] <= f.weight.to_real(f.weight.hi)
        assert seen["weight"]["max"] > 0 > seen["weight"]["min"]
    assert facts["samples"] == 40 and [x["label"] for x in facts["layers"]] == ["8", "7", "4"]
    assert "input" in facts["layers"][0]["signals"]
    assert "input" not in facts["layers"][1]["signals"]


def test_what_a_format_loses_shows():
    """Narrow activations: sums beyond them are seen as they are."""
    _, facts = run(make([9, 8, 4], formats={"activation": "u4.4", "delta": "s8.10"}))
    activation = facts["layers"][0]["signals"]["activation"]
    assert activation["saturated"] > 0.01 and activation["max"] > 1
    assert facts["layers"][1]["signals"]["delta"]["saturated"] > 0.1  # beyond 0.125
    assert facts["layers"][1]["signals"]["delta"]["max"] == pytest.approx(1, abs=0.5)


def test_steps_of_kernels_are_sums_over_positions():
    network = make([{"kind": "conv", "channels": 3, "kernel": 3, "learning_rate_shift": 1},
                    {"kind": "conv", "channels": 2, "kernel": 2, "pool": "average"},
                    {"size": 3}], input_shape=[2, 6, 6])
    model, facts = run(network)
    for i in (0, 1):
        layer = network.layers[i]
        f, rate = layer.formats, 4 + layer.rate_shift
        sums = [kernel_gradient(t.x[i], t.delta[i], layer)[0] for t in model.traces]
        unit = 2.0 ** -(f.x.frac + f.delta.frac + rate)
        seen = facts["layers"][i]["signals"]["step"]
        assert (seen["min"], seen["max"]) == (np.min(sums) * unit, np.max(sums) * unit)
    assert facts["layers"][0]["label"] == "conv3x3x3"


def test_a_profile_changes_nothing():
    network = make([64, 12, 10], bits=6, data="digits")
    data = load_for(network)
    plain = train_golden(network, data, epochs=1, samples=100)
    profiled = train_golden(network, data, epochs=1, samples=100, with_profile=True)
    assert plain.profile is None and profiled.profile["samples"] == 100
    for (w, b), (w_ref, b_ref) in zip(profiled.parameters, plain.parameters, strict=True):
        np.testing.assert_array_equal(w, w_ref)
        np.testing.assert_array_equal(b, b_ref)


def test_engine_edge_has_none():
    from taxonn_hw.engines import make_plan

    plan = make_plan(config_from_dict({"layers": [8, 4, 2], "engine": "edge", "data": "random"}))
    with pytest.raises(UserError, match="engine edge records no profile of ranges"):
        train_golden(plan, load_for(plan), epochs=1, with_profile=True)
