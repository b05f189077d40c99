"""The schedule of a sample: passes, loads and lost clocks add up to what was predicted."""

from itertools import pairwise

import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.data import load_for
from taxonn_hw.engines import make_plan
from taxonn_hw.errors import UserError
from taxonn_hw.golden.first_samples import run_first_samples
from taxonn_hw.plan.schedule import sample_schedule

CONV = {"kind": "conv", "channels": 3, "kernel": 3, "pool": "max"}
NETS = {
    "dense": {"layers": [7, 5, 3], "lanes": 4},
    "without skipping": {"layers": [7, 5, 3], "lanes": 4, "zero_skip": False},
    "one lane, three layers": {"layers": [3, 2, 2, 1], "lanes": 1},
    "inference": {"layers": [9, 4, 2], "lanes": 4, "training": False},
    "conv": {"input_shape": [1, 7, 7], "layers": [CONV, {"size": 3}], "lanes": 4},
}


def predict(keys, samples=6):
    plan = make_plan(config_from_dict({"data": "random", **keys}))
    return run_first_samples(plan, load_for(plan, samples=samples), samples).prediction


@pytest.mark.parametrize("keys", NETS.values(), ids=NETS)
def test_everything_adds_up(keys):
    prediction = predict(keys)
    assert sum(p.slots for p in prediction.passes if p.sample < 2) <= prediction.slots
    for before, after in pairwise(prediction.passes):
        assert before.first <= before.last < after.first
    for one in prediction.passes:
        assert 0 <= one.slots <= one.last - one.first + 1
        updates_only = one.element == "update"  # which has no results
        assert (one.stored is None) if updates_only else one.stored > one.last
    for before, after in pairwise(prediction.loads):
        assert before.sample + 1 == after.sample and before.last < after.first
    schedule = sample_schedule(prediction)
    assert 0 < schedule.sample < prediction.samples - 1
    spent = sum(p.last - p.first + 1 for p in schedule.passes)
    assert spent + sum(schedule.waits()) == schedule.clocks
    assert min(schedule.waits()) >= 0 and schedule.passes[0].first == 0
    assert len(schedule.facts()["passes"]) == len(schedule.passes)
    assert any(one.last >= 0 for one in schedule.loads)  # the next sample comes meanwhile


def test_results_are_waited_for():
    """A pass that needs the layer before starts when its results can be read, not earlier."""
    first, second = sample_schedule(predict(NETS["conv"])).passes[:2]
    assert (first.layer, second.layer, second.element) == (1, 2, "forward")
    assert second.first >= first.stored


def test_all_slots_are_in_a_pass():
    prediction = predict(NETS["dense"])
    assert sum(p.slots for p in prediction.passes) == prediction.slots


def test_too_few_samples():
    with pytest.raises(UserError, match="a schedule needs 3 samples, there are 2"):
        sample_schedule(predict(NETS["dense"], samples=2))


def test_no_passes():
    plan = make_plan(config_from_dict({"engine": "edge", "layers": [4, 4, 2], "lanes": 8,
                                       "data": "random"}))
    prediction = run_first_samples(plan, load_for(plan, samples=4), 4).prediction
    with pytest.raises(UserError, match="only engine taxonn has a schedule"):
        sample_schedule(prediction)
