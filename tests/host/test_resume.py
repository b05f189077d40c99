"""Boards that lose everything in the middle of a run, on the compiled board behind its pins."""

import random
from dataclasses import replace

import numpy as np
import pytest

from taxonn_hw.data import load_for
from taxonn_hw.errors import UserError
from taxonn_hw.host.checkpoint import load_checkpoint
from taxonn_hw.host.resume import ResumingDevice
from taxonn_hw.host.serial_link import BoardReset, LinkError, LinkLost
from taxonn_hw.host.serial_pipe import ModelPipe
from taxonn_hw.host.training import train_on_device

from .linked_board import Board, same

NETS = {"outputs": {"layers": [6, 5, 3], "lanes": 4, "mapping": "outputs"},
        "batches": {"layers": [6, 5, 3], "lanes": 4, "batch": 5, "weight_decay": 3,
                    "weight_decay_period": 7},
        "edge": {"engine": "edge", "layers": [12, 8, 4], "lanes": 40}}
N = 30


@pytest.fixture(scope="module", params=NETS)
def board(request, tmp_path_factory, require_tool):
    require_tool("verilator")
    board = Board(tmp_path_factory.mktemp("board"), **NETS[request.param])
    with board.model:
        yield board


class Fragile(ModelPipe):
    """Resets the board before the writes whose numbers are given."""

    def __init__(self, model, resets):
        super().__init__(model)
        self.resets, self.writes = set(resets), 0

    def write(self, data):
        self.writes += 1
        if self.writes in self.resets:
            self.model.power_cycle()
            self._travelling.clear()
        super().write(data)


def run(board, resets=(), *, path=None, every=10, epochs=2):
    """Train on a board that is reset now and then; return (device, outputs, parameters, said)."""
    x, target = board.samples(N)
    said, pipe = [], Fragile(board.model, resets)
    board.model.power_cycle()
    device = ResumingDevice(lambda: board.connect(pipe, timeout_s=0.5, rng=random.Random(1)),
                            board.plan, path=path, every=every, say=said.append)
    start, _ = board.golden()
    device.begin(start)
    outputs = []
    for _ in range(epochs):
        device.clear()
        outputs.append(device.train(x, target))
        assert device.counters().samples == N
        device.infer(x[:3])
    return device, np.concatenate(outputs), device.dump(), said, pipe.writes


def expected(board, epochs=2):
    x, target = board.samples(N)
    _, golden = board.golden()
    outputs = [golden.train_run(x, target) for _ in range(epochs)]
    return np.concatenate(outputs), golden.parameters


def test_an_undisturbed_run(board, tmp_path):
    outputs, parameters = expected(board)
    device, got, dumped, said, _ = run(board, path=tmp_path / "run.npz")
    assert not said and device.resumed == 0 and device.samples == 2 * N
    np.testing.assert_array_equal(got, outputs)
    assert same(dumped, parameters)
    checkpoint = load_checkpoint(tmp_path / "run.npz", board.plan)
    assert checkpoint.samples == 2 * N and same(checkpoint.parameters, parameters)


def test_pieces_are_whole_batches(board):
    outputs, parameters = expected(board)
    _, got, dumped, *_ = run(board, every=7)
    np.testing.assert_array_equal(got, outputs)
    assert same(dumped, parameters)


@pytest.mark.parametrize("seed", range(5))
def test_resets_anywhere(board, seed):
    """Three resets at random: outputs, weights and counts as if there had been none."""
    outputs, parameters = expected(board)
    _, _, _, _, writes = run(board)
    rng = random.Random(seed)
    device, got, dumped, said, _ = run(board, rng.sample(range(12, writes), 3))
    np.testing.assert_array_equal(got, outputs)
    assert same(dumped, parameters)
    assert 1 <= device.resumed == len(said) <= 3
    assert all("the board was reset; resuming from the checkpoint after sample" in line
               for line in said)
    assert device.samples == 2 * N


