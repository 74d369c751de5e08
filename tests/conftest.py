"""What all tests share."""

import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# On a busy machine an example takes long, and is no less right.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")

pytest_plugins = ("tests.containers",)

ROOT = Path(__file__).resolve().parents[1]


def missing(what: str) -> None:
    """Skip a test that needs something this machine lacks; fail it in continuous integration."""
    message = f"not installed here: {what}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def wait_until(condition, what: str, guard: float = 900) -> None:
    """Wait for something to come about. The guard ends a test that hangs; it is no measure of how fast anything is."""
    end = time.monotonic() + guard
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"still waiting for {what} after {guard:.0f} s")
        time.sleep(0.1)


@pytest.fixture(autouse=True)
def same_draws_whatever_ran_before():
    """Begin each test with NumPy's and torch's own generators in one state: none hangs on what ran before it."""
    np.random.seed(0)  # noqa: NPY002 (other libraries draw from it)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture
def needs_program():
    """Ask for a system program by name: ``needs_program("unshare")``."""

    def ask(name: str) -> str:
        found = shutil.which(name)
        if found is None:
            missing(f"the program {name}")
        return found

    return ask


@pytest.fixture
def cold_cache(tmp_path, monkeypatch):
    """An empty cache and build folder of the test's own."""
    monkeypatch.setenv("VIGILANT_BUILD", str(tmp_path / "build"))
    monkeypatch.setenv("VIGILANT_CACHE", str(tmp_path / "build" / "cache"))
    return tmp_path / "build" / "cache"


@pytest.fixture(scope="session")
def program():
    """Ask for a system program from a fixture that lasts longer than a test."""

    def ask(name: str) -> str:
        if (found := shutil.which(name)) is None:
            missing(f"the program {name}")
        return found

    return ask


@pytest.fixture(scope="module")
def chromium(program):
    """Debian's Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=flags)
        yield browser
        browser.close()
