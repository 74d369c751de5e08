"""Set-up from nothing, for real but small: ``make`` in a course of four tiny packages, with uv and no network."""

import hashlib
import json
import os
import platform
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from shutil import copy, copytree

import pytest

from helpers.course import environment
from tests.conftest import ROOT
from tests.tiny import repacked, wheel

PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "vigilant-vision"
version = "0"
[tool.setuptools]
packages = []
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """A folder of wheels, which is all that these machines can reach, and the locks that name them."""
    folder = tmp_path_factory.mktemp("wheels")
    student = [repacked(folder, name) for name in ("uv", "setuptools")]
    student += [wheel(folder, "torch", "2.13.0+cpu", {"torch/__init__.py": b""})]
    student += [wheel(folder, "sample", "1.0", {"sample/__init__.py": b""})]
    authors = wheel(folder, "tester", "1.0", {"tester/__init__.py": b""})
    return folder, "".join(student), authors


NO_VENV = "sys.modules['ensurepip'] = None\n"  # as Debian's without python3-venv
NO_PIP = "sys.modules['pip'] = None\n"


class Course:
    """A checkout with the real Makefile and bootstrap, on a machine whose Python claims something.

    Where what comes after uv is tested, uv is on the PATH: to fetch one takes most of the time.
    """

    def __init__(self, folder: Path, wheels: tuple[Path, str, str], cache: Path) -> None:
        self.folder = folder / "course"
        copytree(ROOT / "helpers" / "course", self.folder / "helpers" / "course")
        copy(ROOT / "Makefile", self.folder)
        (self.folder / "pyproject.toml").write_text(PROJECT)
        self.lock = self.folder / "requirements.lock"
        found, student, authors = wheels
        self.lock.write_text(student)
        (self.folder / "requirements-test.lock").write_text(authors)
        (folder / "index").mkdir()
        (folder / "bin").mkdir()
        self.bin = folder / "bin"
        self.environment = {
            "HOME": str(folder),
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(found),
            "UV_CACHE_DIR": str(cache),
            "UV_DEFAULT_INDEX": (folder / "index").as_uri(),
        }

    def claim(self, code: str) -> None:
        """Put a ``python3.11`` first on the PATH that runs the bootstrap after ``code``."""
        program = self.bin / "python3.11"
        program.write_text(
            f"#!/bin/sh\nexec {sys.executable} - \"$@\" <<'END'\nimport runpy, sys\n{code}\n"
            "sys.argv = sys.argv[1:]\nrunpy.run_path(sys.argv[0], run_name='__main__')\nEND\n"
        )
        program.chmod(0o755)

    def with_uv(self, claim: str = "") -> None:
        """Be a machine with a uv, whose Python has neither venv nor pip."""
        self.claim(f"{NO_VENV}{NO_PIP}{claim}")
        (self.bin / "uv").symlink_to(Path(sys.executable).with_name("uv"))

    def make(self, target: str = ".venv/.ready") -> subprocess.CompletedProcess:
        return subprocess.run(
            ["make", target], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def installed(self) -> set[str]:
        """Names of what ``.venv`` holds, asked of its own Python, which must be 3.11."""
        code = (
            "import importlib.metadata as m, sys; assert sys.version_info[:2] == (3, 11); "
            "print(*{d.name for d in m.distributions() if '_vendor' not in str(d.locate_file(''))})"
        )
        python = self.folder / ".venv" / "bin" / "python"
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, cwd=self.bin)
        return set(done.stdout.split())


@pytest.fixture
def course(tmp_path, wheels, tmp_path_factory):
    one = Course(tmp_path, wheels, tmp_path_factory.getbasetemp() / "uv-cache")
    # The machine's 3.11, under a name that make does not look for and uv does.
    (one.bin / "python3").symlink_to(Path(sys.base_exec_prefix, "bin", "python3.11"))
    return one


STUDENT = {"uv", "setuptools", "torch", "sample", "vigilant-vision"}


@pytest.mark.parametrize("version", [(3, 9, 6), (3, 14, 0)])
def test_any_python_sets_the_course_up(course, version):
    course.claim(f"sys.version_info = {(*version, 'final', 0)}")
    done = course.make()
    assert done.returncode == 0, done.stdout + done.stderr
    assert course.installed() == STUDENT
    assert (course.folder / ".venv" / ".ready").exists()


def test_authors_come_on_top_and_what_left_the_lock_goes(course):
    course.with_uv()
    assert course.make(".venv/.authors").returncode == 0
    assert course.installed() == STUDENT | {"tester"}
    assert "up to date" in course.make(".venv/.authors").stdout
    course.lock.write_text("".join(one.text for one in environment.entries(course.lock.read_text())[:-1]))
    os.utime(course.lock, (later := (course.folder / ".venv" / ".authors").stat().st_mtime + 1, later))
    done = course.make()
    assert done.returncode == 0
    assert "making .venv" not in done.stdout, "what stands is kept"
    assert course.installed() == STUDENT - {"sample"}
    assert course.make(".venv/.authors").returncode == 0
    assert course.installed() == STUDENT - {"sample"} | {"tester"}


