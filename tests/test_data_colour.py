"""CIFAR-10 and SVHN: sizes, order of the pixels, labels, and a line for every damaged file."""

import gzip

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.data import load_dataset, load_for
from taxonn_hw.errors import UserError
from taxonn_hw.plan import Network

from .data_files import cifar_records, write_svhn

IMAGES = np.random.default_rng(1).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)
LABELS = np.array([3, 0, 9, 1, 0, 5, 7])
N_IN = 3072


def write_cifar(folder, *, compress=False, **files):
    """Write two training batches and a test batch; ``files`` gives the bytes of some or None."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"data_batch_1": cifar_records(IMAGES[:4], LABELS[:4]),
               "data_batch_3": cifar_records(IMAGES[4:6], LABELS[4:6]),
               "test_batch": cifar_records(IMAGES[6:], LABELS[6:])}
    for name, data in (content | files).items():
        if data is not None:
            path = folder / (f"{name}.bin" + (".gz" if compress else ""))
            path.write_bytes(gzip.compress(data) if compress else data)
    return folder


def write_mats(folder):
    folder.mkdir(parents=True, exist_ok=True)
    write_svhn(folder / "train_32x32.mat", IMAGES[:6], LABELS[:6])
    write_svhn(folder / "test_32x32.mat", IMAGES[6:], LABELS[6:])
    return folder


def load(folder, **options):
    return load_dataset(str(folder), **{"n_in": N_IN, "n_out": 10, **options})


def check(dataset, name):
    """Pixels in raster order with their channels together, labels from 0."""
    assert (dataset.name, dataset.image_shape, dataset.n_classes) == (name, (3, 32, 32), 10)
    np.testing.assert_array_equal(dataset.x_train * 256, IMAGES[:6].reshape(6, -1))
    np.testing.assert_array_equal(dataset.x_test * 256, IMAGES[6:].reshape(1, -1))
    assert dataset.y_train.tolist() == LABELS[:6].tolist() and dataset.y_test.tolist() == [7]
    assert dataset.y_train.dtype == np.int64


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("subfolder", ["", "cifar10", "cifar-10-batches-bin"])
def test_cifar(tmp_path, compress, subfolder):
    write_cifar(tmp_path / subfolder, compress=compress)
    check(load(tmp_path, prefer="cifar10"), "cifar10")
    check(load(tmp_path), "cifar10")


@pytest.mark.parametrize("subfolder", ["", "svhn"])
def test_svhn(tmp_path, subfolder):
    write_mats(tmp_path / subfolder)
    check(load(tmp_path), "svhn")


def test_the_configured_set_is_preferred(tmp_path):
    write_cifar(tmp_path / "cifar10")
    write_mats(tmp_path / "svhn")
    network = Network(config_from_dict({"layers": [N_IN, 10], "data": "svhn"}))
    assert load_for(network, data=str(tmp_path)).name == "svhn"
    network = Network(config_from_dict({"layers": [N_IN, 10], "data": "cifar10"}))
    assert load_for(network, data=str(tmp_path)).name == "cifar10"


def test_images_must_have_the_shape_of_the_network(tmp_path):
    write_cifar(tmp_path)
    layers = [{"kind": "conv", "channels": 1, "kernel": 1, "pool": "max", "pool_size": 8},
              {"size": 10}]
    network = Network(config_from_dict({"layers": layers, "input_shape": [3, 32, 32]}))
    assert load_for(network, data=str(tmp_path)).image_shape == (3, 32, 32)
    network = Network(config_from_dict({"layers": layers, "input_shape": [3, 16, 64]}))
    with pytest.raises(UserError, match=r"cifar10 has images of 3 x 32 x 32, the network takes "
                                        r"3 x 16 x 64 \(channels, height, width\)"):
        load_for(network, data=str(tmp_path))


@pytest.mark.parametrize(("files", "message"), [
    ({"test_batch": None}, r"lacks test_batch.bin.gz \(or the same without .gz\)"),
    ({"data_batch_1": None, "data_batch_3": None}, "lacks data_batch_1.bin.gz"),
    ({"data_batch_1": b""}, r"data_batch_1.bin\S* must hold records of 3073 bytes, not 0 bytes"),
    ({"test_batch": bytes(4000)}, r"test_batch.bin\S* must hold records of 3073 bytes, not 4000"),
    ({"test_batch": bytes([10]) + bytes(3072)}, r"test_batch.bin\S* has label 10, .* 0 to 9"),
])
@pytest.mark.parametrize("compress", [False, True])
def test_wrong_batches(tmp_path, files, message, compress):
    write_cifar(tmp_path, compress=compress, **files)
    with pytest.raises(UserError, match=message) as error:
        load(tmp_path)
    assert "\n" not in str(error.value)


def test_damaged_gzip(tmp_path):
    path = write_cifar(tmp_path, compress=True) / "test_batch.bin.gz"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match=r"test_batch.bin.gz is damaged gzip"):
        load(tmp_path)


def damage(folder, **variables):
    from scipy.io import savemat

    content = {"X": np.moveaxis(IMAGES[6:], 0, 3), "y": np.array([[7]])} | variables
    savemat(folder / "test_32x32.mat", {k: v for k, v in content.items() if v is not None})


@pytest.mark.parametrize(("variables", "message"), [
    ({"X": None}, "test_32x32.mat has no variable X"),
    ({"y": None}, "test_32x32.mat has no variable y"),
    ({"X": np.zeros((32, 32, 3, 1))}, r"X must be uint8 .* not float64 \[32, 32, 3, 1\]"),
    ({"X": np.zeros((32, 32, 1, 2), np.uint8)}, r"X must be uint8 .* not uint8 \[32, 32, 1, 2\]"),
    ({"y": np.array([[1], [2]])}, "has 1 images but 2 labels"),
    ({"y": np.array([[0]])}, "labels must be 1 to 10, not 0 to 0"),
    ({"X": np.zeros((16, 32, 3, 1), np.uint8)}, "test images .* are 3 x 16 x 32, the training"),
])
def test_wrong_mats(tmp_path, variables, message):
    damage(write_mats(tmp_path), **variables)
    with pytest.raises(UserError, match=message) as error:
        load(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"not a mat file at all" * 20,
                                     b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(99)])
def test_no_mats(tmp_path, content):
    (write_mats(tmp_path) / "test_32x32.mat").write_bytes(content)
    with pytest.raises(UserError, match=r"test_32x32.mat is (no MATLAB v5 file|MATLAB v7.3)"):
        load(tmp_path)


def test_truncated_mat(tmp_path):
    path = write_mats(tmp_path) / "test_32x32.mat"
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(UserError, match=r"test_32x32.mat") as error:
        load(tmp_path)
    assert "\n" not in str(error.value)


def test_an_unset_folder_names_the_files(tmp_path, monkeypatch):
    monkeypatch.delenv("TAXONN_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    for name, files in (("cifar10", "data_batch_1.bin .* and test_batch.bin"),
                        ("svhn", "train_32x32.mat and test_32x32.mat")):
        network = Network(config_from_dict({"layers": [N_IN, 10], "data": name}))
        with pytest.raises(UserError, match=f"put {files} into DIR/{name}"):
            load_for(network)
        monkeypatch.setenv("TAXONN_DATA", str(tmp_path))
        with pytest.raises(UserError, match=r"lacks (data_batch_1.bin|train_32x32.mat)"):
            load_for(network)
        monkeypatch.delenv("TAXONN_DATA")
