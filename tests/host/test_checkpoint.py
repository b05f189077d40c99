"""Checkpoints on disk: whole, of the right configuration, and refused otherwise."""

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.errors import UserError
from taxonn_hw.golden import initial_weights
from taxonn_hw.host.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from taxonn_hw.plan import Network


def make(**keys):
    return Network(config_from_dict({"layers": [6, 5, 3], "lanes": 4, **keys}))


def test_there_and_back(tmp_path):
    network, path = make(), tmp_path / "run.npz"
    parameters = initial_weights(network)
    save_checkpoint(path, network, Checkpoint(parameters=parameters, samples=1234))
    found = load_checkpoint(path, network)
    assert found.samples == 1234
    for pair, other in zip(found.parameters, parameters, strict=True):
        for a, b in zip(pair, other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]


def test_another_configuration(tmp_path):
    network, path = make(), tmp_path / "run.npz"
    save_checkpoint(path, network, Checkpoint(parameters=initial_weights(network), samples=1))
    with pytest.raises(UserError, match=r"run.npz' is of another configuration: [0-9a-f]{8}, not"):
        load_checkpoint(path, make(seed=9))


@pytest.mark.parametrize("content", [None, b"", b"no zip", "half"])
def test_unreadable_files(tmp_path, content):
    network, path = make(), tmp_path / "run.npz"
    if content == "half":
        save_checkpoint(path, network, Checkpoint(parameters=initial_weights(network), samples=1))
        content = path.read_bytes()[:-200]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot read checkpoint .*run\.npz"):
        load_checkpoint(path, network)


def test_arrays_of_something_else(tmp_path):
    path = tmp_path / "run.npz"
    np.savez(path, x=np.zeros(3))
    with pytest.raises(UserError, match="not a checkpoint"):
        load_checkpoint(path, make())
