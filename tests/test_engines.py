"""Every engine has every part, and its plan everything that the rest of the package reads."""

import json

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.engines import ENGINES, engine_of, make_plan
from taxonn_hw.plan.base import Plan
from taxonn_hw.plan.streams import geometry, sample_beats

CONFIGS = {
    "taxonn": {"layers": [6, 5, 3], "lanes": 4},
    "edge": {"layers": [12, 6, 4], "lanes": 12, "engine": "edge",
             "edge": {"fan_out": [2, 2]}},
}


@pytest.fixture(params=ENGINES)
def plan(request):
    return make_plan(config_from_dict({**CONFIGS[request.param], "data": "random"}))


def test_every_part_can_be_had(plan):
    engine = engine_of(plan)
    for name in ("golden", "reference", "initial", "accelerator", "predict", "listing"):
        assert callable(engine.part(name)), name
    assert isinstance(plan, engine.part("plan"))


def test_a_plan_is_a_plan(plan):
    for name in (*Plan.__annotations__, "output", "pack", "unpack", "place", "facts"):
        assert hasattr(plan, name), name
    assert json.loads(json.dumps(plan.facts())) == plan.facts()
    assert geometry(plan) < 1 << 32
    assert plan.output is plan.layers[-1]
    assert engine_of(plan).part("listing")(plan)


def test_parameters_move_and_come_back(plan):
    """Every weight and bias lies in one word of one move, where ``place`` says."""
    count, parameters = 1, []
    for layer in plan.layers:
        n = int(np.prod(layer.weight_shape))
        weight = count + np.arange(n).reshape(layer.weight_shape)
        parameters.append((weight, count + n + np.arange(layer.n_out)))
        count += n + layer.n_out
    beats = plan.pack(parameters)
    assert [part.shape for part in beats] == [
        (move.beats, plan.weight_group) for move in plan.moves]
    stored = np.concatenate([part.ravel() for part in beats])
    assert sorted(stored[stored != 0]) == list(range(1, count)) and plan.n_weights == count - 1
    for pair, expected in zip(plan.unpack(beats), parameters, strict=True):
        for array, reference in zip(pair, expected, strict=True):
            np.testing.assert_array_equal(array, reference)
    places = {(place.row, place.lane) for layer in plan.layers for o in range(layer.n_out)
              for place in [plan.place(layer, o, s) for s in range(layer.weight_shape[1])]}
    assert len(places) == sum(int(np.prod(layer.weight_shape)) for layer in plan.layers)


def test_golden_runs_and_is_predicted(plan):
    engine, rng = engine_of(plan), np.random.default_rng(3)
    golden = engine.part("golden")(plan)
    golden.traces = []
    q = plan.output.formats.a
    x = rng.integers(plan.input.lo, plan.input.hi + 1, (5, plan.n_inputs))
    target = rng.integers(0, 2, (5, plan.output.n_out)) * q.one
    calls = []
    outputs = golden.train_run(x, target, lambda *call: calls.append(call))
    assert outputs.shape == (5, plan.output.n_out) and calls[-1] == (5, 5)
    assert golden.infer(x).shape == outputs.shape
    prediction = engine.part("predict")(plan, golden, 5, True)
    assert prediction.samples == 5 and 0 < prediction.utilisation <= 1
    assert prediction.clocks_per_sample < plan.clocks_bound
    n_beats = sum(-(-n // plan.samples_per_clock) for n in (plan.n_inputs, plan.output.n_out))
    assert sample_beats(plan, x, target).shape == (5 * n_beats, plan.samples_per_clock)
    reference = engine.part("reference")(plan)
    assert reference.train_run(plan.input.to_real(x), target / q.one).shape == outputs.shape
