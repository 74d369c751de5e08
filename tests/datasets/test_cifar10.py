"""The real loader on a small archive in the real format: read safely, verified, downloaded whole or not at all."""

import hashlib
import io
import pickle
import tarfile

import numpy as np
import pytest

from helpers import datasets
from helpers.datasets import DatasetError, DatasetUnavailable, cifar10, shared_pictures
from helpers.datasets.sources import download_directory
from tests.datasets.cifar_archive import CLASS_NAMES, python2_pickle, small_batches, write_archive, write_small_archive
from tests.datasets.web import nobody_listens, serving


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("mirror") / "cifar-10-python.tar.gz"
    return path, write_small_archive(path, per_class=20, test_per_class=8)


@pytest.fixture(autouse=True)
def no_archive_named(monkeypatch):
    monkeypatch.delenv("VIGILANT_CIFAR10_ARCHIVE", raising=False)
    monkeypatch.delenv("VIGILANT_CIFAR10_SHA256", raising=False)


def name_archive(monkeypatch, path, sha256):
    monkeypatch.setenv("VIGILANT_CIFAR10_ARCHIVE", str(path))
    monkeypatch.setenv("VIGILANT_CIFAR10_SHA256", sha256)


def test_small_archive_from_disk(archive, monkeypatch):
    name_archive(monkeypatch, *archive)
    small = datasets.load("cifar10")
    assert small.class_names == CLASS_NAMES
    assert small.shape == (32, 32, 3)
    assert [len(small.train), len(small.calibration), len(small.test)] == [171, 28, 80]  # 6 to 1, as in the defaults
    assert (np.bincount(small.test.labels) == 8).all()
    assert shared_pictures(small) == []


def test_pictures_and_labels_are_those_of_the_archive(archive, monkeypatch):
    name_archive(monkeypatch, *archive)
    members = small_batches(20, 8)
    known = {}
    for name, batch in members.items():
        if name != "batches.meta":
            for row, label in zip(batch[b"data"], batch[b"labels"], strict=True):
                # red, green and blue planes, each row by row: the format's own words
                picture = np.stack(
                    [row[:1024].reshape(32, 32), row[1024:2048].reshape(32, 32), row[2048:].reshape(32, 32)]
                )
                known[np.moveaxis(picture, 0, 2).tobytes()] = (name, label)
    small = datasets.load("cifar10")
    for split, test in ((small.train, False), (small.calibration, False), (small.test, True)):
        for picture, label in zip(split.pixels, split.labels, strict=True):
            name, expected = known[picture.tobytes()]
            assert label == expected
            assert (name == "test_batch") == test


def test_what_python_3_would_pickle_reads_the_same(archive, tmp_path):
    members = {name: pickle.dumps(batch, protocol=4) for name, batch in small_batches(20, 8).items()}
    write_archive(tmp_path / "new.tar.gz", members)
    new, old = cifar10.read_archive(tmp_path / "new.tar.gz"), cifar10.read_archive(archive[0])
    np.testing.assert_array_equal(new.train.pixels, old.train.pixels)
    np.testing.assert_array_equal(new.test.labels, old.test.labels)


def test_the_official_checksum_is_the_one_that_keras_has():
    from importlib.util import find_spec
    from pathlib import Path

    source = (Path(find_spec("keras").origin).parent / "src" / "datasets" / "cifar10.py").read_text()
    assert cifar10.SHA256 in source
    assert cifar10.KERAS_ADDRESS in source


def test_a_small_archive_never_passes_for_the_official_one(archive, monkeypatch):
    monkeypatch.setenv("VIGILANT_CIFAR10_ARCHIVE", str(archive[0]))
    with pytest.raises(DatasetError, match=f"has SHA-256 {archive[1]}, expected {cifar10.SHA256}"):
        datasets.load("cifar10")


