"""Where real pictures come from: what can be had on this machine, and downloads that are never read half."""

from __future__ import annotations

import hashlib
import http.client
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock

from helpers.cache import cache_directory, written_whole
from helpers.errors import DatasetUnavailable

_BLOCK_BYTES = 1 << 16


@dataclass(frozen=True)
class Availability:
    """Whether a data set can be loaded here and now: one row of the table in notebook 00.

    Attributes
    ----------
    name : str
        As given to :func:`helpers.datasets.load`.
    ready : bool
        True if it loads on this machine without a download.
    needs_network : bool
        True if loading it would start a download.
    source : str
        Where its pictures come from.
    note : str
        What to do where it is not ready; else what is good to know.
    """

    name: str
    ready: bool
    needs_network: bool
    source: str
    note: str


def download_directory(name: str) -> Path:
    """Where the downloaded files of a data set are kept.

    Parameters
    ----------
    name : str
        Name of the data set.

    Returns
    -------
    pathlib.Path
        A folder of its own inside the cache; it need not exist yet.
    """
    return cache_directory() / "downloads" / name


def unavailable(name: str, attempts: Sequence[str], remedy: str) -> DatasetUnavailable:
    """Word the error for a data set that cannot be had: what was tried, what helps, what works instead.

    Parameters
    ----------
    name : str
        Name of the data set.
    attempts : sequence of str
        What was tried and why it failed, in order.
    remedy : str
        What would make it available, as a sentence.

    Returns
    -------
    DatasetUnavailable
        To be raised by the caller.
    """
    from helpers.datasets.catalogue import ready  # it imports this module

    others = ", ".join(other for other in ready() if other != name)
    tried = "".join(f"\n  {number}. {attempt}" for number, attempt in enumerate(attempts, 1))
    return DatasetUnavailable(
        f"The data set {name!r} cannot be had on this machine now. Tried:{tried}\n{remedy}\n"
        f"These load on this machine without a network: {others}."
    )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(url: str, path: Path, sha256: str, *, most_bytes: int, timeout: float = 30.0) -> Path:
    """Have a file on disk, whole and verified: from an earlier download, else from the network.

    The file is received under a temporary name and renamed once its checksum holds, so a process that is
    killed half way leaves nothing under `path`; what it did leave is removed by the next download.

    Parameters
    ----------
    url : str
        Where the file is.
    path : pathlib.Path
        The name it shall have, in a folder that holds downloads only.
    sha256 : str
        The checksum it must have, 64 hexadecimal digits.
    most_bytes : int
        Stop receiving beyond this size.
    timeout : float
        Seconds without an answer after which to give up.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    DatasetUnavailable
        If there is no connection, it breaks, or what arrives is not the file that the checksum names.
    helpers.errors.CacheError
        If the disk is full or may not be written.
    """
    if path.is_file() and sha256_of(path) == sha256:
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.parent / ".lock").acquire()
    except OSError as error:
        raise DatasetUnavailable(
            f"{path.parent} cannot be written ({error.strerror or error}). Set VIGILANT_CACHE to a folder that can."
        ) from error
    with lock:
        if path.is_file() and sha256_of(path) == sha256:  # another process was quicker
            return path
        for leftover in path.parent.glob(".*.part*"):  # of a killed download: whoever writes one holds the lock
            leftover.unlink(missing_ok=True)
        with written_whole(path) as temporary:
            found = _receive(url, temporary, most_bytes, timeout)
            if found != sha256:
                raise DatasetUnavailable(
                    f"what {url} sent is not the expected file (SHA-256 {found[:12]}..., expected {sha256[:12]}...). "
                    "A log-in page or a proxy may have answered instead; nothing was kept"
                )
    return path


def _receive(url: str, target: Path, most_bytes: int, timeout: float) -> str:
    """Write what `url` sends to `target` and return its SHA-256."""
    from tqdm import tqdm

    digest = hashlib.sha256()
    received = 0
    with _connect(url, timeout) as response, target.open("wb") as file:
        announced = int(response.headers.get("Content-Length") or 0)
        # The bar appears only where there is something to wait for.
        with tqdm(
            total=announced or None, unit="B", unit_scale=True, desc=f"Downloading {Path(url).name}", delay=1
        ) as bar:
            while block := _next_block(response, url, received):
                digest.update(block)
                file.write(block)
                received += len(block)
                bar.update(len(block))
                if received > most_bytes:
                    raise DatasetUnavailable(
                        f"{url} sent more than the expected {most_bytes:,} bytes; nothing was kept"
                    )
    if received < announced:  # the standard library does not raise here
        raise DatasetUnavailable(
            f"the connection to {url} broke after {received:,} of {announced:,} bytes; nothing was kept"
        )
    return digest.hexdigest()


def _connect(url: str, timeout: float) -> http.client.HTTPResponse:
    try:
        return urllib.request.urlopen(url, timeout=timeout)
    except (OSError, http.client.HTTPException) as error:
        raise DatasetUnavailable(f"{url} could not be reached: {getattr(error, 'reason', None) or error}") from error


def _next_block(response: BinaryIO | http.client.HTTPResponse, url: str, received: int) -> bytes:
    # Reading is kept apart from writing: both raise OSError, and a full disk is not a broken connection.
    try:
        return response.read(_BLOCK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise DatasetUnavailable(
            f"the connection to {url} broke after {received:,} bytes ({error}); nothing was kept"
        ) from error
