"""The search of formats: its steps by hand, and where it ends when accuracy is a known function."""

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict, load_config
from taxonn_hw.data import Dataset, load_for
from taxonn_hw.engines import make_plan
from taxonn_hw.errors import UserError
from taxonn_hw.explore import formats
from taxonn_hw.explore.formats import held_out, narrower, search_formats, with_format
from taxonn_hw.fixed import parse_format

SMALL = {"layers": [6, 5, 3], "lanes": 2, "data": "random", "seed": 3}


@pytest.mark.parametrize(("fmt", "found"), [
    ("s8.7", ["s7.6", "s7.7"]), ("u4.4", ["u3.3", "u3.4"]), ("s2.0", []), ("u1.3", []),
    ("p4.6", ["p3.2", "p3.6"]), ("p2.5", [])])
def test_one_bit_less(fmt, found):
    """p4.6 is 2**-6 to 2**0; its upper half is 2**-2 to 2**0, its lower one 2**-6 to 2**-4."""
    assert [str(narrow) for narrow in narrower(parse_format(fmt))] == found


def test_what_is_held_out_is_not_trained_on():
    x = np.arange(13, dtype=np.float32)[:, None]
    whole = Dataset(name="n", x_train=x, y_train=np.arange(13), x_test=-x, y_test=-np.arange(13),
                    n_classes=13)
    part = held_out(whole)
    assert part.x_test[:, 0].tolist() == part.y_test.tolist() == [5, 11]
    assert part.x_train[:, 0].tolist() == part.y_train.tolist() == [
        0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 12]


@pytest.mark.parametrize(("key", "fmt"), [("delta", "p3.5"), ("delta", "s5.4"),
                                          ("activation", "u3.1"), ("weight", "s9.9")])
def test_a_format_in_its_place(key, fmt):
    """A power of two stays one, and what was there before stays too."""
    config = config_from_dict(SMALL)
    twice = with_format(with_format(config, 1, "operand", parse_format("s5.5")), 0, key,
                        parse_format(fmt))
    first, second = make_plan(twice).layers
    assert str(getattr(first.formats, formats.SIGNALS[key])) == fmt
    assert str(second.formats.operand) == "s5.5"
    assert make_plan(config).layers[1].formats.delta == second.formats.delta


def known(monkeypatch, least, float_accuracy=90.0):
    """Accuracy is 90 % less a point for each bit that a signal is below ``least`` of its key, and
    less 50 where it has fewer than 3 fraction bits; count what was trained."""
    trained = []

    class Run:
        def __init__(self, plan):
            self.float_accuracy, self.test_accuracy = float_accuracy, 90.0
            for layer in plan.layers:
                for key, name in formats.SIGNALS.items():
                    fmt = getattr(layer.formats, name)
                    if key in least:
                        self.test_accuracy -= max(least[key] - fmt.width, 0)
                        self.test_accuracy -= 50 * (fmt.frac < 3)

    def train(plan, dataset, *, epochs, with_float):
        trained.append((plan.config.seed, epochs, len(dataset.x_train), with_float))
        return Run(plan)

    monkeypatch.setattr(formats, "train_golden", train)
    return trained


def search(config=None, **options):
    config = config or config_from_dict(SMALL)
    dataset = load_for(make_plan(config), samples=60)
    return search_formats(config, dataset, **{"loss": 0, "epochs": 2, **options})


def test_every_signal_ends_where_it_is_needed(monkeypatch):
    trained = known(monkeypatch, {"weight": 9, "operand": 6, "activation": 4, "delta": 5})
    found = search(seeds=2)
    one, two = found.after
    assert [f.weight.width for f in found.after] == [9, 9]
    assert [f.operand.width for f in found.after] == [6, 6]
    assert [f.delta.width for f in found.after] == [5, 5]
    assert one.a.width == 4 and two.a == found.before[1].a  # the output is not searched
    assert min(f.frac for k in found.after for f in (k.weight, k.operand, k.delta)) >= 3
    assert [layer.formats for layer in make_plan(found.config).layers] == found.after
    assert found.trainings == len(trained) and {seed for seed, *_ in trained} == {3, 4}
    assert found.loss == 0 and found.golden == [90.0] * 2 == found.reference
    # Candidates without a sixth of the samples; at the end once more with all, float beside it.
    assert {n for _, _, n, _ in trained[:-2]} == {50} and {n for _, _, n, _ in trained[-2:]} == {60}
    assert [with_float for *_, with_float in trained].count(True) == 4


