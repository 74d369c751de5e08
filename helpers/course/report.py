"""Judges ``course.json``: what failed, what took too long, what took too much memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

QUICK_SECONDS = 120
QUICK_MEGABYTES = 1800
QUICK_TOTAL_SECONDS = 15 * 60


def problems(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Tell what keeps a run from being good: failures, and quick notebooks over their budget.

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
    entries = list(entries)
    for entry in entries:
        name = entry["notebook"]
        if entry["status"] != "ok":
            where = f" in cell {entry['cell']} ({entry['line']})" if entry.get("cell") else ""
            found.append(f"{name}: {entry['status']}{where}: {entry.get('error')}")
        elif entry["budget"] == "quick":
            if entry["seconds"] > QUICK_SECONDS:
                found.append(f"{name}: {entry['seconds']:.0f} s, and a quick run may take {QUICK_SECONDS} s")
            if entry["peak_rss_mb"] > QUICK_MEGABYTES:
                found.append(f"{name}: {entry['peak_rss_mb']:,.0f} MB, and a quick run may take {QUICK_MEGABYTES:,} MB")
    total = sum(entry["seconds"] for entry in entries if entry["budget"] == "quick")
    if total > QUICK_TOTAL_SECONDS:
        found.append(f"all quick notebooks together: {total:.0f} s, and they may take {QUICK_TOTAL_SECONDS} s")
    return found


def table(entries: Iterable[Mapping[str, Any]]) -> str:
    """Write the runs as text, one line each.

    Parameters
    ----------
    entries : iterable of mapping
        What ``course.json`` holds.

    Returns
    -------
    str
        Lines with notebook, status, seconds, memory, data set and budget; a last one with the sums.
    """
    entries = list(entries)
    rows = [("notebook", "status", "seconds", "peak MB", "dataset", "budget")]
    for entry in entries:
        numbers = (f"{entry['seconds']:.1f}", f"{entry['peak_rss_mb']:,.0f}")
        rows.append((entry["notebook"], entry["status"], *numbers, str(entry["dataset"]), str(entry["budget"])))
    good = sum(entry["status"] == "ok" for entry in entries)
    seconds = sum(entry["seconds"] for entry in entries)
    largest = max((entry["peak_rss_mb"] for entry in entries), default=0.0)
    rows.append((f"{len(entries)} notebooks", f"{good} ok", f"{seconds:.1f}", f"{largest:,.0f}", "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            text.rjust(width) if column in (2, 3) else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:-1], "-" * len(lines[0]), lines[-1]])
