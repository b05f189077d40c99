"""Walk and row addresses against the interleaver: every clock, cycle after cycle, with pauses."""

import pytest

from taxonn_hw.plan.edge.interleaver import make_interleaver
from taxonn_hw.rtl.edge.rows import LOGIC_CLOCKS, InterleaverRows
from taxonn_hw.rtl.edge.walk import Walk
from taxonn_hw.testing import trace

KINDS = ["basic", "sv", "ss+md", "sv+ss", "type1", "type2", "type3"]


def clocks(cycles: int, pauses) -> list[int | None]:
    """Clocks of junction cycles with so many idle clocks after each."""
    found: list[int | None] = [None]
    for pause in pauses:
        found += [*range(cycles), *[None] * pause]
    return found


@pytest.mark.parametrize(("cycles", "sweeps", "groups", "parts"), [
    (12, 3, 12, 4), (12, 12, 4, 2), (12, 1, 1, 1), (1, 1, 1, 1), (15, 5, 5, 2), (6, 2, 6, 6),
])
def test_walk(cycles, sweeps, groups, parts):
    dut = Walk(cycles=cycles, sweeps=sweeps, groups=groups, parts=parts)
    times = clocks(cycles, [1, 5, 3])
    steps = [{"valid": int(k is not None), "first": int(k == 0)} for k in times] + [{}]
    names = ["sweep_ahead", "sweep_starts", "sweep", "sweep_first", "sweep_last", "row", "part",
             "group_first", "group_last"]
    seen = trace(dut, steps, names)
    depth, length = cycles // sweeps, cycles // groups
    for at, k in enumerate(times):
        if k is None:
            continue
        assert seen[at]["sweep_ahead"] == k // depth
        assert seen[at]["sweep_starts"] == (k % depth == 0)
        now, group = seen[at + 1], k // length
        assert now["sweep"] == k // depth
        assert (now["sweep_first"], now["sweep_last"]) == (k < depth, k >= cycles - depth)
        assert (now["row"], now["part"]) == divmod(group, parts)
        assert (now["group_first"], now["group_last"]) == (
            k % length == 0, k % length == length - 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n_left", "fan_out", "z"), [
    (24, 3, 6), (12, 5, 6), (10, 2, 1), (21, 4, 3), (36, 13, 6), (7, 10, 1),
])
def test_rows(kind, n_left, fan_out, z):
    """Short junction cycles and, from 65 clocks on, the counters and the table."""
    interleaver = make_interleaver(kind, n_left=n_left, fan_out=fan_out, z=z, seed=3)
    cycles, depth = len(interleaver.rows), interleaver.depth
    assert (cycles > LOGIC_CLOCKS) == (fan_out >= 10)
    dut = InterleaverRows(interleaver=interleaver)
    times = [None, None, *clocks(cycles, [1, 4])]
    steps = [{"clock": later or 0, "valid": int(k is not None), "sweep": (k or 0) // depth,
              "starts": int(k is not None and k % depth == 0)}
             for k, later in zip(times, [*times[2:], 0, 0], strict=True)] + [{}]
    seen = trace(dut, steps, [f"rows.{mu}" for mu in range(z)])
    for at, k in enumerate(times):
        if k is not None:
            assert list(seen[at + 1].values()) == interleaver.rows[k].tolist(), k
