"""Resident samples: words and places, read back beat by beat in plain Python."""

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.engines import make_plan
from taxonn_hw.errors import UserError
from taxonn_hw.plan.resident import resident_layout
from taxonn_hw.plan.streams import sample_beats


def make(**keys):
    return make_plan(config_from_dict({"layers": [6, 5, 3], "lanes": 4, "resident": 9, **keys}))


def read_back(layout, words, start, n_beats):
    """The beats of the sample that begins at ``start``."""
    beats = []
    while len(beats) < n_beats:
        beat, run = words[start]
        beats += [beat, *[[0] * len(beat)] * run]
        start += 1
    assert len(beats) == n_beats, "the last run ends with the sample"
    return beats


@pytest.mark.parametrize("group, inputs", [(1, 6), (4, 6), (1, 700), (2, 90)])
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_words_are_the_samples(group, inputs, share):
    plan = make(layers=[inputs, 5, 3], samples_per_clock=group)
    layout, rng, n = resident_layout(plan), np.random.default_rng(3), 7
    x = rng.integers(1, 256, (n, inputs)) * (rng.random((n, inputs)) < share)
    target = rng.integers(0, 2, (n, 3)) * 128
    elements, starts = layout.encode(plan, x, target)
    pairs = elements.reshape(-1, 2, group)
    runs = pairs[:, 1] @ 256 ** np.arange(group)  # elements of 8 bits
    assert runs.max() < 1 << layout.run_bits
    words = [(beat.tolist(), int(run)) for beat, run in zip(pairs[:, 0], runs, strict=True)]
    expected = sample_beats(plan, x, target).reshape(n, -1, group)
    assert expected.shape[1] == layout.input_beats + layout.target_beats
    for k, start in enumerate(starts):
        assert read_back(layout, words, start, expected.shape[1]) == expected[k].tolist()
    if share == 1.0:
        assert len(words) <= n * expected.shape[1]
    longest = (1 << layout.run_bits)
    assert len(words) <= np.count_nonzero(expected.any(axis=2)) + n * (
        1 + expected.shape[1] // longest)


def test_signed_codes_are_elements():
    plan = make(formats={"input": "s8.7"}, samples_per_clock=1)
    x = np.array([[-1, -128, 0, 5, 0, 0]])
    elements, _ = resident_layout(plan).encode(plan, x, np.zeros((1, 3), dtype=np.int64))
    assert elements.ravel().tolist() == [255, 0, 128, 1, 5, 5]


def test_sizes():
    plan = make(samples_per_clock=1)
    layout = resident_layout(plan)
    assert (layout.words, layout.word_bits, layout.address_beats) == (9 * 9, 16, 1)
    layout = resident_layout(make(samples_per_clock=1, resident=300, resident_sample_words=1))
    assert (layout.words, layout.address_beats) == (300, 2)
    assert layout.addresses(plan, np.array([3, 257, 299])).ravel().tolist() == [3, 0, 1, 1, 43, 1]
    layout = resident_layout(make(samples_per_clock=4, resident=70_00, resident_sample_words=99))
    assert (layout.run_bits, layout.address_beats) == (4, 1)
    assert resident_layout(make(resident=0)).words == 0


@pytest.mark.parametrize("key, value", [("resident", -1), ("resident", 65537),
                                        ("resident_sample_words", 0)])
def test_bad_keys(key, value):
    with pytest.raises(UserError, match=f"{key}: must be"):
        make(**{key: value})