def test_what_the_benchmarks_compare_with_is_apart(course):
    course.with_uv()
    # In the place of the real ones: a package that is nowhere else.
    course.lock.with_name("requirements-bench.lock").write_text((course.folder / "requirements-test.lock").read_text())
    course.lock.with_name("requirements-test.lock").write_text("")
    alone = course.folder / "benchmarks" / "servers" / "server.lock"  # one that nothing else may see
    alone.parent.mkdir(parents=True)
    alone.write_text(course.lock.with_name("requirements-bench.lock").read_text())
    done = course.make(".venv/.peers")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (course.folder / ".venv" / "peers" / "tester" / "__init__.py").exists()
    python = course.folder / ".venv" / "servers" / "server" / "bin" / "python"
    seen = (
        "import sys, tester, importlib.util as found; print(tester.__file__, found.find_spec('setuptools'), sys.prefix)"
    )
    told = subprocess.run([python, "-c", seen], capture_output=True, text=True, check=True).stdout
    assert told.count(str(python.parents[1])) == 2
    assert " None " in told
    assert course.installed() == STUDENT
    assert "up to date" in course.make(".venv/.peers").stdout


def packed_python(folder: Path) -> Path:
    """Pack this machine's Python 3.11 in the layout that uv downloads, and write uv's list of downloads."""
    archive = folder / "python.tar.gz"
    libraries = sorted(Path(sysconfig.get_config_var("LIBDIR")).glob("libpython3.11.so*"))
    foreign = {"site-packages", "dist-packages", "test", "__pycache__", f"config-3.11-{sys.platform}"}
    with tarfile.open(archive, "w:gz", compresslevel=1, dereference=True) as tar:
        tar.add(Path(sys.base_exec_prefix, "bin", "python3.11").resolve(), "python/bin/python3.11")
        for file in libraries:
            tar.add(file, f"python/lib/{file.name}")
        tar.add(
            sysconfig.get_path("stdlib"),
            "python/lib/python3.11",
            filter=lambda info: None if foreign & set(Path(info.name).parts) else info,
        )
    patch = sys.version_info.micro
    one = {
        "name": "cpython",
        "arch": {"family": platform.machine(), "variant": None},
        "os": "linux",
        "libc": "gnu",
        **{"major": 3, "minor": 11, "patch": patch, "prerelease": "", "variant": None, "build": None},
        "url": archive.as_uri(),
        "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
    }
    downloads = folder / "downloads.json"
    downloads.write_text(json.dumps({f"cpython-3.11.{patch}-linux-{platform.machine()}-gnu": one}))
    return downloads


def test_uv_downloads_the_python_that_a_machine_lacks(course, tmp_path):
    course.with_uv("sys.version_info = (3, 13, 5, 'final', 0)")
    pythons = tmp_path / "pythons"
    course.environment |= {
        "UV_MANAGED_PYTHON": "1",  # as if none were installed
        "UV_PYTHON_INSTALL_DIR": str(pythons),
        "UV_PYTHON_DOWNLOADS_JSON_URL": str(packed_python(tmp_path)),
    }
    done = course.make()
    assert done.returncode == 0, done.stdout + done.stderr
    assert course.installed() == STUDENT
    assert (course.folder / ".venv" / "bin" / "python").resolve().is_relative_to(pythons)


def test_a_refused_download_says_what_to_do(course, tmp_path):
    course.with_uv("sys.version_info = (3, 13, 5, 'final', 0)")
    list_of_none = tmp_path / "downloads.json"
    list_of_none.write_text("{}")
    course.environment |= {"UV_MANAGED_PYTHON": "1", "UV_PYTHON_DOWNLOADS_JSON_URL": str(list_of_none)}
    done = course.make()
    assert done.returncode != 0
    assert "make PYTHON=/path/to/python3.11" in done.stderr
    assert not (course.folder / ".venv" / ".ready").exists()


def test_with_neither_venv_nor_pip_the_one_package_is_named(course):
    course.claim(NO_VENV + NO_PIP)
    done = course.make()
    assert done.returncode != 0
    assert "apt install python3-venv" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_uv_on_the_path_is_enough(course):
    course.with_uv()
    done = course.make()
    assert done.returncode == 0, done.stdout + done.stderr
    assert course.installed() == STUDENT


def test_pip_without_venv_is_enough(course):
    course.claim(NO_VENV)
    done = course.make()
    assert done.returncode == 0, done.stdout + done.stderr
    assert course.installed() == STUDENT


@pytest.mark.parametrize("name", ["uv", "torch", "sample"])
def test_a_wrong_hash_is_refused_by_name(course, name):
    course.with_uv()
    wrong = {one.name: one.text for one in environment.entries(course.lock.read_text())}
    digest = wrong[name].rpartition("sha256:")[2].strip()
    course.lock.write_text(course.lock.read_text().replace(digest, digest[::-1]))
    done = course.make()
    assert done.returncode != 0
    assert name in done.stderr
    assert "hash" in done.stderr.lower()
    assert not (course.folder / ".venv" / ".ready").exists()
    site = course.folder / ".venv" / "lib" / "python3.11" / "site-packages"
    assert not (site / name).exists()


def test_a_package_without_a_hash_is_refused(course):
    course.with_uv()
    text = course.lock.read_text()
    course.lock.write_text(text[: text.index("sample==")] + "sample==1.0\n")
    done = course.make()
    assert done.returncode != 0
    assert "sample" in done.stderr


def test_without_a_network_it_says_what_stopped(course, tmp_path):
    course.claim(NO_VENV)
    course.environment["PIP_FIND_LINKS"] = str(tmp_path / "index")
    done = course.make()
    assert done.returncode != 0
    assert "set-up stopped while fetching uv" in done.stderr
    assert "Run the same command again" in done.stderr


def test_another_kind_of_machine_is_refused_in_a_sentence(course):
    course.claim("import platform\nplatform.machine = lambda: 'riscv64'")
    done = course.make()
    assert done.returncode != 0
    assert "Linux riscv64" in done.stderr
    assert "Binder" in done.stderr
    assert "Traceback" not in done.stderr
