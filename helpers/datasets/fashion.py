"""The 70,000 real pictures of Fashion-MNIST, from a system package or Keras's download, verified either way."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from helpers.datasets.base import Dataset
from helpers.datasets.sources import Availability, download, download_directory, unavailable
from helpers.datasets.splits import Part, official_parts
from helpers.errors import DatasetError, DatasetUnavailable

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
"""Names of the ten classes."""

DEFAULTS = {"train": 12_000, "calibration": 2_000, "test": 4_000}
"""Sizes of the splits where none are given."""

SYSTEM_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where the Debian and Ubuntu package dataset-fashion-mnist puts its files."""

KERAS_ADDRESS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
"""Where keras.datasets.fashion_mnist downloads from."""

# SHA-256 of what is inside each file. The system package compresses the files anew, so their own checksums
# differ from the download's while their content does not.
_CONTENT = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
# SHA-256 of the files that the authors published, which Keras hands on.
_DOWNLOADS = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
_MOST_BYTES = 32_000_000
_UNSIGNED_BYTE = 0x08
_REMEDY = (
    "On Debian or Ubuntu: apt-get install dataset-fashion-mnist. Elsewhere: connect to the network once, or set "
    "VIGILANT_FASHION to a folder with the four files of Fashion-MNIST (*-ubyte.gz)."
)


def load(
    train: int | None = None,
    calibration: int | None = None,
    test: int | None = None,
    seed: int = 0,
    *,
    classes: Iterable[int] | None = None,
) -> Dataset:
    """Real Fashion-MNIST: photographs of clothing, 28x28 grey, ten classes.

    Looked for in ``$VIGILANT_FASHION`` if that is set, and only there; else in the system package
    dataset-fashion-mnist, in an earlier download, and on the network, in this order.

    Parameters
    ----------
    train, calibration : int, optional
        Pictures from the official 60,000 for training: 12,000 and 2,000 if left out. Together at most 60,000.
    test : int, optional
        Pictures from the official 10,000 for testing: 4,000 if left out.
    seed : int
        Decides which pictures are taken.
    classes : iterable of int, optional
        Classes to keep; the official test pictures of the others are in `unseen`.

    Returns
    -------
    Dataset
        Pictures (N, 28, 28, 1); classes in equal shares in each split; no attributes, no masks.

    Raises
    ------
    DatasetError
        If sizes, seed or classes cannot be met.
    DatasetUnavailable
        If no source has the four files whole and unaltered.

    References
    ----------
    Xiao, Rasul, Vollgraf (2017). Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms.
    """
    requested = {"train": train, "calibration": calibration, "test": test}
    train_part, test_part = _find()
    return official_parts("fashion", CLASS_NAMES, train_part, test_part, requested, DEFAULTS, seed, classes)


def availability() -> Availability:
    """Whether Fashion-MNIST can be loaded here without a download.

    Returns
    -------
    Availability
        Ready where the four files lie in a folder that :func:`load` looks at; they are not read.
    """
    set_by_user = os.environ.get("VIGILANT_FASHION")
    for folder in _folders():
        if all((folder / name).is_file() for name in _CONTENT):
            return Availability("fashion", True, False, f"files in {folder}", "70,000 real pictures of clothing")
    source = "system package dataset-fashion-mnist, or Keras's download (31 MB)"
    return Availability("fashion", False, not set_by_user, source, _REMEDY)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read a compressed file in the format of MNIST.

    Parameters
    ----------
    path : pathlib.Path
        A ``.gz`` file: two zero bytes, type 8 (unsigned byte), number of axes, their lengths as big-endian
        32-bit numbers, then the bytes themselves.

    Returns
    -------
    numpy.ndarray of uint8
        With as many axes as the file says.

    Raises
    ------
    DatasetError
        If the file is truncated, damaged, or of another format.

    References
    ----------
    LeCun, Cortes, Burges (1998). The MNIST database of handwritten digits: file formats.
    """
    return _parse_idx(_inflate(path), path)


def _folders() -> list[Path]:
    if set_by_user := os.environ.get("VIGILANT_FASHION"):
        return [Path(set_by_user).expanduser()]
    return [SYSTEM_FOLDER, download_directory("fashion")]


def _find() -> tuple[Part, Part]:
    attempts = []
    for folder in _folders():
        try:
            return _read_folder(folder)
        except (OSError, DatasetError) as error:
            attempts.append(_reason(folder, error))
    if not os.environ.get("VIGILANT_FASHION"):
        folder = download_directory("fashion")
        try:
            for name, sha256 in _DOWNLOADS.items():
                download(KERAS_ADDRESS + name, folder / name, sha256, most_bytes=_MOST_BYTES)
            return _read_folder(folder)
        except (DatasetUnavailable, DatasetError) as error:
            attempts.append(f"Keras's download: {error}")
    raise unavailable("fashion", attempts, _REMEDY)


def _reason(folder: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        missing = Path(error.filename).name if folder.is_dir() else "no such folder"
        return f"folder {folder}: {missing if missing == 'no such folder' else missing + ' is not there'}"
    return f"folder {folder}: {error}"


def _read_folder(folder: Path) -> tuple[Part, Part]:
    """Read the official training and test pictures, if all four files in `folder` hold what was published."""
    arrays = {}
    for name, expected in _CONTENT.items():
        content = _inflate(folder / name)
        arrays[name] = _parse_idx(content, folder / name)  # before the checksum: its message says more
        if hashlib.sha256(content).hexdigest() != expected:
            raise DatasetError(f"{name} is not the published file: its content has another checksum")
    pixels, labels, test_pixels, test_labels = arrays.values()
    return (
        Part(pixels[..., None], labels.astype(np.int64)),
        Part(test_pixels[..., None], test_labels.astype(np.int64)),
    )


def _inflate(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except EOFError as error:
        raise DatasetError(f"{path.name} is truncated: its compressed data ends early") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DatasetError(f"{path.name} is not a gzip file, or is damaged ({error})") from error


def _parse_idx(content: bytes, path: Path) -> NDArray[np.uint8]:
    axes = content[3] if len(content) >= 4 else 0
    if content[:3] != bytes([0, 0, _UNSIGNED_BYTE]) or not 1 <= axes <= 4:
        raise DatasetError(
            f"{path.name} is not an IDX file of unsigned bytes: it starts with {content[:4].hex(' ') or 'nothing'}, "
            "expected 00 00 08 and the number of axes"
        )
    start = 4 + 4 * axes
    lengths = [int(n) for n in np.frombuffer(content[4:start].ljust(4 * axes, b"\0"), dtype=">u4")]
    if len(content) - start != math.prod(lengths):
        raise DatasetError(
            f"{path.name} is truncated or damaged: its head announces {' x '.join(map(str, lengths))} bytes, "
            f"and {max(len(content) - start, 0):,} follow"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(lengths)
