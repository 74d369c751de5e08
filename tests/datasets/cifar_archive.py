"""A small archive in the real format of cifar-10-python.tar.gz, so that the real loader can be tested without it."""

from __future__ import annotations

import hashlib
import io
import pickle
import struct
import tarfile
from pathlib import Path
from typing import ClassVar

import numpy as np

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TRAIN_BATCHES = 5


class Python2Pickler(pickle._Pickler):
    """Pickles bytes as Python 2 pickled its strings, as the published batches are."""

    dispatch: ClassVar[dict] = dict(pickle._Pickler.dispatch)

    def save_bytes(self, text):
        short = len(text) < 256
        self.write(
            pickle.SHORT_BINSTRING + bytes([len(text)]) if short else pickle.BINSTRING + struct.pack("<i", len(text))
        )
        self.write(text)
        self.memoize(text)

    dispatch[bytes] = save_bytes


def python2_pickle(value):
    """The bytes of `value` in protocol 2, with NumPy's core under its old address."""
    buffer = io.BytesIO()
    Python2Pickler(buffer, protocol=2).dump(value)
    return buffer.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def draw(labels, rng):
    """Stripes in noise, uint8 (N, 3072) colour by colour: the angle and the colour of the stripes tell the class."""
    rows, columns = np.mgrid[0:32, 0:32] / 32
    angle = (labels % 5)[:, None, None] * np.pi / 5
    phase = rng.uniform(0, 2 * np.pi, (len(labels), 1, 1))
    stripes = np.sin(2 * np.pi * 4 * (np.cos(angle) * columns + np.sin(angle) * rows) + phase)
    colour = np.where((labels // 5)[:, None] == 0, [1.0, 0.6, 0.2], [0.2, 0.6, 1.0])
    pictures = 0.5 + 0.3 * colour[:, :, None, None] * stripes[:, None] + rng.normal(0, 0.12, (len(labels), 3, 32, 32))
    return (255 * np.clip(pictures, 0, 1)).astype(np.uint8).reshape(len(labels), 3072)


def batch(data, labels, note):
    names = [b"picture_%d.png" % row for row in range(len(labels))]
    return {b"batch_label": note, b"labels": [int(label) for label in labels], b"data": data, b"filenames": names}


def small_batches(per_class=20, test_per_class=None, seed=0):
    """The content of an archive: name within the folder -> dictionary to be pickled."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(10), per_class))
    members = {}
    for number, part in enumerate(np.array_split(labels, TRAIN_BATCHES), 1):
        members[f"data_batch_{number}"] = batch(draw(part, rng), part, b"training batch %d of 5" % number)
    labels = rng.permutation(np.repeat(np.arange(10), test_per_class or per_class))
    members["test_batch"] = batch(draw(labels, rng), labels, b"testing batch 1 of 1")
    names = [name.encode() for name in CLASS_NAMES]
    members["batches.meta"] = {b"num_cases_per_batch": per_class * 2, b"label_names": names, b"num_vis": 3072}
    return members


def write_archive(path: Path, members) -> str:
    """Write an archive of pickled `members` (bytes go in as they are) and return its SHA-256."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        folder = tarfile.TarInfo("cifar-10-batches-py")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, value in members.items():
            content = value if isinstance(value, bytes) else python2_pickle(value)
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_small_archive(path: Path, per_class: int = 20, test_per_class: int | None = None, seed: int = 0) -> str:
    """Write a small CIFAR-10 archive whose pictures a network can learn.

    Parameters
    ----------
    path : pathlib.Path
        Where to write; call it ``cifar-10-python.tar.gz``.
    per_class : int
        Training pictures of each class, over five batches; at least 1.
    test_per_class : int, optional
        Test pictures of each class; as many as for training if left out.
    seed : int
        Decides the pictures.

    Returns
    -------
    str
        SHA-256 of the archive, for ``VIGILANT_CIFAR10_SHA256``.
    """
    return write_archive(path, small_batches(per_class, test_per_class, seed))