def test_a_wrong_checksum_is_refused_before_anything_is_read(archive, monkeypatch):
    def read(path):
        raise AssertionError("an archive with a wrong checksum was read")

    monkeypatch.setattr(cifar10, "read_archive", read)
    name_archive(monkeypatch, archive[0], "0" * 64)
    with pytest.raises(DatasetError, match="was not read"):
        datasets.load("cifar10")
    assert archive[0].exists()


def test_a_checksum_without_an_archive_is_a_mistake(monkeypatch):
    monkeypatch.setenv("VIGILANT_CIFAR10_SHA256", "0" * 64)
    with pytest.raises(DatasetError, match="without VIGILANT_CIFAR10_ARCHIVE"):
        datasets.load("cifar10")


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_an_archive_that_is_not_there(make, monkeypatch, tmp_path):
    make(tmp_path / "archive.tar.gz")
    monkeypatch.setenv("VIGILANT_CIFAR10_ARCHIVE", str(tmp_path / "archive.tar.gz"))
    with pytest.raises(DatasetUnavailable, match="VIGILANT_CIFAR10_ARCHIVE="):
        datasets.load("cifar10")


@pytest.mark.parametrize("keep", [0, 1, 100, 50_000, -200_000, -2_000])
def test_a_truncated_archive(keep, archive, monkeypatch, tmp_path):
    path = tmp_path / "short.tar.gz"
    path.write_bytes(archive[0].read_bytes()[:keep])
    # Even where a mirror hands out the checksum of its truncated file.
    name_archive(monkeypatch, path, hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(DatasetError, match=r"truncated|missing"):
        datasets.load("cifar10")
    # And with the checksum of the whole one.
    name_archive(monkeypatch, path, archive[1])
    with pytest.raises(DatasetError, match="truncated, altered or another file"):
        datasets.load("cifar10")


def refused(tmp_path, members, message):
    path = tmp_path / "bad.tar.gz"
    write_archive(path, members)
    with pytest.raises(DatasetError, match=message) as caught:
        cifar10.read_archive(path)
    return str(caught.value)


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch", "batches.meta"])
def test_a_batch_that_is_missing_is_named(name, tmp_path):
    members = small_batches(1)
    del members[name]
    refused(tmp_path, members, f"not a whole CIFAR-10 archive: {name} missing")


class Attack:
    """Pickles to a call."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_pickle_that_calls_something_is_refused_and_calls_nothing(tmp_path):
    marker = tmp_path / "attacked"
    pickle.loads(pickle.dumps(Attack(marker), protocol=2)).close()
    assert marker.exists()  # the attack works on the plain unpickler
    marker.unlink()
    members = small_batches(1)
    members["data_batch_2"] = {b"data": Attack(marker), b"labels": []}
    refused(tmp_path, members, "data_batch_2.*io.open|data_batch_2.*builtins.open")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({b"data": np.zeros((2, 3071), np.uint8)}, "data must be uint8"),
        ({b"data": np.zeros((2, 3072))}, "data must be uint8.*float64"),
        ({b"data": [[0] * 3072] * 2}, "data must be uint8.*list"),
        ({b"data": None}, "data must be uint8"),
        ({b"labels": [0]}, "labels must be 2 whole numbers"),
        ({b"labels": [0, 10]}, "labels must be 2 whole numbers from 0 to 9"),
        ({b"labels": [0, -1]}, "labels must be"),
        ({b"labels": None}, "labels must be"),
    ],
)
def test_a_batch_of_something_else(change, message, tmp_path):
    members = small_batches(1)
    members["data_batch_1"] = members["data_batch_1"] | change
    refused(tmp_path, members, f"data_batch_1: {message}")


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps([1, 2]), python2_pickle({b"data": 1})[:-3]])
def test_a_damaged_batch(content, tmp_path):
    members = small_batches(1)
    members["test_batch"] = content
    assert "test_batch" in refused(tmp_path, members, "not a CIFAR-10 batch|must hold a dictionary")


@pytest.mark.parametrize("names", [None, [b"cat"], [b"cat"] * 9 + [3]])
def test_class_names_that_are_none(names, tmp_path):
    members = small_batches(1)
    members["batches.meta"] = {b"label_names": names}
    refused(tmp_path, members, "ten label_names")


def test_links_and_paths_that_lead_elsewhere_are_not_followed(tmp_path):
    path = tmp_path / "links.tar.gz"
    secret = tmp_path / "secret"
    secret.write_bytes(python2_pickle(small_batches(1)["data_batch_1"]))
    with tarfile.open(path, "w:gz") as archive:
        for name, batch in small_batches(1).items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            content = python2_pickle(batch)
            if name == "data_batch_1":
                member.type, member.linkname, content = tarfile.SYMTYPE, str(secret), b""
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        outside = tarfile.TarInfo("../../outside")
        outside.size = 3
        archive.addfile(outside, io.BytesIO(b"abc"))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DatasetError, match="data_batch_1 missing"):
        cifar10.read_archive(path)
    assert sorted(tmp_path.rglob("*")) == before


# Over the network


@pytest.fixture
def published(archive, monkeypatch, cold_cache):
    """The small archive takes the place of the published one."""
    monkeypatch.setattr(cifar10, "SHA256", archive[1])
    return archive[0].read_bytes()


def kept():
    return sorted(file.name for file in download_directory("cifar10").iterdir() if file.name != ".lock")


def test_download_once(published, monkeypatch):
    with serving({"cifar-10-python.tar.gz": published}) as (address, asked):
        monkeypatch.setattr(cifar10, "KERAS_ADDRESS", address + "cifar-10-python.tar.gz")
        assert cifar10.availability().needs_network
        first = datasets.load("cifar10")
        assert cifar10.availability().ready
        again = datasets.load("cifar10")
    assert len(asked) == 1
    np.testing.assert_array_equal(first.test.pixels, again.test.pixels)
    assert kept() == ["cifar-10-python.tar.gz"]


def test_interrupted_download_then_a_clean_one(published, monkeypatch):
    with serving({"cifar-10-python.tar.gz": published}, drop_after=len(published) // 2) as (address, _):
        monkeypatch.setattr(cifar10, "KERAS_ADDRESS", address + "cifar-10-python.tar.gz")
        with pytest.raises(DatasetUnavailable, match=r"the connection to .* broke after") as caught:
            datasets.load("cifar10")
    assert "VIGILANT_CIFAR10_ARCHIVE" in str(caught.value)
    assert kept() == []
    with serving({"cifar-10-python.tar.gz": published}) as (address, _):
        monkeypatch.setattr(cifar10, "KERAS_ADDRESS", address + "cifar-10-python.tar.gz")
        assert len(datasets.load("cifar10").test) == 80


def test_wrong_bytes_from_the_network(published, monkeypatch):
    altered = bytearray(published)
    altered[len(altered) // 2] ^= 1
    with serving({"cifar-10-python.tar.gz": bytes(altered)}) as (address, _):
        monkeypatch.setattr(cifar10, "KERAS_ADDRESS", address + "cifar-10-python.tar.gz")
        with pytest.raises(DatasetUnavailable, match="not the expected file"):
            datasets.load("cifar10")
    assert kept() == []


def test_no_network(published, monkeypatch):
    monkeypatch.setattr(cifar10, "KERAS_ADDRESS", nobody_listens() + "cifar-10-python.tar.gz")
    with pytest.raises(DatasetUnavailable, match="could not be reached"):
        datasets.load("cifar10")
    assert kept() == []


def test_the_small_archive_can_be_learned(archive, monkeypatch):
    """Which frequencies a picture holds tells its class, wherever its stripes begin."""
    name_archive(monkeypatch, *archive)
    small = datasets.load("cifar10")

    def spectrum(split):
        return np.abs(np.fft.fft2(split.images - 0.5, axes=(1, 2))).reshape(len(split), -1)

    means = np.stack([spectrum(small.train)[small.train.labels == label].mean(axis=0) for label in range(10)])
    distances = np.linalg.norm(spectrum(small.test)[:, None] - means, axis=2)
    assert np.mean(distances.argmin(axis=1) == small.test.labels) > 0.9
