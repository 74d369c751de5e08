"""Judges ``course.json``: what failed, what took too long, what took too much memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

QUICK_SECONDS = 120
QUICK_MEGABYTES = 1800
# A second pass in the same kernel keeps what the first one left in TensorFlow; what Binder gives is the end.
TWICE_MEGABYTES = 2000
AIMED_MEGABYTES = 1700
QUICK_TOTAL_SECONDS = 18 * 60
# Two cores compute twice the seconds of the clock; a slow machine makes half as many more of them.
_SLACK = 3


def failures(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Tell what no machine excuses: notebooks that did not run to their end, and quick ones with too much memory.

    Parameters
    ----------
    entries : iterable of mapping
        What ``course.json`` holds; see :class:`helpers.course.run.Outcome`.

    Returns
    -------
    list of str
        One sentence for each; empty where all is well.
    """
    found = []
    for entry in entries:
        name = entry["notebook"]
        if entry["status"] != "ok":
            where = f" in cell {entry['cell']} ({entry['line']})" if entry.get("cell") else ""
            found.append(f"{name}: {entry['status']}{where}: {entry.get('error')}")
            continue
        bound = QUICK_MEGABYTES if entry["passes"] == 1 else TWICE_MEGABYTES
        if entry["budget"] == "quick" and entry["peak_rss_mb"] > bound:
            what = "a quick run" if entry["passes"] == 1 else "a quick run twice in one kernel"
            found.append(f"{name}: {entry['peak_rss_mb']:,.0f} MB, and {what} may take {bound:,} MB")
    return found


def over_budget(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Tell which quick notebooks compute too long, in processor seconds. It is said, and no test asks for it.

    Threads that wait for each other hold a core meanwhile: the same notebook took 160 processor seconds alone, 247
    beside another and 511 beside a series of other runs. Those that ran two at a time are left
    out.

    Parameters
    ----------
    entries : iterable of mapping
        What ``course.json`` holds.

    Returns
    -------
    list of str
        One sentence for each that takes more than three times its budget, and one for all together.
    """
    quick = [entry for entry in entries if entry["budget"] == "quick" and entry["jobs"] == 1]
    found = []
    for entry in quick:
        bound = _SLACK * QUICK_SECONDS * entry["passes"]
        if entry["cpu_seconds"] > bound:
            found.append(f"{entry['notebook']}: {entry['cpu_seconds']:.0f} s CPU, and {bound} s are much for it")
    total, bound = sum(entry["cpu_seconds"] / entry["passes"] for entry in quick), _SLACK * QUICK_TOTAL_SECONDS
    if total > bound:
        found.append(f"all quick notebooks together: {total:.0f} s CPU, and {bound} s are much for them")
    return found


def problems(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Tell what keeps a run from being good: failures, and what a person should know of time and memory.

    Parameters
    ----------
    entries : iterable of mapping
        What ``course.json`` holds.

    Returns
    -------
    list of str
        One sentence for each; empty where all is well.
    """
    entries = list(entries)
    found = failures(entries)
    quick = [entry for entry in entries if entry["budget"] == "quick"]
    for entry in quick:
        if entry["passes"] == 1 and AIMED_MEGABYTES < entry["peak_rss_mb"] <= QUICK_MEGABYTES:
            found.append(f"{entry['notebook']}: {entry['peak_rss_mb']:,.0f} MB, and the aim is {AIMED_MEGABYTES:,} MB")
    # Seconds of the clock say something only where one notebook ran at a time, and once.
    timed = [entry for entry in quick if entry["jobs"] == entry["passes"] == 1]
    found += [
        f"{entry['notebook']}: {entry['seconds']:.0f} s, and a quick run may take {QUICK_SECONDS} s"
        for entry in timed
        if entry["status"] == "ok" and entry["seconds"] > QUICK_SECONDS
    ]
    total = sum(entry["seconds"] for entry in timed)
    if total > QUICK_TOTAL_SECONDS:
        found.append(f"all quick notebooks together: {total:.0f} s, and they may take {QUICK_TOTAL_SECONDS} s")
    return found + over_budget(entries)


def table(entries: Iterable[Mapping[str, Any]]) -> str:
    """Write the runs as text, one line each.

    Parameters
    ----------
    entries : iterable of mapping
        What ``course.json`` holds.

    Returns
    -------
    str
        Lines with notebook, status, seconds, processor seconds, memory, data set and budget; one with the sums; and
        one for each thing without which they would be misread.
    """
    entries = list(entries)
    rows = [("notebook", "status", "seconds", "CPU s", "peak MB", "dataset", "budget")]
    for entry in entries:
        numbers = (f"{entry['seconds']:.1f}", f"{entry['cpu_seconds']:.1f}", f"{entry['peak_rss_mb']:,.0f}")
        rows.append((entry["notebook"], entry["status"], *numbers, str(entry["dataset"]), str(entry["budget"])))
    good = sum(entry["status"] == "ok" for entry in entries)
    seconds, cpu_seconds = (sum(entry[name] for entry in entries) for name in ("seconds", "cpu_seconds"))
    largest = max((entry["peak_rss_mb"] for entry in entries), default=0.0)
    sums = (f"{seconds:.1f}", f"{cpu_seconds:.1f}", f"{largest:,.0f}")
    rows.append((f"{len(entries)} notebooks", f"{good} ok", *sums, "", ""))
    first, *middle, last = _aligned(rows, to_the_right=(2, 3, 4))
    return "\n".join([first, "-" * len(first), *middle, "-" * len(first), last, *_notes(entries)])


def _aligned(rows: Sequence[tuple[str, ...]], to_the_right: tuple[int, ...]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            text.rjust(width) if column in to_the_right else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _notes(entries: list[Mapping[str, Any]]) -> Iterator[str]:
    if (jobs := max((entry["jobs"] for entry in entries), default=1)) > 1:
        yield f"up to {jobs} notebooks ran at the same time: the seconds are those of a busy machine"
    if twice := [entry["notebook"] for entry in entries if entry["passes"] > 1]:
        yield f"every cell twice, in one kernel: {', '.join(twice)}"
    if core := [entry["notebook"] for entry in entries if entry["core"]]:
        yield f"without the cells tagged 'deeper': {', '.join(core)}"