def test_a_loss_buys_bits(monkeypatch):
    known(monkeypatch, {"weight": 9, "operand": 6, "activation": 4, "delta": 5})
    found = search(loss=3)
    widths = [f.width for k in found.after for f in (k.weight, k.operand, k.delta)]
    assert sum(widths) + found.after[0].a.width == 2 * (9 + 6 + 5) + 4 - 3
    assert found.loss == 3


def test_a_signal_that_was_refused_is_tried_again(monkeypatch):
    """The operand cannot be wider than the weight, and here narrows only once the weight has."""
    least = {"weight": 10, "operand": 6, "activation": 8, "delta": 8}
    known(monkeypatch, least)
    seen = []
    narrow = formats._Search.narrow

    def late(self, config, layer, key, enough):
        seen.append((layer, key))
        if key == "operand" and make_plan(config).layers[1].formats.weight.width > 10:
            return None
        return narrow(self, config, layer, key, enough)

    monkeypatch.setattr(formats._Search, "narrow", late)
    assert [f.operand.width for f in search().after] == [6, 6]
    assert seen.count((0, "operand")) > 2


@pytest.mark.parametrize("better", ["s7.6", "s7.7"])
def test_of_two_the_better_one_stays(monkeypatch, better):
    config = config_from_dict(SMALL)
    monkeypatch.setattr(formats._Search, "accuracies", lambda self, narrow: (
        [85 + 3 * (str(make_plan(narrow).layers[0].formats.operand) == better)], None))
    searching = formats._Search(None, 1, range(1))
    found, accuracy = searching.narrow(config, 0, "operand", 80)
    assert (str(make_plan(found).layers[0].formats.operand), accuracy) == (better, 88)
    assert searching.narrow(config, 0, "operand", 89) is None


@pytest.mark.parametrize(("keys", "options", "message"), [
    ({}, {"loss": -0.5}, "the loss must be at least 0 points, not -0.5"),
    ({}, {"loss": float("nan")}, "the loss must be at least 0 points, not nan"),
    ({"engine": "edge", "layers": [8, 4, 2], "lanes": 64}, {},
     "formats are searched for engine taxonn, not edge"),
    ({"loadable": {}}, {}, "formats are searched for a network, not for a loadable build"),
], ids=range(4))
def test_what_cannot_be_searched(keys, options, message):
    with pytest.raises(UserError, match=message):
        search(config_from_dict({**SMALL, **keys}), **options)


def test_too_few_samples():
    plan = make_plan(config_from_dict(SMALL))
    with pytest.raises(UserError, match="at least 6 training samples, not 5"):
        search_formats(plan.config, load_for(plan, samples=5), loss=1, epochs=1)


def test_a_start_that_loses_too_much(monkeypatch):
    known(monkeypatch, {}, float_accuracy=92.5)
    with pytest.raises(UserError, match=r"lose 2.50 points to float, more than 1;"):
        search(loss=1)


def test_trained_for_real():
    """One-minimal: of what was found no signal can give up another bit, by the same measure."""
    config = load_config("xor-2-4-1")
    found = search_formats(config, load_for(make_plan(config), samples=60), loss=10, epochs=3)
    again = search_formats(found.config, load_for(make_plan(config), samples=60), loss=10, epochs=3)
    assert sum(k.weight.width for k in found.after) < sum(k.weight.width for k in found.before)
    assert again.after == found.after
