"""`make cluster-check` against a fake: a small program in kubectl's place (fake_kubectl.py), not a cluster.

What this shows: that the check does and says what it should, and that each misbehaviour of a cluster turns its own step
into a failure. What it cannot show is how a real cluster behaves.
"""

import json
import os
import re
import sys

import pytest

from deploy.check.__main__ import main
from deploy.check.steps import STEPS
from helpers.serving import make_keys
from tests.conftest import ROOT
from tests.deploy.kustomize import kubectl as real_kubectl

IMAGE, BUNDLE = "127.0.0.1:5000/service:1", "127.0.0.1:5000/bundle:1"
TITLES = [title for title, _, _ in STEPS]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    program = folder / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable} -IS\n{(ROOT / 'tests/deploy/fake_kubectl.py').read_text()}")
    program.chmod(0o755)
    make_keys(folder / "keys")
    return folder


@pytest.fixture
def checked(home, tmp_path_factory, monkeypatch, capsys):
    """Run the check on a fresh fake: exit status, lines by step, and the fake's folder."""

    def run(*faults, options=(), timeout="0.3"):
        place = home / f"fake-{len(list(home.iterdir()))}"
        (place / "objects").mkdir(parents=True)
        real = real_kubectl()
        monkeypatch.setenv("PATH", f"{home / 'bin'}:{os.environ['PATH']}")
        for name, value in {
            "FAKE_KUBECTL": place,
            "FAKE_FAULTS": ",".join(faults),
            "REAL_KUBECTL": real,
            "FAKE_INTERRUPTS": os.getpid(),
        }.items():
            monkeypatch.setenv(name, str(value))
        given = ["--image", IMAGE, "--bundle", BUNDLE, "--key", str(home / "keys" / "public.pem")]
        status = main([*given, "--timeout", timeout, "--pause", "0", *options])
        said = capsys.readouterr()
        lines = re.findall(r"^ *(passed|FAILED|not tried)  ([^:]+): (.*)$", said.out, re.MULTILINE)
        return status, {step: (state, text) for state, step, text in lines}, place, said

    return run


def left(place):
    return sorted(path.name for path in (place / "objects").iterdir())


def test_where_all_is_well_every_step_passes_and_nothing_is_left(checked):
    status, lines, place, said = checked(timeout="30")
    assert [step for step, (state, _) in lines.items() if state != "passed"] == [], said.out + said.err
    assert list(lines) == [*TITLES, "removed"]
    assert status == 0
    assert left(place) == []
    assert json.loads((place / "calls").read_text().splitlines()[0])[0] == "kustomize"
