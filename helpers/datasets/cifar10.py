"""The real CIFAR-10, from the archive that Keras downloads; read without trusting what is inside."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from helpers.datasets.base import Dataset
from helpers.datasets.sources import Availability, download, download_directory, sha256_of, unavailable
from helpers.datasets.splits import Part, official_parts
from helpers.errors import DatasetError, DatasetUnavailable

KERAS_ADDRESS = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
"""Where keras.datasets.cifar10 downloads from."""

SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
"""Checksum of the published archive, as keras.datasets.cifar10 has it."""

DEFAULTS = {"train": 12_000, "calibration": 2_000, "test": 4_000}
"""Sizes of the splits where none are given."""

_FOLDER = "cifar-10-batches-py"
_TRAIN_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
_MOST_BYTES = 180_000_000
_MOST_MEMBER_BYTES = 64_000_000
_REMEDY = (
    "Connect to the network once (170 MB), or set VIGILANT_CIFAR10_ARCHIVE to a copy of cifar-10-python.tar.gz "
    "on this machine."
)


class Archive(NamedTuple):
    """What a CIFAR-10 archive holds.

    Attributes
    ----------
    train, test : Part
        The official training and test pictures, (N, 32, 32, 3), labels 0 to 9.
    class_names : tuple of str
        Names of the ten classes.
    """

    train: Part
    test: Part
    class_names: tuple[str, ...]


def load(
    train: int | None = None,
    calibration: int | None = None,
    test: int | None = None,
    seed: int = 0,
    *,
    classes: Iterable[int] | None = None,
) -> Dataset:
    """Real CIFAR-10: photographs of animals and vehicles, 32x32 RGB, ten classes.

    The archive is the one in ``$VIGILANT_CIFAR10_ARCHIVE`` if that is set, else an earlier download, else the
    network's. It is read only if its checksum is that of the published archive. A mirror inside a school that
    hands out a shortened archive sets ``$VIGILANT_CIFAR10_SHA256`` beside it to that archive's own checksum.

    Parameters
    ----------
    train, calibration : int, optional
        Pictures from the official 50,000 for training: 12,000 and 2,000 if left out, less where a shortened
        archive holds fewer.
    test : int, optional
        Pictures from the official 10,000 for testing: 4,000 if left out, less where there are fewer.
    seed : int
        Decides which pictures are taken.
    classes : iterable of int, optional
        Classes to keep; the official test pictures of the others are in `unseen`.

    Returns
    -------
    Dataset
        Pictures (N, 32, 32, 3); classes in equal shares in each split; no attributes, no masks.

    Raises
    ------
    DatasetError
        If sizes, seed or classes cannot be met, or the archive that was named is not what its checksum says.
    DatasetUnavailable
        If the archive is not on this machine and cannot be downloaded.

    References
    ----------
    Krizhevsky (2009). Learning multiple layers of features from tiny images.
    """
    requested = {"train": train, "calibration": calibration, "test": test}
    archive = read_archive(_find())
    return official_parts(
        "cifar10", archive.class_names, archive.train, archive.test, requested, DEFAULTS, seed, classes
    )


def availability() -> Availability:
    """Whether CIFAR-10 can be loaded here without a download.

    Returns
    -------
    Availability
        Ready where an archive lies on this machine; it is not read.
    """
    set_by_user = os.environ.get("VIGILANT_CIFAR10_ARCHIVE")
    path = Path(set_by_user).expanduser() if set_by_user else _downloaded()
    if path.is_file():
        return Availability("cifar10", True, False, f"the archive {path}", "60,000 real photographs, 32x32")
    return Availability("cifar10", False, not set_by_user, "Keras's download (170 MB)", _REMEDY)


def read_archive(path: Path) -> Archive:
    """Read an archive in the format of cifar-10-python.tar.gz; nothing is unpacked to disk.

    Parameters
    ----------
    path : pathlib.Path
        The archive. Check its checksum first: :func:`load` does.

    Returns
    -------
    Archive
        All pictures, training batches 1 to 5 in order.

    Raises
    ------
    DatasetError
        If it is truncated, a batch is missing, or a batch holds anything but pictures and labels.
    """
    batches = _read_batches(path)
    meta = batches.pop("batches.meta")
    names = meta.get(b"label_names")
    if not isinstance(names, list) or len(names) != 10 or not all(isinstance(name, bytes) for name in names):
        raise DatasetError(f"{path.name}: batches.meta must list ten label_names, got {names!r}")
    parts = {name: _part(batch, f"{path.name}: {name}") for name, batch in batches.items()}
    train = Part(
        np.concatenate([parts[name].pixels for name in _TRAIN_BATCHES]),
        np.concatenate([parts[name].labels for name in _TRAIN_BATCHES]),
    )
    return Archive(train, parts["test_batch"], tuple(name.decode("utf-8", "replace") for name in names))


class _PlainUnpickler(pickle.Unpickler):
    """Makes NumPy arrays and basic types, and calls nothing else, whatever a pickle asks for."""

    _ALLOWED: ClassVar[dict[tuple[str, str], Any]] = {
        ("multiarray", "_reconstruct"): np.zeros(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        """Give out one of three harmless names, under the old or the new address of NumPy's core."""
        short = "multiarray" if module in ("numpy.core.multiarray", "numpy._core.multiarray") else module
        if (short, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which has no place in a batch of pictures")
        return self._ALLOWED[short, name]


def _find() -> Path:
    archive, checksum = os.environ.get("VIGILANT_CIFAR10_ARCHIVE"), os.environ.get("VIGILANT_CIFAR10_SHA256")
    if checksum and not archive:
        raise DatasetError(
            "VIGILANT_CIFAR10_SHA256 is set without VIGILANT_CIFAR10_ARCHIVE: set both, or neither for the official "
            "archive."
        )
    if archive:
        return _verified(Path(archive).expanduser(), checksum or SHA256)
    try:
        return download(KERAS_ADDRESS, _downloaded(), SHA256, most_bytes=_MOST_BYTES)
    except DatasetUnavailable as error:
        attempts = [f"an earlier download, {_downloaded()}: not there, or damaged", f"Keras's download: {error}"]
        raise unavailable("cifar10", attempts, _REMEDY) from error


def _downloaded() -> Path:
    return download_directory("cifar10") / "cifar-10-python.tar.gz"


def _verified(path: Path, expected: str) -> Path:
    try:
        found = sha256_of(path)
    except OSError as error:
        attempt = f"VIGILANT_CIFAR10_ARCHIVE={path}: {error.strerror or error}"
        raise unavailable("cifar10", [attempt], "Correct that path, or unset it to download the archive.") from error
    if found != expected.strip().lower():
        raise DatasetError(
            f"VIGILANT_CIFAR10_ARCHIVE={path} has SHA-256 {found}, expected {expected}: it is truncated, altered or "
            "another file, and was not read. Copy it anew; for a shortened archive of your own, set "
            "VIGILANT_CIFAR10_SHA256 to its checksum."
        )
    return path


def _read_batches(path: Path) -> dict[str, dict[bytes, Any]]:
    wanted = {f"{_FOLDER}/{name}": name for name in (*_TRAIN_BATCHES, "test_batch", "batches.meta")}
    found: dict[str, dict[bytes, Any]] = {}
    try:
        with tarfile.open(path, "r|gz") as archive:  # as a stream: one pass, and only these names are looked at
            for member in archive:
                if member.name in wanted and member.isreg():
                    found[wanted[member.name]] = _unpickled(archive, member, path)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DatasetError(f"{path} is truncated, or is no .tar.gz archive ({error})") from error
    if missing := [name for name in wanted.values() if name not in found]:
        raise DatasetError(f"{path} is not a whole CIFAR-10 archive: {', '.join(missing)} missing")
    return found


def _unpickled(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> dict[bytes, Any]:
    file = archive.extractfile(member)
    if file is None or member.size > _MOST_MEMBER_BYTES:
        raise DatasetError(f"{path.name}: {member.name} is {member.size:,} bytes, more than a batch has")
    content = file.read()
    if len(content) < member.size:
        raise DatasetError(f"{path} is truncated within {member.name}")
    try:
        # encoding: the published batches were pickled by Python 2, whose strings are bytes
        batch = _PlainUnpickler(io.BytesIO(content), encoding="bytes").load()
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise DatasetError(f"{path.name}: {member.name} is not a CIFAR-10 batch: {error}") from error
    if not isinstance(batch, dict):
        raise DatasetError(f"{path.name}: {member.name} must hold a dictionary, got {type(batch).__name__}")
    return batch


def _part(batch: dict[bytes, Any], where: str) -> Part:
    data, labels = batch.get(b"data"), batch.get(b"labels")
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3072:
        got = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        raise DatasetError(f"{where}: data must be uint8 of shape (N, 3072), got {got}")
    if not isinstance(labels, list) or len(labels) != len(data) or not all(label in range(10) for label in labels):
        raise DatasetError(f"{where}: labels must be {len(data)} whole numbers from 0 to 9")
    # Stored colour by colour; the course has colours last.
    pixels = np.ascontiguousarray(data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    return Part(pixels, np.array(labels, dtype=np.int64))
