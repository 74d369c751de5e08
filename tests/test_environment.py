"""The environment: one distribution of each package and one list of versions."""

import importlib.metadata
import re
import tomllib

import pytest

from helpers.course.environment import environment_yml, pins
from tests.conftest import ROOT

# Distributions that put files in the same place: two of a row overwrite each other.
RIVALS = [
    ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tf-nightly", "intel-tensorflow"),
    ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"),
    ("onnxruntime", "onnxruntime-gpu"),
]


def rival_problems(installed: dict[str, str]) -> list[str]:
    """Say what is wrong with a set of installed distributions (name to version)."""
    problems = [
        f"more than one of {found}" for row in RIVALS if len(found := [name for name in row if name in installed]) > 1
    ]
    if "torch" in installed and not installed["torch"].endswith("+cpu"):
        problems.append(f"torch {installed['torch']} is not the CPU build")
    problems += [f"CUDA package {name}" for name in installed if name.startswith(("nvidia-", "cuda-", "triton"))]
    return problems


def installed_distributions() -> dict[str, str]:
    # setuptools carries copies of other packages for itself, and puts them on the path once it is imported.
    own = [dist for dist in importlib.metadata.distributions() if "_vendor" not in str(dist.locate_file(""))]
    return {re.sub("[-_.]+", "-", dist.metadata["Name"]).lower(): dist.version for dist in own}


def test_one_distribution_of_each_is_installed():
    assert rival_problems(installed_distributions()) == []


@pytest.mark.parametrize(
    ("name", "version"),
    [("tensorflow", "2.21.0"), ("opencv-python", "5.0.0.93"), ("nvidia-cublas", "13.0"), ("torch", "2.13.0")],
)
def test_a_second_distribution_would_be_noticed(name, version):
    assert rival_problems(installed_distributions() | {name: version}) != []


def test_only_one_opencv_is_on_the_path():
    owners = importlib.metadata.packages_distributions()
    assert {name.replace("_", "-") for name in owners["cv2"]} == {"opencv-python-headless"}
    assert {name.replace("_", "-") for name in owners["tensorflow"]} == {"tensorflow-cpu"}


def test_what_is_installed_is_what_the_lock_says():
    locked = {name.lower(): version for name, version in pins((ROOT / "requirements.lock").read_text()).items()}
    installed = installed_distributions()
    different = {
        name: (version, installed.get(name)) for name, version in locked.items() if installed.get(name) != version
    }
    assert different == {}, "run 'make' again, or 'make lock' after a change of pyproject.toml"


def test_the_lock_holds_every_direct_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [one for extra in project["optional-dependencies"].values() for one in extra]
    locked = pins((ROOT / "requirements.lock").read_text())
    assert [name for name in wanted if re.split("[=<>]", name)[0] not in locked] == []
    assert locked["torch"] == "2.13.0+cpu"


def test_the_packages_named_in_the_brief_are_there():
    direct = {
        name.split("==")[0] for name in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    }
    brief = {"jupyterlab", "nbval", "papermill", "tensorflow-cpu", "tf-explain", "shap", "fairlearn", "opacus", "torch"}
    assert brief | {"matplotlib"} <= direct


def test_environment_yml_is_what_the_lock_gives():
    lock = (ROOT / "requirements.lock").read_text()
    assert (ROOT / "environment.yml").read_text() == environment_yml(lock), "run 'make lock'"


def test_a_changed_lock_changes_environment_yml():
    lock = (ROOT / "requirements.lock").read_text()
    numpy = f"numpy=={pins(lock)['numpy']}"
    assert environment_yml(lock.replace(numpy, "numpy==1.0.0")) != environment_yml(lock)
