"""Files appear whole or not at all, and are left alone when nothing changed."""

import os

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.errors import UserError
from taxonn_hw.files import make_folder, write_file
from taxonn_hw.golden import initial_weights
from taxonn_hw.plan import Network
from taxonn_hw.weights_file import load_weights, save_weights

NETWORK = Network(config_from_dict({"layers": [4, 3, 2], "lanes": 2}))


def test_write_only_if_changed(tmp_path):
    path = tmp_path / "a.txt"
    assert write_file(path, "one") and path.read_text() == "one"
    os.utime(path, (1, 1))
    assert not write_file(path, b"one") and path.stat().st_mtime == 1
    assert write_file(path, "two") and path.read_text() == "two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_failure_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_file(path, "old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(UserError, match=r"cannot write .*a.txt': No space left on device"):
        write_file(path, "new")
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot make the folder '.*file/sub': Not a directory"):
        make_folder(tmp_path / "file" / "sub")
    with pytest.raises(UserError, match=r"cannot write '.*none/a': No such file or directory"):
        write_file(tmp_path / "none" / "a", "")


def test_weights_round_trip(tmp_path):
    parameters = initial_weights(NETWORK)
    save_weights(tmp_path / "w.npz", NETWORK, parameters)
    for pair, other in zip(load_weights(tmp_path / "w.npz", NETWORK), parameters, strict=True):
        for a, b in zip(pair, other, strict=True):
            np.testing.assert_array_equal(a, b)



@pytest.mark.parametrize(("change", "message"), [
    (lambda a: a.pop("b2"), "w.npz has no b2: it is not of a net of this depth"),
    (lambda a: a.update(W1=a["W1"].T), "w.npz: W1 must have the shape [3, 4], not [4, 3]"),
    (lambda a: a.update(W1=a["W1"] * 1.0), "w.npz: W1 must hold integer codes, not float64"),
    (lambda a: a.update(b1=a["b1"] + 2048),
     "w.npz: b1 has a code outside s12.10, -2048 to 2047"),
    (lambda a: a.update(formats2=np.array("s12.9 s12.9")),
     "w.npz: layer 2 has weight and bias in s12.9 s12.9, the network in s12.10 s12.10"),
])
def test_weights_of_another_network(tmp_path, change, message):
    path = tmp_path / "w.npz"
    save_weights(path, NETWORK, initial_weights(NETWORK))
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    change(arrays)
    np.savez(path, **arrays)
    with pytest.raises(UserError) as error:
        load_weights(path, NETWORK)
    assert str(error.value) == message


@pytest.mark.parametrize("content", [b"", b"no npz", b"PK\x03\x04 broken", b"\x93NUMPY\x01\x00"])
def test_weights_file_that_is_none(tmp_path, content):
    path = tmp_path / "w.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot read weights '.*w.npz': not an npz file"):
        load_weights(path, NETWORK)
    with pytest.raises(UserError, match="No such file or directory"):
        load_weights(tmp_path / "none.npz", NETWORK)


def test_truncated_weights_file(tmp_path):
    path = tmp_path / "w.npz"
    save_weights(path, NETWORK, initial_weights(NETWORK))
    whole = path.read_bytes()
    for size in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:size])
        with pytest.raises(UserError):
            load_weights(path, NETWORK)