def test_skipping_is_what_training_does_to_the_generator(board):
    """Weights of sample 20, the generator moved on: the rest is as if trained from the start."""
    x, target = board.samples(N)
    _, golden = board.golden()
    golden.train_run(x[:20], target[:20])
    then = golden.parameters
    outputs = golden.train_run(x[20:], target[20:])
    board.model.power_cycle()
    device = board.connect(timeout_s=0.5)
    for skipped, right in ((20, True), (19, False)):
        device.begin(then, skipped)
        got = device.train(x[20:], target[20:])
        np.testing.assert_array_equal(got[0], outputs[0])
        assert same(device.dump(), golden.parameters) is right


def test_training_is_taken_up(board, tmp_path):
    """train_on_device from a checkpoint: outputs and weights of the whole run, records of the rest.

    A checkpoint of other weights is refused.
    """
    plan, path = board.plan, tmp_path / "run.npz"
    dataset = load_for(plan, samples=N)
    board.model.power_cycle()

    def connect():
        return ResumingDevice(lambda: board.connect(timeout_s=0.5), plan, path=path, every=20)

    whole = train_on_device(plan, dataset, connect(), epochs=2)
    checkpoints = [load_checkpoint(path, plan)]
    train_on_device(plan, dataset, connect(), epochs=1)
    checkpoints.append(load_checkpoint(path, plan))
    assert [c.samples for c in checkpoints] == ([2 * N, N] if plan.result_lag else [50, 20])
    rest = train_on_device(plan, dataset, connect(), epochs=2, resume=checkpoints[1])
    assert rest.weights_match and rest.outputs_match and same(rest.parameters, whole.parameters)
    assert rest.samples == 2 * N - checkpoints[1].samples
    assert rest.history == whole.history[-len(rest.history):]
    with pytest.raises(UserError, match="the checkpoint is after sample 60, the run has 60"):
        train_on_device(plan, dataset, connect(), epochs=2,
                        resume=replace(checkpoints[0], samples=2 * N))
    wrong = replace(checkpoints[1], samples=checkpoints[1].samples - (0 if plan.result_lag else 1),
                    parameters=whole.parameters)
    with pytest.raises(UserError, match=r"the checkpoint does not have this run's weights"):
        train_on_device(plan, dataset, connect(), epochs=2, resume=wrong)


def test_another_program_goes_on(board, tmp_path):
    """The first program ends after a checkpoint; a second one reads the file and finishes."""
    x, target = board.samples(N)
    _, parameters = expected(board, epochs=1)
    path = tmp_path / "run.npz"
    board.model.power_cycle()
    pipe = ModelPipe(board.model)
    first = ResumingDevice(lambda: board.connect(pipe), board.plan, path=path, every=10)
    start, _ = board.golden()
    first.begin(start)
    whole = board.plan.result_lag == 0  # else a run cannot pause
    first.train(*(samples[:20] if whole else samples for samples in (x, target)))
    second = ResumingDevice(lambda: board.connect(pipe), board.plan, path=path, every=10)
    checkpoint = load_checkpoint(path, board.plan)
    assert checkpoint.samples == (20 if whole else N)
    second.begin(checkpoint.parameters, checkpoint.samples)
    if whole:
        second.train(x[20:], target[20:])
    assert same(second.dump(), parameters) and second.samples == N


def test_a_board_that_does_not_come_back(board):
    calls = []

    def connect():
        calls.append(1)
        if len(calls) > 1:
            raise LinkLost("cannot open it: no such file")
        return board.connect(timeout_s=0.5)

    board.model.power_cycle()
    device = ResumingDevice(connect, board.plan, patience_s=0.3)
    device.load(board.golden()[0])
    board.model.power_cycle()
    with pytest.raises(LinkError, match="the board was reset, and it did not come back: cannot"):
        device.dump()
    assert len(calls) >= 2


def test_a_board_that_is_lost_again_and_again(board):
    """No endless loop: after so many losses without a checkpoint the error is raised."""
    board.model.power_cycle()
    device = ResumingDevice(lambda: board.connect(timeout_s=0.5), board.plan, attempts=3)
    device.load(board.golden()[0])

    def lose(_):
        raise BoardReset("the board was reset")

    with pytest.raises(BoardReset):
        device._safely(lose)
    assert device.resumed == 3


def test_without_weights_there_is_nothing_to_resume(board):
    board.model.power_cycle()
    device = ResumingDevice(lambda: board.connect(timeout_s=0.5), board.plan)
    board.model.power_cycle()
    with pytest.raises(BoardReset):
        device.counters()
