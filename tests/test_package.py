"""The package's front door, the cache and the intervals."""

import errno
import os

import numpy as np
import pytest
from scipy import stats

import helpers
from helpers import cache, intervals
from helpers.errors import CacheError, CourseVersionError


def test_a_notebook_that_needs_a_newer_helpers_says_so():
    with pytest.raises(CourseVersionError, match=r"needs helpers 99\.0 or newer, and .*git pull"):
        helpers.require("99.0")


@pytest.mark.parametrize("version", ["0.0", "0.1", helpers.__version__])
def test_an_older_need_is_met(version):
    assert helpers.require(version) is None


@pytest.mark.parametrize("version", ["", "new", "1.x", None])
def test_a_version_that_is_none(version):
    with pytest.raises(ValueError, match="a version looks like"):
        helpers.require(version)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "folder" / "numbers.txt"
    with cache.written_whole(path) as temporary:
        temporary.write_text("1 2 3")
        assert not path.exists()
    assert path.read_text() == "1 2 3"
    with pytest.raises(KeyboardInterrupt), cache.written_whole(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "1 2 3"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only")])
def test_a_disk_that_takes_nothing(tmp_path, number, words):
    path = tmp_path / "numbers.txt"
    with pytest.raises(CacheError, match=f"{words}.*Nothing half-written") as caught:  # noqa: SIM117
        with cache.written_whole(path) as temporary:
            temporary.write_text("half")
            raise OSError(number, os.strerror(number))
    assert caught.value.errno == number
    assert list(tmp_path.iterdir()) == []


def test_a_really_full_disk(tmp_path):
    with pytest.raises(CacheError, match="the disk is full"), cache.written_whole(tmp_path / "full") as temporary:
        temporary.symlink_to("/dev/full")
        temporary.write_bytes(b"x" * 100_000)
    assert list(tmp_path.iterdir()) == []


def test_a_key_depends_on_every_part_and_on_no_order():
    assert cache.key(a=1, b=[2, 3]) == cache.key(b=[2, 3], a=1)
    assert len({cache.key(a=1), cache.key(a=2), cache.key(b=1), cache.key(a="1")}) == 4


def test_folders_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("VIGILANT_BUILD", str(tmp_path))
    monkeypatch.delenv("VIGILANT_CACHE", raising=False)
    assert cache.cache_directory() == tmp_path / "cache"
    monkeypatch.setenv("VIGILANT_CACHE", str(tmp_path / "elsewhere"))
    assert cache.cache_directory() == tmp_path / "elsewhere"


def test_wilson_interval_covers_at_its_level():
    # 1,000 samples of 200 coin flips with p = 0.9: the interval holds the truth in about 95% of them.
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(1000):
        estimate = intervals.proportion(rng.random(200) < 0.9)
        inside += estimate.low <= 0.9 <= estimate.high
    assert 0.935 < inside / 1000 < 0.97


def test_bootstrap_agrees_with_theory_on_a_mean():
    values = np.random.default_rng(1).normal(5, 2, 400)
    estimate = intervals.bootstrap(lambda x: float(x.mean()), values, resamples=2000)
    margin = stats.norm.ppf(0.975) * values.std() / 20
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.high - estimate.low == pytest.approx(2 * margin, rel=0.1)
    assert estimate.n == 400


def test_mean_of_a_few_seeds():
    estimate = intervals.mean([0.9, 0.92, 0.91])
    low, high = stats.t.interval(0.95, 2, loc=0.91, scale=stats.sem([0.9, 0.92, 0.91]))
    assert (estimate.low, estimate.high) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: intervals.proportion(np.zeros(0, bool)), "hits is empty"),
        (lambda: intervals.proportion([0, 1]), "boolean"),
        (lambda: intervals.bootstrap(np.mean, np.zeros(3), np.zeros(2)), "same length"),
        (lambda: intervals.bootstrap(np.mean, np.zeros(0)), "same length of at least 1"),
        (lambda: intervals.mean([1.0]), "two or more"),
        (lambda: intervals.mean([1.0, np.nan]), "finite"),
    ],
)
def test_what_has_no_interval(call, message):
    with pytest.raises(ValueError, match=message):
        call()
