"""Data sets: sources, sizes, codes, and a clear line for every way a file can be wrong."""

import gzip
import struct

import numpy as np
import pytest

from taxonn_hw.config import config_from_dict
from taxonn_hw.data import load_dataset, load_for, quantize_dataset, target_codes
from taxonn_hw.errors import UserError
from taxonn_hw.plan import Network

IMAGES = np.arange(2 * 3 * 5, dtype=np.uint8).reshape(5, 2, 3) * 8
LABELS = np.array([0, 1, 2, 3, 1], dtype=np.uint8)
NAMES = {"x": "train-images-idx3-ubyte", "y": "train-labels-idx1-ubyte",
         "test_x": "t10k-images-idx3-ubyte", "test_y": "t10k-labels-idx1-ubyte"}


def idx(array) -> bytes:
    """Return ``array`` as an idx file."""
    header = struct.pack(f">I{array.ndim}I", 0x0800 | array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_set(folder, *, compress=False, **replaced):
    """Write four idx files; ``replaced`` gives the bytes of some, None leaves one out."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"x": idx(IMAGES), "y": idx(LABELS), "test_x": idx(IMAGES[:2]),
               "test_y": idx(LABELS[:2])}
    for key, data in (content | replaced).items():
        if data is not None:
            path = folder / (NAMES[key] + (".gz" if compress else ""))
            path.write_bytes(gzip.compress(data) if compress else data)
    return folder


def load(folder, n_in=6, n_out=4, **options):
    return load_dataset(str(folder), n_in=n_in, n_out=n_out, **options)


def network(**keys) -> Network:
    return Network(config_from_dict({"layers": [6, 4], **keys}))


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("subfolder", ["", "mnist", "fashion-mnist"])
def test_folder(tmp_path, compress, subfolder):
    write_set(tmp_path / subfolder, compress=compress)
    dataset = load(tmp_path)
    np.testing.assert_array_equal(dataset.x_train * 256, IMAGES.reshape(5, 6))
    np.testing.assert_array_equal(dataset.y_train, LABELS)
    np.testing.assert_array_equal(dataset.x_test, dataset.x_train[:2])
    np.testing.assert_array_equal(dataset.y_test, [0, 1])
    assert dataset.name == (subfolder or "mnist")
    assert (dataset.n_classes, dataset.n_in, dataset.image_shape) == (4, 6, (2, 3))


def test_names_with_a_dot_are_found_too(tmp_path):
    write_set(tmp_path)
    for name in NAMES.values():
        (tmp_path / name).rename(tmp_path / name.replace("-idx", ".idx"))
    assert len(load(tmp_path).x_train) == 5


def test_the_configured_set_is_preferred(tmp_path):
    write_set(tmp_path / "mnist")
    write_set(tmp_path / "fashion-mnist", y=idx(LABELS[::-1]))
    net = network(data="fashion-mnist")
    np.testing.assert_array_equal(load_for(net, data=str(tmp_path)).y_train, LABELS[::-1])
    np.testing.assert_array_equal(load(tmp_path).y_train, LABELS)


def test_folder_from_the_environment(tmp_path, monkeypatch):
    write_set(tmp_path / "mnist")
    monkeypatch.setenv("TAXONN_DATA", str(tmp_path))
    assert load_for(network(data="mnist")).name == "mnist"
    monkeypatch.setenv("TAXONN_DATA", str(tmp_path / "mnist"))
    assert load_for(network(data="mnist")).name == "mnist"
    with pytest.raises(UserError, match="lacks train-images"):
        load_for(network(data="fashion-mnist"))  # the folder holds the other set


def test_without_a_folder_the_message_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv("TAXONN_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        load_for(network(data="mnist"))
    for part in (*NAMES.values(), "--data DIR", "TAXONN_DATA"):
        assert part in str(error.value)
    write_set(tmp_path / "mnist")
    assert len(load_for(network(data="mnist")).x_train) == 5  # a folder of that name lies here


def test_samples_cut_and_wrap(tmp_path):
    write_set(tmp_path)
    assert load(tmp_path, samples=2).y_train.tolist() == [0, 1]
    wrapped = load(tmp_path, samples=12)
    assert wrapped.y_train.tolist() == [0, 1, 2, 3, 1, 0, 1, 2, 3, 1, 0, 1]
    np.testing.assert_array_equal(wrapped.x_train[10], wrapped.x_train[0])
    assert len(wrapped.x_test) == 2
    with pytest.raises(UserError, match="samples must be at least 1, not 0"):
        load(tmp_path, samples=0)


IMAGE, LABEL = idx(IMAGES), idx(LABELS)


@pytest.mark.parametrize(("files", "message"), [
    ({"x": None}, "lacks train-images-idx3-ubyte.gz"),
    ({"test_y": None}, "lacks t10k-labels-idx1-ubyte.gz"),
    ({"x": LABEL}, "train-images-idx3-ubyte must begin with the idx magic 0x00000803, not 0x0.*1"),
    ({"y": b"\x00\x00\x0d\x01" + LABEL[4:]}, "train-labels-idx1-ubyte must begin .* 0x00000d01"),
    ({"x": b""}, "train-images-idx3-ubyte is truncated: 0 bytes"),
    ({"x": IMAGE[:9]}, "train-images-idx3-ubyte is truncated: 9 bytes .* header of 16"),
    ({"x": IMAGE[:-1]}, "train-images-idx3-ubyte is truncated: .* 30 bytes, 29 are there"),
    ({"test_y": LABEL + b"\0"}, "t10k-labels-idx1-ubyte has bytes after the 5"),
    ({"x": idx(IMAGES[:0])}, "train-images-idx3-ubyte must hold at least one .* 0 x 2 x 3"),
    ({"y": idx(LABELS[:4])}, "train-images-idx3-ubyte has 5 images but .* has 4 labels"),
    ({"y": idx(LABELS + 3)}, "train-labels-idx1-ubyte has label 6, .* labels 0 to 3"),
    ({"test_x": idx(IMAGES[:2, :, :2])}, "test images .* are 2 x 2, the training images 2 x 3"),
])
@pytest.mark.parametrize("compress", [False, True])
def test_wrong_files(tmp_path, files, message, compress):
    write_set(tmp_path, compress=compress, **files)
    message = message.replace("ubyte ", "ubyte.gz ") if compress else message
    with pytest.raises(UserError, match=message) as error:
        load(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", [
    lambda data: data[:len(data) // 2],
    lambda data: b"PK" + data[2:],
    lambda data: data[:12] + bytes(8) + data[20:],
    lambda data: data[:-6] + bytes(6),
])
def test_damaged_gzip(tmp_path, damage):
    write_set(tmp_path, compress=True)
    path = tmp_path / (NAMES["x"] + ".gz")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte.gz is (damaged gzip|truncated)"):
        load(tmp_path)


def test_wrong_sizes(tmp_path):
    write_set(tmp_path)
    with pytest.raises(UserError, match="mnist has 2 x 3 = 6 inputs a sample, the network takes 7"):
        load(tmp_path, n_in=7)
    with pytest.raises(UserError, match="label 3, the network tells labels 0 to 1 apart"):
        load(tmp_path, n_out=1)
    with pytest.raises(UserError, match="digits has 10 classes, the network tells 9 apart"):
        load("digits", n_in=64, n_out=9)
    with pytest.raises(UserError, match="xor has 2 inputs a sample, the network takes 3"):
        load("xor", n_in=3, n_out=1)
    with pytest.raises(UserError, match=r"there is no folder '.*nowhere'"):
        load(tmp_path / "nowhere")


def test_digits():
    dataset = load("digits", n_in=64, n_out=10)
    assert dataset.x_train.shape == (1437, 64) and dataset.x_test.shape == (360, 64)
    every = np.concatenate([dataset.x_train, dataset.x_test])
    assert every.min() == 0 and every.max() == 1 and len(np.unique(every, axis=0)) == 1797
    assert (np.bincount(dataset.y_test) >= 24).all()  # every class is tested
    again = load("digits", n_in=64, n_out=10, seed=9)
    np.testing.assert_array_equal(dataset.x_test, again.x_test)  # the same whatever the seed


def test_xor():
    dataset = load("xor", n_in=2, n_out=1)
    assert [(*x, y) for x, y in zip(dataset.x_train.tolist(), dataset.y_train, strict=True)] == [
        (0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]


@pytest.mark.parametrize(("n_in", "n_out"), [(1, 1), (7, 3), (64, 10), (5, 300)])
def test_random(n_in, n_out):
    dataset = load("random", n_in=n_in, n_out=n_out)
    assert dataset.x_train.shape[1] == n_in and dataset.n_classes == max(n_out, 2)
    assert dataset.y_train.min() == 0 and dataset.y_train.max() == max(n_out, 2) - 1
    assert 0 <= dataset.x_train.min() and dataset.x_train.max() < 1
    np.testing.assert_array_equal(dataset.x_train * 256 % 1, 0)
    np.testing.assert_array_equal(load("random", n_in=n_in, n_out=n_out).x_train, dataset.x_train)
    other = load("random", n_in=n_in, n_out=n_out, seed=2)
    assert not np.array_equal(other.x_train, dataset.x_train)


def test_random_can_be_learnt_and_has_zeros():
    dataset = load("random", n_in=20, n_out=5)
    means = np.stack([dataset.x_train[dataset.y_train == k].mean(axis=0) for k in range(5)])
    nearest = np.argmin(((dataset.x_test[:, None] - means) ** 2).sum(axis=2), axis=1)
    assert np.mean(nearest == dataset.y_test) > 0.9
    assert 0.2 < np.mean(dataset.x_train == 0) < 0.8


def test_codes(tmp_path):
    write_set(tmp_path)
    net = network(formats={"input": "u4.4", "output": "u8.6"})
    codes = quantize_dataset(net, load(tmp_path))
    np.testing.assert_array_equal(  # nearest, ties up, saturated
        codes.x_train, np.minimum((IMAGES.reshape(5, 6).astype(int) + 8) // 16, 15))
    np.testing.assert_array_equal(codes.target_train, 64 * np.eye(4, dtype=int)[LABELS])
    assert codes.x_train.dtype == codes.target_train.dtype == np.int64
    np.testing.assert_array_equal(codes.x_test, codes.x_train[:2])
    np.testing.assert_array_equal(codes.target_test, codes.target_train[:2])
    np.testing.assert_array_equal(codes.y_test, LABELS[:2])


def test_target_of_a_single_output_is_the_label():
    net = network(layers=[6, 1], output="tanh", formats={"output": "s8.7"})
    np.testing.assert_array_equal(target_codes(net, np.array([0, 1, 1])), [[0], [127], [127]])
