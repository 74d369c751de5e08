"""A download is whole and verified, or it is not there."""

import hashlib
import os
import resource
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from helpers.datasets.sources import download
from helpers.errors import CacheError, DatasetUnavailable
from tests.conftest import wait_until
from tests.datasets.web import nobody_listens, serving

CONTENT = os.urandom(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "downloads" / "set" / "file.gz"


def left_behind(path):
    """Everything in the folder except the lock, which stays."""
    return (
        sorted(other.name for other in path.parent.iterdir() if other.name != ".lock") if path.parent.exists() else []
    )


def get(address, path, **changes):
    return download(address + "file.gz", path, SHA256, **({"most_bytes": 1_000_000, "timeout": 5} | changes))


def test_works_and_is_kept(path):
    with serving({"file.gz": CONTENT}) as (address, asked):
        assert get(address, path) == path
        assert path.read_bytes() == CONTENT
        get(address, path)
    assert asked == ["/file.gz"]  # the second time nothing was fetched
    assert left_behind(path) == ["file.gz"]


def test_works_where_the_size_is_not_announced(path):
    with serving({"file.gz": CONTENT}, announce=False) as (address, _):
        assert get(address, path).read_bytes() == CONTENT


def test_connection_dropped_half_way(path):
    with (
        serving({"file.gz": CONTENT}, drop_after=100_000) as (address, _),
        pytest.raises(DatasetUnavailable, match="broke after 100,000 of 300,000 bytes"),
    ):
        get(address, path)
    assert left_behind(path) == []


def test_connection_dropped_where_the_size_is_not_announced(path):
    with (
        serving({"file.gz": CONTENT}, drop_after=100_000, announce=False) as (address, _),
        pytest.raises(DatasetUnavailable, match="not the expected file"),
    ):
        get(address, path)
    assert left_behind(path) == []


def test_wrong_bytes(path):
    with (
        serving({"file.gz": b"<html>Please log in</html>"}) as (address, _),
        pytest.raises(DatasetUnavailable, match=r"not the expected file.*log-in page"),
    ):
        get(address, path)
    assert left_behind(path) == []


def test_more_bytes_than_expected(path):
    with (
        serving({"file.gz": CONTENT}) as (address, _),
        pytest.raises(DatasetUnavailable, match="more than the expected"),
    ):
        get(address, path, most_bytes=100_000)
    assert left_behind(path) == []


def test_not_found(path):
    with serving({}) as (address, _), pytest.raises(DatasetUnavailable, match="Not Found"):
        get(address, path)
    assert left_behind(path) == []


def test_no_answer_in_time(path):
    with (
        serving({"file.gz": CONTENT}, pause=1.5) as (address, _),
        pytest.raises(DatasetUnavailable, match=r"broke after.*timed out"),
    ):
        get(address, path, timeout=0.3)
    assert left_behind(path) == []


def test_no_network(path):
    with pytest.raises(DatasetUnavailable, match="could not be reached"):
        get(nobody_listens(), path)
    assert left_behind(path) == []


def test_a_damaged_earlier_download_is_replaced(path):
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:-1])
    with serving({"file.gz": CONTENT}) as (address, _):
        assert get(address, path).read_bytes() == CONTENT


def test_killed_half_way_then_done_again(path):
    program = (
        "import sys; from pathlib import Path; from helpers.datasets.sources import download; "
        "download(sys.argv[1], Path(sys.argv[2]), sys.argv[3], most_bytes=1_000_000)"
    )
    with serving({"file.gz": CONTENT}, pause=0.2) as (address, _):
        process = subprocess.Popen([sys.executable, "-c", program, address + "file.gz", path, SHA256], cwd=ROOT)
        wait_until(lambda: any(part.stat().st_size for part in path.parent.glob(".*.part*")), "the first bytes")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not path.exists()
    assert len(left_behind(path)) == 1  # what was received, under a name that nobody reads
    with serving({"file.gz": CONTENT}) as (address, _):
        assert get(address, path).read_bytes() == CONTENT
    assert left_behind(path) == ["file.gz"]


def test_two_that_want_the_same_file_fetch_it_once(path):
    with serving({"file.gz": CONTENT}, pause=0.05) as (address, asked), ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda _: get(address, path), range(2)):
            assert found.read_bytes() == CONTENT
    assert asked == ["/file.gz"]


def test_disk_full_is_not_called_a_broken_connection(path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with serving({"file.gz": CONTENT}) as (address, _):
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))  # writing more fails as on a full disk
        try:
            with pytest.raises(CacheError, match="could not write"):
                get(address, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert left_behind(path) == []


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetUnavailable, match=r"cannot be written.*VIGILANT_CACHE"):
        get(nobody_listens(), tmp_path / "file" / "set" / "file.gz")
