"""Real Fashion-MNIST from the system package; files that are not what they should be."""

import gzip
import hashlib
import shutil
import struct

import numpy as np
import pytest

from helpers import datasets
from helpers.datasets import DatasetError, DatasetUnavailable, fashion, shared_pictures
from helpers.datasets.sources import download_directory
from tests.conftest import missing
from tests.datasets.web import nobody_listens, serving

FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
SYSTEM_FOLDER = fashion.SYSTEM_FOLDER


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.delenv("VIGILANT_FASHION", raising=False)
    if not all((SYSTEM_FOLDER / name).is_file() for name in FILES):
        missing("the system package dataset-fashion-mnist")
    return SYSTEM_FOLDER


@pytest.fixture
def copied(installed, tmp_path, monkeypatch):
    """A folder with links to the real files, named by VIGILANT_FASHION; a test may replace one."""
    folder = tmp_path / "fashion"
    folder.mkdir()
    for name in FILES:
        (folder / name).symlink_to(installed / name)
    monkeypatch.setenv("VIGILANT_FASHION", str(folder))
    return folder


def replace(file, content):
    file.unlink()
    file.write_bytes(content)


def test_default_sizes_shapes_and_even_classes(installed):
    real = datasets.load("fashion")
    assert [len(real.train), len(real.calibration), len(real.test)] == [12_000, 2_000, 4_000]
    assert real.shape == (28, 28, 1)
    for split in (real.train, real.calibration, real.test):
        assert (np.bincount(split.labels) == len(split) // 10).all()
    assert shared_pictures(real) == []


def test_official_boundary_and_all_pictures(installed):
    official = fashion.read_idx(installed / "t10k-images-idx3-ubyte.gz")
    labels = fashion.read_idx(installed / "t10k-labels-idx1-ubyte.gz")
    assert labels[:5].tolist() == [9, 2, 1, 1, 6]  # an ankle boot, a pullover, two trousers, a shirt
    theirs = {picture.tobytes(): label for picture, label in zip(official, labels, strict=True)}
    real = datasets.load("fashion", train=55_000, calibration=5_000, test=10_000)
    assert shared_pictures(real) == []  # 70,000 pictures and none twice
    ours = {picture.tobytes(): label for picture, label in zip(real.test.pixels, real.test.labels, strict=True)}
    assert ours == theirs
    # Means of the official training part, known from many published recipes: 0.2860, deviation 0.3530.
    together = np.concatenate([real.train.pixels, real.calibration.pixels])
    assert together.mean() / 255 == pytest.approx(0.2860, abs=5e-5)
    assert together.std() / 255 == pytest.approx(0.3530, abs=5e-5)


@pytest.fixture(scope="module")
def parts():
    """What the real files hold, read once."""
    if not all((SYSTEM_FOLDER / name).is_file() for name in FILES):
        missing("the system package dataset-fashion-mnist")
    return fashion._read_folder(SYSTEM_FOLDER)


def test_held_out_classes_come_from_the_official_test_part(parts, monkeypatch):
    monkeypatch.setattr(fashion, "_find", lambda: parts)
    real = datasets.load("fashion", classes=range(8))
    assert real.unseen_names == ("Bag", "Ankle boot")
    assert np.bincount(real.unseen.labels).tolist() == [0] * 8 + [1_000, 1_000]
    assert shared_pictures(real) == []


def test_more_than_there_are(parts, monkeypatch):
    monkeypatch.setattr(fashion, "_find", lambda: parts)
    with pytest.raises(DatasetError, match=r"train 60,000 \+ calibration 2,000 \(default\).*60,000 pictures"):
        datasets.load("fashion", train=60_000)
    with pytest.raises(DatasetError, match="10,000 pictures for test"):
        datasets.load("fashion", test=10_001)


def test_a_folder_that_the_user_named_is_the_only_one_tried(installed, monkeypatch, tmp_path):
    monkeypatch.setenv("VIGILANT_FASHION", str(tmp_path / "typing-error"))
    with pytest.raises(DatasetUnavailable, match="typing-error: no such folder") as caught:
        datasets.load("fashion")
    assert "2. " not in str(caught.value)
    assert "apt-get install dataset-fashion-mnist" in str(caught.value)
    assert not fashion.availability().ready


def test_a_missing_file_is_named(copied):
    (copied / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DatasetUnavailable, match=r"t10k-labels-idx1-ubyte.gz is not there"):
        datasets.load("fashion")


def test_a_truncated_file_is_named(copied):
    file = copied / "t10k-images-idx3-ubyte.gz"
    replace(file, file.read_bytes()[:-1000])
    with pytest.raises(DatasetUnavailable, match=r"t10k-images-idx3-ubyte.gz is truncated"):
        datasets.load("fashion")


def test_one_changed_label_is_refused(copied):
    file = copied / "t10k-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress(file.read_bytes()))
    content[-1] ^= 1
    replace(file, gzip.compress(bytes(content)))
    with pytest.raises(DatasetUnavailable, match=r"t10k-labels-idx1-ubyte.gz is not the published file"):
        datasets.load("fashion")


def test_compressed_anew_is_the_same_data(copied):
    file = copied / "t10k-labels-idx1-ubyte.gz"
    replace(file, gzip.compress(gzip.decompress(file.read_bytes()), compresslevel=1))
    assert len(datasets.load("fashion", train=100, calibration=100, test=100).test) == 100


def test_keras_download(installed, monkeypatch, cold_cache, tmp_path):
    files = {name: (installed / name).read_bytes() for name in FILES}
    monkeypatch.setattr(fashion, "SYSTEM_FOLDER", tmp_path / "nothing")
    # The system package's files are compressed anew, so here they pass under their own checksums.
    monkeypatch.setattr(fashion, "_DOWNLOADS", {n: hashlib.sha256(c).hexdigest() for n, c in files.items()})
    with serving(files) as (address, asked):
        monkeypatch.setattr(fashion, "KERAS_ADDRESS", address)
        assert fashion.availability().needs_network
        first = datasets.load("fashion", train=500, calibration=100, test=100)
        assert len(asked) == 4
        assert fashion.availability().ready
        again = datasets.load("fashion", train=500, calibration=100, test=100)
        assert len(asked) == 4
    np.testing.assert_array_equal(first.train.pixels, again.train.pixels)


def test_a_download_that_lies_is_refused_and_nothing_is_kept(monkeypatch, cold_cache, tmp_path):
    monkeypatch.delenv("VIGILANT_FASHION", raising=False)
    monkeypatch.setattr(fashion, "SYSTEM_FOLDER", tmp_path / "nothing")
    with serving({name: gzip.compress(b"something else") for name in FILES}) as (address, _):
        monkeypatch.setattr(fashion, "KERAS_ADDRESS", address)
        with pytest.raises(DatasetUnavailable, match="not the expected file") as caught:
            datasets.load("fashion")
    assert str(caught.value).index("1. folder") < str(caught.value).index("3. Keras's download")
    assert [file.name for file in download_directory("fashion").iterdir()] == [".lock"]


def test_a_damaged_download_is_fetched_anew(installed, monkeypatch, cold_cache, tmp_path):
    folder = download_directory("fashion")
    folder.mkdir(parents=True)
    for name in FILES:
        shutil.copy(installed / name, folder)
    (folder / FILES[1]).write_bytes(b"damaged")
    monkeypatch.setattr(fashion, "SYSTEM_FOLDER", tmp_path / "nothing")
    files = {name: (installed / name).read_bytes() for name in FILES}
    monkeypatch.setattr(fashion, "_DOWNLOADS", {n: hashlib.sha256(c).hexdigest() for n, c in files.items()})
    with serving(files) as (address, asked):
        monkeypatch.setattr(fashion, "KERAS_ADDRESS", address)
        datasets.load("fashion", train=500, calibration=100, test=100)
    assert asked == ["/" + FILES[1]]


# Files in the format of MNIST


def idx(array, kind=8):
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def test_read_idx(tmp_path):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    (tmp_path / "x.gz").write_bytes(gzip.compress(idx(array)))
    np.testing.assert_array_equal(fashion.read_idx(tmp_path / "x.gz"), array)


WHOLE = idx(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(WHOLE)[:-12], "truncated"),
        (gzip.compress(WHOLE)[:12], "truncated"),
        (WHOLE, "not a gzip file"),
        (b"", "not an IDX file|not a gzip file|truncated"),
        (gzip.compress(b""), "not an IDX file.*nothing"),
        (gzip.compress(WHOLE[:3]), "not an IDX file"),
        (gzip.compress(WHOLE[:7]), "truncated or damaged"),
        (gzip.compress(WHOLE[:-1]), "truncated or damaged.*2 x 3 x 4.*23 follow"),
        (gzip.compress(WHOLE + b"!"), "truncated or damaged"),
        (gzip.compress(idx(np.zeros((2, 3)), kind=0x0E)), "not an IDX file.*00 00 0e 02"),
        (gzip.compress(bytes([0, 0, 8, 200]) + bytes(900)), "not an IDX file"),
        (gzip.compress(bytes([0, 0, 8, 3]) + b"\xff" * 12), "truncated or damaged"),
        (gzip.compress(WHOLE)[:15] + b"\0\0\0" + gzip.compress(WHOLE)[18:], "damaged|truncated"),
    ],
)
def test_read_idx_of_what_is_none(content, message, tmp_path):
    (tmp_path / "x.gz").write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        fashion.read_idx(tmp_path / "x.gz")


def test_no_network_and_no_package(monkeypatch, cold_cache, tmp_path):
    monkeypatch.delenv("VIGILANT_FASHION", raising=False)
    monkeypatch.setattr(fashion, "SYSTEM_FOLDER", tmp_path / "nothing")
    monkeypatch.setattr(fashion, "KERAS_ADDRESS", nobody_listens())
    with pytest.raises(DatasetUnavailable, match="could not be reached") as caught:
        datasets.load("fashion")
    assert "apt-get install dataset-fashion-mnist" in str(caught.value)
