"""How many processors: read from files as kernels and container engines write them."""

import pytest

from helpers.serving import cpu_limit, cpu_threads

V2 = "0::/\n"
V1 = "12:pids:/docker/ab\n4:cpu,cpuacct:/docker/ab\n1:name=systemd:/docker/ab\n"


def machine(root, groups, **files):
    """Lay out ``/proc/self/cgroup`` and files below ``/sys/fs/cgroup`` (their slashes written as __)."""
    (root / "proc" / "self").mkdir(parents=True)
    (root / "proc" / "self" / "cgroup").write_text(groups)
    for name, text in files.items():
        path = root / "sys" / "fs" / "cgroup" / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("groups", "files", "limit", "threads"),
    [
        # version 2
        (V2, {"cpu_DOT_max": "max 100000\n"}, 8, 8),
        (V2, {"cpu_DOT_max": "100000 100000\n"}, 1, 1),
        (V2, {"cpu_DOT_max": "150000 100000\n"}, 1.5, 1),
        (V2, {"cpu_DOT_max": "25000 100000\n"}, 0.25, 1),
        (V2, {"cpu_DOT_max": "350000 100000\n"}, 3.5, 3),
        (V2, {"cpu_DOT_max": "9000000 100000\n"}, 8, 8),
        (V2, {}, 8, 8),  # the root group of a machine has no such file
        # a limit on the pod and none on the container, and the other way round
        ("0::/pod/box\n", {"pod__cpu_DOT_max": "200000 100000", "pod__box__cpu_DOT_max": "max 100000"}, 2, 2),
        ("0::/pod/box\n", {"pod__cpu_DOT_max": "400000 100000", "pod__box__cpu_DOT_max": "50000 100000"}, 0.5, 1),
        # another group's limit is not ours; a path that leads out of what a container sees is none
        ("0::/pod/box\n", {"other__cpu_DOT_max": "100000 100000"}, 8, 8),
        ("0::/../../box\n", {"cpu_DOT_max": "200000 100000"}, 2, 2),
        # version 1, mounted under either name, as a container sees its own group or a machine all of them
        (V1, {"cpu__cpu_DOT_cfs_quota_us": "200000\n", "cpu__cpu_DOT_cfs_period_us": "100000\n"}, 2, 2),
        (V1, {"cpu__cpu_DOT_cfs_quota_us": "-1\n", "cpu__cpu_DOT_cfs_period_us": "100000\n"}, 8, 8),
        (
            V1,
            {
                "cpu,cpuacct__docker__ab__cpu_DOT_cfs_quota_us": "50000\n",
                "cpu,cpuacct__docker__ab__cpu_DOT_cfs_period_us": "20000\n",
            },
            2.5,
            2,
        ),
        # both mounted: the least counts
        (
            V1 + V2,
            {
                "cpu__cpu_DOT_cfs_quota_us": "300000",
                "cpu__cpu_DOT_cfs_period_us": "100000",
                "cpu_DOT_max": "200000 100000",
            },
            2,
            2,
        ),
        # what cannot be read is no limit
        (V2, {"cpu_DOT_max": ""}, 8, 8),
        (V2, {"cpu_DOT_max": "max"}, 8, 8),
        (V2, {"cpu_DOT_max": "0 100000"}, 8, 8),
        (V2, {"cpu_DOT_max": "100000 0"}, 8, 8),
        (V2, {"cpu_DOT_max": "\xff"}, 8, 8),
        ("", {"cpu_DOT_max": "100000 100000"}, 8, 8),
        ("nonsense\n", {"cpu_DOT_max": "max 100000"}, 8, 8),
    ],
)
def test_the_limit_is_what_the_files_say(tmp_path, groups, files, limit, threads):
    root = machine(tmp_path, groups, **files)
    assert cpu_limit(root, allowed=8) == limit
    assert cpu_threads(root, allowed=8) == threads


def test_a_machine_without_such_files_has_what_the_scheduler_allows(tmp_path):
    assert cpu_limit(tmp_path, allowed=3) == 3.0
    assert cpu_threads(tmp_path, allowed=3) == 3


def test_processors_that_a_process_is_pinned_to_count(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 5}, raising=False)
    assert cpu_limit(machine(tmp_path, V2, cpu_DOT_max="600000 100000")) == 2


def test_this_machine_has_some():
    assert cpu_threads() >= 1
    assert cpu_limit() > 0
