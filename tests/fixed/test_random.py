"""Random words: the two recurrences in plain loops, purity, and statistics."""

import numpy as np
import pytest

from taxonn_hw.fixed import RandomWords
from taxonn_hw.fixed.random import (
    LAG_LONG,
    LAG_SHORT,
    activation_index,
    delta_index,
    initial_state,
    mix_rows,
    step_state,
)

N_SAMPLES = 4096
ROWS = np.array([0, 1, 2, 3, 7, 8, 100, 127, 128, 255, 783, 784])


def words_of(seed: int, lanes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the row words [samples, rows] and lane words [samples, lanes] of a run."""
    random, rows, lane = RandomWords(seed=seed, lanes=lanes, addresses=ROWS), [], []
    for _ in range(N_SAMPLES):
        rows.append(random.rows(ROWS))
        lane.append(random.lane.copy())
        random.advance()
    return np.array(rows), np.array(lane)


@pytest.fixture(scope="module")
def words():
    return words_of(seed=1, lanes=40)


def slow_row(row: int, state: int) -> int:
    """Return the row word in plain integers: six keyed rounds on two bytes."""
    word = (row + state % 65536) % 65536
    x, y = word // 256, word % 256
    for i, key in enumerate([16, 24, 0, 8, 16, 24]):
        x = (x * 2 % 256 + x // 128 + y) % 256 ^ (state >> key) % 256 ^ i
        y = (y * 8 % 256 + y // 32) ^ x
    return x * 256 + y


def slow_step(state: int) -> int:
    """Return the xorshift successor (13, 17, 5) in plain integers."""
    state ^= state * 2**13 % 2**32
    state ^= state // 2**17
    return state ^ state * 2**5 % 2**32


@pytest.mark.parametrize(("seed", "lanes"), [(0, 1), (1, 3), (7, 128), (2, 200)])
def test_words_follow_the_recurrences(seed, lanes):
    """Beyond the 1024 samples that are made at once."""
    random = RandomWords(seed=seed, lanes=lanes, addresses=ROWS)
    state, start = initial_state(seed, lanes)
    bits = start[:LAG_LONG].tolist()
    for t in range(LAG_LONG, 16 * 2100 + lanes + 16):
        bits.append(bits[t - LAG_SHORT] ^ bits[t - LAG_LONG])
    for sample in range(2100):
        if sample < 40 or sample % 97 == 0 or 1020 < sample < 1030:
            for lane in {0, lanes // 2, lanes - 1}:
                window = bits[16 * sample + lane:][:16]
                assert random.lane[lane] == sum(bit << j for j, bit in enumerate(window))
            assert random.rows(ROWS).tolist() == [slow_row(int(r), state) for r in ROWS]
            assert random.lane.shape == (lanes,) and random.lane.dtype == np.uint16
        random.advance()
        state = slow_step(state)


def test_row_words_do_not_depend_on_order_or_company():
    random = RandomWords(seed=3, lanes=2)
    every = random.rows(np.arange(500))
    chosen = np.random.default_rng(0).permutation(500)[:60]
    np.testing.assert_array_equal(random.rows(chosen), every[chosen])
    assert random.rows(499) == every[499]
    assert every.dtype == np.uint16
    random.advance()
    assert (random.rows(chosen) != every[chosen]).sum() > 50


def test_restart_and_seeds():
    random, other = (RandomWords(seed=seed, lanes=5, addresses=ROWS) for seed in (3, 4))
    first = [(random.rows(ROWS).tolist(), random.lane.tolist())]
    assert first[0] != (other.rows(ROWS).tolist(), other.lane.tolist())
    for _ in range(1500):
        random.advance()
        first.append((random.rows(ROWS).tolist(), random.lane.tolist()))
    random.restart()
    for n in range(1501):
        assert (random.rows(ROWS).tolist(), random.lane.tolist()) == first[n]
        random.advance()


def test_lane_words_do_not_depend_on_the_number_of_lanes():
    few, many = (RandomWords(seed=9, lanes=lanes, addresses=ROWS) for lanes in (3, 300))
    for _ in range(1100):
        np.testing.assert_array_equal(few.lane, many.lane[:3])
        few.advance()
        many.advance()


def test_states_never_stick():
    assert all(initial_state(seed, 1)[0] and initial_state(seed, 1)[1].any() for seed in range(300))
    state, seen = 1, set()
    for _ in range(5000):
        seen.add(state)
        state = step_state(state)
    assert len(seen) == 5000 and 0 not in seen


@pytest.mark.parametrize("state", [0, 1, 0xDEADBEEF, 0xFFFFFFFF])
def test_rows_of_a_sample_have_distinct_words(state):
    assert len(np.unique(mix_rows(np.arange(1 << 16), [state]))) == 1 << 16


def test_store_addresses_count_down_from_the_top():
    assert delta_index(np.array([0, 3])).tolist() == [0xFFFF, 0xFFFC]
    assert activation_index(np.array([0, 3])).tolist() == [0xBFFF, 0xBFFC]


def signs(words: np.ndarray) -> np.ndarray:
    """Return the bits of ``words`` [samples, n] as +-1 [samples, 16 n], float64."""
    bits = words[:, :, None] >> np.arange(16, dtype=np.uint16) & 1
    return 1.0 - 2.0 * bits.reshape(len(words), -1)


def scores(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the correlations of all columns in standard deviations of fair coins."""
    return np.abs(left.T @ right) / np.sqrt(len(left))


def test_bits_are_fair(words):
    rows, lane = words
    for bits in (signs(rows), signs(lane), signs(rows[:, :1] ^ lane)):
        assert np.abs(bits.sum(axis=0)).max() < 4.5 * np.sqrt(len(bits))


def test_words_of_a_cell_are_uniform(words):
    rows, lane = words
    for row in range(3):
        for lane_idx in range(3):
            counts = np.bincount((rows[:, row] ^ lane[:, lane_idx]) >> 8, minlength=256)
            chi2 = ((counts - N_SAMPLES / 256) ** 2 / (N_SAMPLES / 256)).sum()
            assert 255 - 5 * np.sqrt(510) < chi2 < 255 + 5 * np.sqrt(510)


def test_lanes_of_a_row_are_uncorrelated(words):
    """Any bit of any lane against any bit of any other, though neighbours share 15 bits."""
    rows, lane = words
    bits = signs(rows[:, :1] ^ lane[:, :20])
    table = scores(bits, bits)
    np.fill_diagonal(table, 0)
    assert table.max() < 6


def test_samples_of_a_cell_are_uncorrelated(words):
    rows, lane = words
    bits = signs((rows[:, :4, None] ^ lane[:, None, :5]).reshape(N_SAMPLES, -1))
    for lag in (1, 2, 3, 5, 6, 19):
        assert scores(bits[lag:], bits[:-lag]).max() < 6


def test_rounding_errors_of_a_row_add_up_like_independent_ones(words):
    """The variance of a sum over lanes is the sum of the variances."""
    rows, lane = words
    errors = ((rows[:, :1] ^ lane) + 0.5) / 65536 - 0.5
    ratio = errors.sum(axis=1).var() / (lane.shape[1] / 12)
    assert abs(ratio - 1) < 5 * np.sqrt(2 / N_SAMPLES)


def test_rows_of_a_sample_are_uncorrelated():
    """Any bit of any row against any bit of any other, powers of two apart or neighbours."""
    state, states = initial_state(5, 1)[0], []
    for _ in range(N_SAMPLES):
        states.append(state)
        state = step_state(state)
    address = np.array([0, 1, 2, 3, 4, 16, 256, 257, 1024, 4096, 0x8000, 0xBFFF, 0xFFFF])
    bits = signs(mix_rows(address, states))
    table = scores(bits, bits)
    np.fill_diagonal(table, 0)
    assert table.max() < 6


def test_rounding_errors_of_a_column_add_up_like_independent_ones():
    states = [initial_state(seed, 1)[0] for seed in range(4000)]
    errors = (mix_rows(np.arange(784), states) + 0.5) / 65536 - 0.5
    ratio = errors.sum(axis=1).var() / (784 / 12)
    assert abs(ratio - 1) < 5 * np.sqrt(2 / len(states))
