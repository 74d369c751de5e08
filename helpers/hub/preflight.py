"""The check of the evening before: whether the class gets in, and whether this machine has room for it."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from helpers.errors import CourseError, HubError
from helpers.hub import classlist, local
from helpers.hub.client import Kernel, Person

NOTEBOOKS = ("00_start_here", "01_training")
_HOME = 0.5e9  # room that a student may fill with results, beside the notebooks
_SYSTEM = 1.0e9  # left to the system and the hub itself


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    ok : bool
        Whether it is as it must be.
    text : str
        What was seen.
    remedy : str
        What to do if it is not; empty if it is.
    """

    ok: bool
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"✓ {self.text}" if self.ok else f"✗ {self.text}\n  to do: {self.remedy}"


def preflight(hub: local.LocalHub, say: Callable[[Finding], None]) -> list[Finding]:
    """Start a hub of its own with the same settings, use it as two students and an instructor would, and count.

    Parameters
    ----------
    hub : LocalHub
        What the hub of tomorrow will be told; its class list and homes are not touched.
    say : callable
        Called with each finding at once.

    Returns
    -------
    list of Finding
        All of them.
    """
    findings: list[Finding] = []

    def found(ok: bool, text: str, remedy: str = "") -> None:
        findings.append(Finding(ok, text, "" if ok else remedy))
        say(findings[-1])

    # The class list of tomorrow is read, so that a mistake in it is found tonight.
    if hub.class_list.exists():
        members = classlist.read(hub.class_list)
        listed = sum(member.role == "student" for member in members)
        found(
            listed >= hub.students or listed == 0,
            f"the class list has {listed} students, {hub.students} are expected",
            f"'make hub STUDENTS={hub.students}' adds the missing ones, or add lines to {hub.class_list}",
        )
    trial = dataclasses.replace(hub, state=hub.state.parent / "preflight", students=2)
    shutil.rmtree(trial.state, ignore_errors=True)
    try:
        with local.running(trial):
            found(True, f"the hub starts ({hub.spawner} spawner) and listens on {hub.address}, port {hub.port}")
            with contextlib.suppress(HubError):  # it was said
                _as_the_class(trial, hub.students, found)
    except CourseError as error:
        found(False, "the hub does not start", str(error))
    finally:
        if trial.spawner == "simple":
            shutil.rmtree(trial.state, ignore_errors=True)
    return findings


Found = Callable[..., None]


def _as_the_class(hub: local.LocalHub, students: int, found: Found) -> None:
    log = f"see {hub.state / 'hub.log'}"

    @contextlib.contextmanager
    def trying(what: str, remedy: str = log) -> Iterator[None]:
        try:
            yield
        except (HubError, OSError) as error:
            found(False, f"{what}: {error}", remedy)
            raise HubError(what) from error

    members = classlist.read(hub.class_list)
    people = {member: Person(hub.url, member.name) for member in members}
    with trying("users log in"):
        for member, person in people.items():
            person.log_in(member.password)
    found(True, f"{len(members)} users log in (two students and an instructor)")
    first, second = [person for member, person in people.items() if member.role == "student"]
    with trying("servers start"):
        slowest = max(person.start() for person in (first, second))
    found(True, f"their servers start in {slowest:.0f} s")
    with trying("a kernel computes"), second.kernel() as kernel:
        idle = _computes(kernel)
    found(True, f"a kernel computes; a server with one idle kernel takes {idle / 1e9:.2f} GB")
    peaks = [idle]
    for name in NOTEBOOKS:
        with trying(f"{name} runs through the hub", f"run 'vigilant run {name[:2]}' without the hub"):
            took, peak = first.run_notebook(f"course/notebooks/{name}.ipynb")
        peaks.append(peak)
        found(True, f"{name} runs through the hub in {took:.0f} s, {peak / 1e9:.2f} GB at its peak")
    _room(hub, students, idle, max(peaks), found)


def _computes(kernel: Kernel) -> float:
    if (answer := kernel.run("print(6 * 7)").strip()) != "42":
        raise HubError(f"6 * 7 gave {answer!r}")
    return kernel.memory()


def _room(hub: local.LocalHub, students: int, idle: float, peak: float, found: Found) -> None:
    """Compare what a class takes with what there is."""
    # The two servers of the trial still hold theirs.
    free = psutil.virtual_memory().available - _SYSTEM + 2 * idle
    at_once = int(free // peak)
    found(
        students * peak <= free,
        f"memory: {students} students in 01 at the same time take {students * peak / 1e9:.0f} GB, and "
        f"{free / 1e9:.0f} GB are free",
        f"this machine holds {at_once} at once and {int(free // idle)} idle ones: let students work in pairs, start 01 "
        f"in turns, or use a machine with {(students * peak + _SYSTEM) / 1e9:.0f} GB or Kubernetes",
    )
    folder = hub.state
    home = (
        sum(file.stat().st_size for file in folder.glob("homes/*01/**/*") if file.is_file()) if folder.exists() else 0
    )
    needed, disk = students * (home + _HOME), shutil.disk_usage(_existing(folder)).free
    found(
        needed <= disk,
        f"disk: {students} homes take {needed / 1e9:.0f} GB, {disk / 1e9:.0f} GB are free",
        f"free {(needed - disk) / 1e9:.0f} GB on the disk of {folder}, or set VIGILANT_BUILD to another one",
    )


def _size(folder: Path) -> float:
    return float(sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file()))


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
