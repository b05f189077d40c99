"""Connections: rules for random sizes, published examples and counts, measures by their meaning."""

from collections import Counter
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxonn_hw.golden.edge.connectivity import (
    adjacency,
    check_connections,
    dispersion,
    image_windows,
    pattern_count,
    product_adjacency,
    scatter,
    spread,
    weight_interleaver,
    windows,
)
from taxonn_hw.plan.edge.interleaver import Interleaver, make_interleaver

KINDS = ["basic", "sv", "ss", "md", "sv+ss", "ss+md", "sv+md", "sv+ss+md", "type1", "type2",
         "type3"]


@st.composite
def sizes(draw):
    """Draw n_left, n_right, fan_out, z that fit: fan_in whole, z divides n_left."""
    z, depth = draw(st.integers(1, 12)), draw(st.integers(1, 9))
    n_left, fan_out = z * depth, draw(st.integers(1, 8))
    edges = n_left * fan_out
    n_right = draw(st.sampled_from([n for n in range(1, edges + 1) if edges % n == 0]))
    return n_left, n_right, fan_out, z


@settings(max_examples=300, deadline=None, derandomize=True)
@given(sizes(), st.sampled_from(KINDS), st.integers(0, 1000))
def test_every_interleaver_is_clash_free_and_valid(size, kind, seed):
    n_left, n_right, fan_out, z = size
    pattern = make_interleaver(kind, n_left=n_left, fan_out=fan_out, z=z, seed=seed)
    fan_in = n_left * fan_out // n_right
    left = pattern.left.reshape(n_right, fan_in)
    verdict = check_connections(left, n_left=n_left, n_right=n_right, z=z)
    assert verdict.clash_free and verdict.valid
    matrix = adjacency(left, n_left)
    assert (matrix.sum(axis=0) == fan_out).all() and (matrix.sum(axis=1) == fan_in).all()
    assert verdict.duplicates == (matrix - 1).clip(0).sum()
    if n_left % fan_in == 0:
        assert verdict.duplicates == 0  # the edges of a right neuron lie in one sweep
    order = weight_interleaver(pattern)
    assert sorted(order.tolist()) == list(range(n_left * fan_out))
    for clock in range(n_left * fan_out // z):  # as hardware reads it: each memory shows one row
        assert sorted(pattern.memories[clock].tolist()) == list(range(z))
        for lane in range(z):
            memory = pattern.memories[clock, lane]
            assert (pattern.left[clock * z + lane]
                    == pattern.rows[clock, memory] * z + memory)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(sizes(), st.sampled_from([kind for kind in KINDS if kind != "type1"]),
       st.integers(0, 1000))
def test_starts_count_upwards(size, kind, seed):
    n_left, _, fan_out, z = size
    pattern = make_interleaver(kind, n_left=n_left, fan_out=fan_out, z=z, seed=seed)
    depth = n_left // z
    assert pattern.depth == depth and pattern.starts.shape == (fan_out, z)
    rows = pattern.rows.reshape(fan_out, depth, z)
    assert (rows[:, 0] == pattern.starts).all()
    assert ((rows[:, 1:] - rows[:, :-1]) % depth == 1 % depth).all()


def test_what_each_kind_changes():
    """Large enough that a random coincidence cannot happen."""
    def pattern(kind):
        return make_interleaver(kind, n_left=256, fan_out=4, z=32, seed=1)

    for kind in KINDS:
        p = pattern(kind)
        assert (p.table is not None) == (kind == "type1")
        assert (p.dither is not None) == ("md" in kind)
        same_sweeps = kind in ("basic", "sv", "md", "sv+md", "type3")
        assert p.same_sweeps == same_sweeps
        if kind in ("type1", "type2", "type3"):
            continue
        for starts in p.starts:
            assert Counter(starts.tolist()) == dict.fromkeys(range(8), 4)
            repeats = (starts.reshape(4, 8) == starts[:8]).all()
            assert repeats == ("sv" not in kind)
    assert any(Counter(s.tolist()) != dict.fromkeys(range(8), 4) for s in pattern("type2").starts)
    dither = pattern("md").dither
    assert len({tuple(row) for row in dither.tolist()}) == 4  # new for each sweep
    sweeps = pattern("type1").table
    assert len({tuple(sweeps[q, :, m]) for q in range(4) for m in range(32)}) > 100


def test_a_start_vector_repeats_or_is_cut():
    """The talk: r = {2, 0, 3, 1} with z = 8 becomes {2, 0, 3, 1, 2, 0, 3, 1}."""
    starts = make_interleaver("basic", n_left=32, fan_out=2, z=8, seed=2).starts
    assert sorted(starts[0, :4]) == [0, 1, 2, 3] and (starts[0, 4:] == starts[0, :4]).all()
    cut = make_interleaver("basic", n_left=24, fan_out=1, z=3, seed=2).starts[0]
    assert len(set(cut.tolist())) == 3 and cut.max() < 8


def test_worked_example_of_the_talk():
    """p = 32, fo = 2, z = 8: edge 45 reads row 1 of memory 5, neuron 13, left-ordered edge 27."""
    starts = np.zeros((2, 8), dtype=np.int64)  # row t[45 mod 32] = 1: lane 5, step 1
    pattern = Interleaver(32, 2, 8, starts=starts)
    assert pattern.rows[45 // 8, 45 % 8] == 1
    assert pattern.left[45] == 13
    assert weight_interleaver(pattern)[45] == 27


def test_seeds_decide():
    args = {"n_left": 64, "fan_out": 2, "z": 16}
    for kind in KINDS:
        first = make_interleaver(kind, **args, seed=[1, 2])
        assert (first.left == make_interleaver(kind, **args, seed=[1, 2]).left).all()
        assert (first.left != make_interleaver(kind, **args, seed=[1, 3]).left).any()


def test_memories_must_be_full():
    with pytest.raises(ValueError, match="10 left neurons do not fill 3 memories evenly"):
        make_interleaver("basic", n_left=10, fan_out=1, z=3, seed=0)


def test_broken_connections_are_found():
    good = make_interleaver("sv+ss+md", n_left=12, fan_out=2, z=4, seed=5).left

    def verdict(left):
        return check_connections(left, n_left=12, n_right=4, z=4)

    assert verdict(good).clash_free and verdict(good).valid
    clash = good.copy()
    clash[[0, 4]] = clash[[4, 0]]  # another clock of the sweep: a clash if memories differ
    assert verdict(clash).valid
    assert verdict(clash).clash_free == (good[0] % 4 == good[4] % 4)
    clash = good.copy()
    other = next(i for i in range(4, 12) if good[i] % 4 != good[0] % 4)
    clash[[0, other]] = clash[[other, 0]]
    assert verdict(clash) == type(verdict(clash))(
        clash_free=False, valid=True, duplicates=verdict(clash).duplicates)
    invalid = good.copy()
    invalid[0] = invalid[4 + next(i for i in range(4) if good[4 + i] % 4 == good[0] % 4)]
    assert verdict(invalid).clash_free and not verdict(invalid).valid
    assert not verdict(good[:-1]).valid


def test_repeated_connections_are_counted():
    """Six edges of a right neuron over sweeps of four left neurons: two pairs are joined twice."""
    left = [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]
    verdict = check_connections(left, n_left=4, n_right=2, z=2)
    assert (verdict.clash_free, verdict.valid, verdict.duplicates) == (True, True, 4)


@pytest.mark.parametrize(("kind", "without", "with_dither"), [
    ("type1", 46656, 60466176), ("type2", 729, 236196), ("type3", 27, 486)])
def test_published_pattern_counts(kind, without, with_dither):
    assert pattern_count(kind, n_left=9, n_right=6, fan_out=2, z=3) == without
    assert pattern_count(kind, n_left=12, n_right=12, fan_out=2, z=4, dither=True) == with_dither


@pytest.mark.parametrize(("n_left", "n_right", "fan_out", "z"), [
    (4, 4, 1, 2), (4, 2, 1, 2), (4, 4, 2, 2), (6, 6, 1, 3), (4, 4, 1, 4), (4, 2, 2, 2),
    (6, 3, 1, 2)])
@pytest.mark.parametrize("dither", [False, True])
def test_pattern_counts_by_trying_all(n_left, n_right, fan_out, z, dither):
    """All starts, tables and dithers; patterns are who is joined to whom in which clock."""
    depth, fan_in = n_left // z, n_left * fan_out // n_right

    def connections(pattern):
        left = pattern.left.reshape(n_right, fan_in)
        clock = (np.arange(left.size) // z).reshape(left.shape)
        return tuple(frozenset(zip(row.tolist(), k.tolist(), strict=True))
                     for row, k in zip(left, clock, strict=True))

    lanes = list(permutations(range(z))) if dither else [tuple(range(z))]
    rows = list(product(range(depth), repeat=z))
    orders = list(product(permutations(range(depth)), repeat=z))
    found = {"type1": set(), "type2": set(), "type3": set()}
    for v in product(lanes, repeat=fan_out):
        v = np.array(v)
        for starts in product(rows, repeat=fan_out):
            p = Interleaver(n_left, fan_out, z, starts=np.array(starts), dither=v)
            found["type2"].add(connections(p))
            if len(set(starts)) == 1 and (v == v[0]).all():
                found["type3"].add(connections(p))
        for tables in product(orders, repeat=fan_out):
            table = np.array(tables).transpose(0, 2, 1)
            p = Interleaver(n_left, fan_out, z, table=table, dither=v)
            found["type1"].add(connections(p))
    for kind, patterns in found.items():
        assert len(patterns) == pattern_count(kind, n_left=n_left, n_right=n_right,
                                              fan_out=fan_out, z=z, dither=dither)


def test_patterns_without_closed_form():
    with pytest.raises(ValueError, match="neither fan-in 2 nor z 3"):
        pattern_count("type2", n_left=6, n_right=3, fan_out=1, z=3, dither=True)
    with pytest.raises(ValueError, match="not sv"):
        pattern_count("sv", n_left=6, n_right=3, fan_out=1, z=3)


def test_spread_and_dispersion_by_their_meaning():
    def slow_spread(order):
        n = len(order)
        return np.mean([min(abs(i - j) + abs(order[i] - order[j]) for j in range(n) if j != i)
                        for i in range(n)])

    def slow_dispersion(order):
        n = len(order)
        pairs = [(j - i, order[j] - order[i]) for i in range(n) for j in range(i + 1, n)]
        return len(set(pairs)) / len(pairs)

    rng = np.random.default_rng(1)
    for n in (2, 3, 10, 40):
        order = rng.permutation(n)
        assert spread(order) == pytest.approx(slow_spread(order))
        assert dispersion(order) == pytest.approx(slow_dispersion(order))
    assert spread(np.arange(9)) == 2 and spread([0]) == dispersion([0]) == 0
    assert dispersion(np.arange(9)) == pytest.approx(8 / 36)  # one displacement a distance


def test_variants_order_as_in_the_talk():
    """Basic spreads most and disperses least; dither disperses most."""
    def measures(kind):
        orders = [weight_interleaver(make_interleaver(kind, n_left=128, fan_out=2, z=16, seed=s))
                  for s in range(8)]
        return (np.mean([spread(order) for order in orders]),
                np.mean([dispersion(order) for order in orders]))

    basic, sv_ss, dithered = measures("basic"), measures("sv+ss"), measures("sv+ss+md")
    assert basic[0] > sv_ss[0] and basic[0] > dithered[0]
    assert basic[1] < sv_ss[1] < dithered[1]


def test_scatter():
    even = adjacency(np.array([[0, 2], [1, 3], [0, 3], [1, 2]]), 4)
    halves = windows(4, 2)
    assert halves.tolist() == [0, 0, 1, 1]
    assert scatter(even, halves) == 1
    uneven = adjacency(np.array([[0, 1], [2, 3], [0, 1], [2, 3]]), 4)
    assert scatter(uneven, halves) == 0.5  # two where one is ideal counts as one
    assert scatter(uneven.T, windows(4, 2)) == 1
    paths = product_adjacency([uneven, np.array([[1, 1, 0, 0], [0, 0, 1, 1]])])
    assert paths.tolist() == [[1, 1, 1, 1], [1, 1, 1, 1]] and scatter(paths, halves) == 1
    short = windows(5, 2)  # the last window has one neuron: its share is a fifth
    assert scatter(np.array([[2, 2, 2, 2, 2]]), short) == 1
    # ideal 0.8, 0.8 and 0.4 edges
    assert scatter(np.array([[1, 0, 0, 0, 1]]), short) == pytest.approx((1 + 0 + 1) / 3)


def test_image_windows():
    assert image_windows(4, 6, 2).reshape(4, 6).tolist() == [
        [0, 0, 1, 1, 2, 2]] * 2 + [[3, 3, 4, 4, 5, 5]] * 2
    assert image_windows(3, 5, 2).reshape(3, 5).tolist() == [
        [0, 0, 1, 1, 2]] * 2 + [[3, 3, 4, 4, 5]]
