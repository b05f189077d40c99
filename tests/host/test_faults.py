"""The fault campaign on the compiled board; a slice of it here, all of it in `make test-all`."""

import random
from collections import Counter

import pytest

from taxonn_hw.host.link_faults import KINDS, FaultyPipe, HostKilled, run_campaign

from .linked_board import Board


@pytest.fixture(scope="module")
def board(tmp_path_factory, require_tool):
    require_tool("verilator")
    board = Board(tmp_path_factory.mktemp("board"), layers=[6, 5, 3], lanes=4, resident=40)
    with board.model:
        yield board


def campaign(board, folder, n_faults, seed, kinds=None, n=40, resident=False):
    x, target = board.samples(n)
    start, golden = board.golden()
    golden.train_run(x, target)
    return run_campaign(
        board.plan, board.model,
        lambda pipe: board.connect(pipe, timeout_s=0.5, rng=random.Random(seed)),
        start=start, x=x, target=target, expected=golden.parameters, folder=folder,
        n_faults=n_faults, seed=seed, kinds=kinds, resident=resident)


def test_a_slice(board, tmp_path):
    result = campaign(board, tmp_path, 60, seed=1)
    print(result.summary())
    assert result.wrong == 0 and result.n_faults >= 60 and result.runs >= 2
    assert len(result.faults) >= 10


def test_a_slice_with_resident_samples(board, tmp_path):
    """Whatever is lost while the memory is filled, or asked for its samples."""
    result = campaign(board, tmp_path, 25, seed=4, resident=True)
    print(result.summary())
    assert result.wrong == 0 and result.n_faults >= 25


@pytest.mark.parametrize(("kind", "resident"), [
    ("host killed", False), ("board reset", False), ("board reset", True),
    pytest.param("host killed", True, marks=pytest.mark.slow)])
def test_losses(board, tmp_path, kind, resident):
    """Each time it is said that, and from where, the run goes on."""
    result = campaign(board, tmp_path, 4, seed=2, kinds={kind: 1}, resident=resident)
    assert result.wrong == 0 and set(result.faults) == {kind}
    if kind == "host killed":
        assert result.restarted == result.faults[kind]
    else:
        print(result.summary())  # a slow machine repeats frames, and so meets more faults
        assert 1 <= len(result.resumed) <= result.faults[kind]
        assert all("resuming from the checkpoint after sample" in line for line in result.resumed)


@pytest.mark.slow
@pytest.mark.parametrize("resident", [False, True])
def test_a_thousand_faults(board, tmp_path, resident):
    result = campaign(board, tmp_path, 1000, seed=3, resident=resident)
    print(result.summary())
    assert result.wrong == 0 and set(result.faults) == set(KINDS)
    assert min(result.faults.values()) >= 10 and len(result.resumed) >= 10


def test_a_run_that_goes_wrong_is_counted(board, tmp_path):
    """Other weights are expected than the samples make."""
    x, target = board.samples(10)
    start, golden = board.golden()
    golden.train_run(x[:9], target[:9])
    result = run_campaign(
        board.plan, board.model, lambda pipe: board.connect(pipe, timeout_s=0.5), start=start, x=x,
        target=target, expected=golden.parameters, folder=tmp_path, n_faults=1, seed=1)
    assert result.wrong == result.runs >= 1 and "1 did not" in result.summary()


class Recorder:
    """A model that only records what is sent."""

    clock_hz, baud, cycles = 40, 1, 0

    def __init__(self):
        self.sent, self.power_cycles = [], 0

    def send(self, data):
        self.sent += [int(symbol) for symbol in data]

    def run(self, cycles, **_):
        self.cycles += cycles
        return b""

    def power_cycle(self):
        self.power_cycles += 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("out ")])
def test_every_fault_damages_the_line(kind):
    model, data = Recorder(), bytes(range(100))
    pipe = FaultyPipe(model, share=1.0, rng=random.Random(1), kinds={kind: 1}, count=Counter())
    pipe.write(data)
    assert model.sent != list(data)


def test_a_killed_host_leaves_half_a_frame():
    model, count = Recorder(), Counter()
    pipe = FaultyPipe(model, share=1.0, rng=random.Random(1), kinds={"host killed": 1},
                      count=count)
    with pytest.raises(HostKilled):
        pipe.write(bytes(range(100)))
    assert model.sent == list(range(len(model.sent))) and len(model.sent) < 100
    assert count == {"host killed": 1}
