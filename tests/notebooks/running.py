"""How the tests of this folder call the command line, and what they read of its results."""

import os
import subprocess
import sys

from helpers import scorecard
from helpers.course.run import read_course
from helpers.datasets import availability
from tests.conftest import ROOT

BANDS = scorecard.read_bands(ROOT / "tests" / "bands")


def vigilant(folder, *arguments):
    """Run the command line with results in a folder of the tests' own and the course's warm cache."""
    cache = os.environ.get("VIGILANT_CACHE", str(ROOT / "build" / "cache"))
    environment = os.environ | {"VIGILANT_BUILD": str(folder), "VIGILANT_CACHE": cache}
    return subprocess.run([sys.executable, "-m", "helpers.cli", *arguments], cwd=ROOT, env=environment).returncode


def fashion_is_ready():
    return next(row for row in availability() if row.name == "fashion").ready


def entries_of(folder):
    """What ``course.json`` in a folder says, by notebook."""
    return {entry["notebook"]: entry for entry in read_course(folder / "course.json")}
