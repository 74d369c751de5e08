"""How many processors this process may use: what its container was given, not what the machine has.

A container with a limit of one processor on a machine of 64 sees all 64. Who starts a thread for each is stopped by the
kernel for most of every tenth of a second, and the slowest answers get slower by as much.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


def cpu_limit(root: Path = Path("/"), allowed: int | None = None) -> float:
    """The processors that this process may use at once.

    Parameters
    ----------
    root : pathlib.Path
        Where ``proc`` and ``sys`` are.
    allowed : int, optional
        Processors that the scheduler lets it run on; asked of the system if not given.

    Returns
    -------
    float
        The least of that and of every limit on its control group and the groups around it, in processors: 1.5 where a
        Kubernetes limit says ``1500m``. Above 0.

    References
    ----------
    The Linux kernel, "Control Group v2" (``cpu.max``) and "CFS Bandwidth Control" (``cpu.cfs_quota_us``).
    """
    count = _allowed() if allowed is None else allowed
    return min([float(count), *_limits(root)])


def cpu_threads(root: Path = Path("/"), allowed: int | None = None) -> int:
    """How many threads to compute with: as many whole processors as there are, and at least one.

    Parameters
    ----------
    root, allowed
        As for :func:`cpu_limit`.

    Returns
    -------
    int
        The limit rounded down: a thread more would use up the allowance early and then stand still.
    """
    return max(1, math.floor(cpu_limit(root, allowed)))


def _allowed() -> int:
    # macOS does not say.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _limits(root: Path) -> Iterator[float]:
    groups = root / "sys" / "fs" / "cgroup"
    for line in _text(root / "proc" / "self" / "cgroup").splitlines():
        # "0::/kubepods/pod1" (v2) or "4:cpu,cpuacct:/docker/1" (v1)
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if not controllers:
            yield from (_version_2(folder) for folder in _around(groups, path))
        elif "cpu" in controllers.split(","):
            for mounted in ("cpu", controllers):
                yield from (_version_1(folder) for folder in _around(groups / mounted, path))


def _around(mounted: Path, path: str) -> Iterator[Path]:
    """The group and all around it, up to where groups are mounted (all that a container sees of its own)."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for length in range(len(parts) + 1):
        yield mounted.joinpath(*parts[:length])


def _version_2(folder: Path) -> float:
    return _share(*[*_text(folder / "cpu.max").split(), "max", ""][:2])


def _version_1(folder: Path) -> float:
    return _share(_text(folder / "cpu.cfs_quota_us").strip(), _text(folder / "cpu.cfs_period_us").strip())


def _share(quota: str, period: str) -> float:
    # "max" and -1 mean: no limit.
    known = quota.isdigit() and period.isdigit() and int(quota) > 0 and int(period) > 0
    return int(quota) / int(period) if known else math.inf


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""
