"""Set-up of the course's environment: ``make`` runs this file with whatever ``python3`` the machine has.

It needs nothing but the standard library of Python 3.9 or newer, because it runs before anything is installed. uv, in
the version that the lock names, makes ``.venv`` with Python 3.11: the machine's own, or one that uv downloads::

    python3 helpers/course/environment.py setup       # .venv holds requirements.lock and nothing else
    python3 helpers/course/environment.py authors     # requirements-test.lock on top, for tests and authors
    python3 helpers/course/environment.py peers       # requirements-bench.lock in .venv/peers, for 'make bench'
    python3 helpers/course/environment.py lock        # from pyproject.toml: all locks but the last, environment.yml

Versions move only when asked: ``lock --upgrade``, or ``lock --upgrade-package numpy``, as uv takes it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "pyproject.toml"
LOCK = ROOT / "requirements.lock"
TEST_LOCK = ROOT / "requirements-test.lock"
SERVE_LOCK = ROOT / "deploy" / "requirements.lock"
BENCH_LOCK = ROOT / "requirements-bench.lock"
ENVIRONMENT = ROOT / "environment.yml"
VENV = ROOT / ".venv"
PYTHON = "3.11"
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
# What the locks are resolved for: uv's name by Python's name (sys.platform). glibc 2.28 is that of Debian 10 and Ubuntu
# 20.04; torch has wheels for macOS from 14 on.
PLATFORMS = {"linux": "x86_64-manylinux_2_28", "darwin": "aarch64-apple-darwin"}
_MACOS = "14"
# Under conda these come last and without their dependencies: they ask for a second build of OpenCV.
_LATE = ("tf-explain",)
# The student's groups of pyproject.toml; the authors have all.
_STUDENT = ("hub", "serve", "setup")
_HASHED = ("--no-deps", "--require-hashes", "--only-binary", ":all:")


class Entry(NamedTuple):
    """One distribution of a lock."""

    name: str
    version: str
    system: str  # the only sys.platform that gets it, or "" for all
    text: str  # its lines, with hashes and who asked for it


_FIRST_LINE = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?: ; sys_platform == '(\w+)')?", flags=re.MULTILINE)


_ASKED = re.compile(r"^    #(?: via|  ) ([A-Za-z0-9._-]+)$", flags=re.MULTILINE)


def entries(lock: str, system: str = "") -> list[Entry]:
    """Read the distributions of a lock.

    Parameters
    ----------
    lock : str
        The file's text.
    system : str
        Only those for this ``sys.platform``; all if not given.

    Returns
    -------
    list of Entry
        In the file's order. The options above them are left out.
    """
    found = list(_FIRST_LINE.finditer(lock))
    ends = [match.start() for match in found[1:]] + [len(lock)]
    every = [
        Entry(match[1], match[2], match[3] or "", lock[match.start() : end].rstrip("\n") + "\n")
        for match, end in zip(found, ends)
    ]
    return [entry for entry in every if not system or entry.system in ("", system)]


def pins(lock: str, system: str = sys.platform) -> dict[str, str]:
    """Read names and versions out of the text of a lock.

    Parameters
    ----------
    lock : str
        The file's text.
    system : str
        For which ``sys.platform``; this machine's if not given.

    Returns
    -------
    dict of str to str
        Version by distribution name, in the file's order.
    """
    return {entry.name: entry.version for entry in entries(lock, system)}


def environment_yml(lock: str) -> str:
    """Make the conda view of the student's lock.

    Parameters
    ----------
    lock : str
        The text of ``requirements.lock``.

    Returns
    -------
    str
        The text of ``environment.yml``.
    """
    late = [f"{entry.name}=={entry.version}" for entry in entries(lock) if entry.name in _LATE]
    lines = [
        "# Made from requirements.lock by 'make lock'; do not edit. For conda:",
        "#   conda env create -f environment.yml && conda activate vigilant-vision",
        f"#   pip install --no-deps {' '.join(late)} -e .",
        "# These come last and without dependencies: they would bring a second build of OpenCV.",
        "# conda's pip resolves and checks no hashes, so what the lock leaves out on purpose may come back",
        "# (rfc3987-syntax: pyproject.toml says why). 'make course' and Binder install the lock itself.",
        "name: vigilant-vision",
        "channels:",
        "  - conda-forge",
        "dependencies:",
        f"  - python={PYTHON}",
        "  - pip",
        "  - pip:",
        f"      - --extra-index-url {TORCH_INDEX}",
    ]
    for entry in entries(lock):
        if entry.name not in _LATE:
            marker = f" ; sys_platform == '{entry.system}'" if entry.system else ""
            lines.append(f"      - {entry.name}=={entry.version}{marker}")
    return "\n".join(lines) + "\n"


def serve_lock(lock: str, direct: Iterable[str]) -> str:
    """Take out of the student's lock what the service needs.

    Parameters
    ----------
    lock : str
        The text of ``requirements.lock``.
    direct : iterable of str
        Names of the distributions that the service imports.

    Returns
    -------
    str
        The text of ``deploy/requirements.lock``: these and what they need for Linux, to the version and the hash.
    """
    found = entries(lock, "linux")
    needed = {re.sub(r"[-_.]+", "-", name).lower() for name in direct}
    while True:
        # Each entry says below its hashes, line by line, who asked for it.
        more = {entry.name for entry in found if needed & set(_ASKED.findall(entry.text))} - needed
        if not more:
            return _SERVE_HEADER + _texts([entry for entry in found if entry.name in needed])
        needed |= more


def _serve_group() -> list[str]:
    # Python before 3.11 reads no TOML.
    code = "import tomllib; print(*tomllib.load(open(0, 'rb'))['project']['optional-dependencies']['serve'])"
    with PROJECT.open("rb") as project:
        read = subprocess.run([VENV / "bin" / "python", "-c", code], stdin=project, check=True, stdout=subprocess.PIPE)
    return read.stdout.decode().split()


def setup() -> None:
    """Make ``.venv`` hold what ``requirements.lock`` says and nothing else, and this package in editable form.

    Raises
    ------
    SystemExit
        With one sentence, if a step fails.
    """
    started = time.monotonic()
    _refuse_other_platforms()
    wanted = entries(LOCK.read_text(encoding="utf-8"), sys.platform)
    _make_venv(next(entry for entry in wanted if entry.name == "uv"))
    _install_torch([entry for entry in wanted if entry.name == "torch"])
    install(f"installing {len(wanted)} packages (about 1 GB the first time)", wanted, "--exact")
    install_helpers()
    quiet_jupyter(VENV)
    _compile_all()
    say(f"ready in {time.monotonic() - started:.0f} s")


def authors() -> None:
    """Add what ``requirements-test.lock`` says: what tests and authors need.

    Raises
    ------
    SystemExit
        With one sentence, if a step fails.
    """
    wanted = entries(TEST_LOCK.read_text(encoding="utf-8"), sys.platform)
    install(f"installing {len(wanted)} packages for tests and authors", wanted)
    quiet_nbgrader(VENV)
    _compile_all()


def peers() -> None:
    """Make ``.venv/peers`` hold what ``requirements-bench.lock`` says: what only the benchmarks compare with.

    A server that is compared with ours gets an environment of its own, ``.venv/servers/NAME``, from the lock beside it
    (``benchmarks/servers/NAME.lock``): no two of them agree on versions.

    Raises
    ------
    SystemExit
        With one sentence, if a step fails.
    """
    wanted = entries(BENCH_LOCK.read_text(encoding="utf-8"), sys.platform)
    folder = VENV / "peers"
    shutil.rmtree(folder, ignore_errors=True)
    install(f"installing {len(wanted)} packages for the benchmarks, apart", wanted, "--target", folder)
    shutil.rmtree(VENV / "servers", ignore_errors=True)
    for file in sorted((ROOT / "benchmarks" / "servers").glob("*.lock")):
        alone = VENV / "servers" / file.stem
        run_step(
            f"making {alone.relative_to(ROOT)}", str(VENV / "bin" / "python"), "-m", "venv", "--without-pip", alone
        )
        wanted = entries(file.read_text(encoding="utf-8"), sys.platform)
        install(f"installing {len(wanted)} packages for it", wanted, "--compile-bytecode", venv=alone)


def lock(*options: str) -> None:
    """Resolve ``pyproject.toml`` into both locks, and take ``environment.yml`` and the service's lock from the first.

    Parameters
    ----------
    *options : str
        For uv, ``--upgrade`` or ``--upgrade-package NAME``: without them every version stays that still fits.

    Raises
    ------
    SystemExit
        With one sentence, if nothing can be resolved.
    """
    os.environ["MACOSX_DEPLOYMENT_TARGET"] = _MACOS  # read by uv
    before = "".join(file.read_text(encoding="utf-8") for file in (LOCK, TEST_LOCK) if file.exists())
    student = merged({system: resolve(system, before, options, groups=_STUDENT) for system in PLATFORMS})
    if "+cpu" not in pins(student, "linux")["torch"]:
        raise SystemExit("the lock would name a torch that is not the CPU build for Linux; nothing was written")
    everything = {system: resolve(system, before, options, under=student) for system in PLATFORMS}
    known = {entry.name for entry in entries(student)}
    test = merged({system: [e for e in found if e.name not in known] for system, found in everything.items()})
    LOCK.write_text(_student_header() + student, encoding="utf-8")
    TEST_LOCK.write_text(_TEST_HEADER + test, encoding="utf-8")
    ENVIRONMENT.write_text(environment_yml(student), encoding="utf-8")
    SERVE_LOCK.write_text(serve_lock(student, _serve_group()), encoding="utf-8")
    say(f"{len(entries(student))} versions in {LOCK.name}, {len(entries(test))} more in {TEST_LOCK.name}")


def quiet_jupyter(prefix: Path) -> None:
    """Turn off JupyterLab's question about news, which would only puzzle students.

    Parameters
    ----------
    prefix : pathlib.Path
        The environment's folder.
    """
    _write_json(
        prefix / "etc/jupyter/labconfig/page_config.json",
        {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}},
    )


def quiet_nbgrader(prefix: Path) -> None:
    """Turn off nbgrader's menus and services: it is there for a preprocessor.

    Parameters
    ----------
    prefix : pathlib.Path
        The environment's folder.
    """
    names = ("formgrader", "validate_assignment", "assignment_list", "course_list")
    services = {"ServerApp": {"jpserver_extensions": {f"nbgrader.server_extensions.{name}": False for name in names}}}
    _write_json(prefix / "etc/jupyter/jupyter_server_config.d/zz-vigilant.json", services)
    _write_json(
        prefix / "etc/jupyter/labconfig/page_config.d/vigilant.json",
        {"disabledExtensions": {"@jupyter/nbgrader": True}},
    )


def _refuse_other_platforms() -> None:
    machine = f"{platform.system()} {platform.machine()}"
    if machine not in ("Linux x86_64", "Darwin arm64"):
        raise SystemExit(
            f"the course's packages are locked for Linux on x86-64 and macOS on Apple silicon, and this is {machine}. "
            "Use the student image (jupyterhub/image), Binder, or a virtual machine"
        )


def _make_venv(uv: Entry) -> None:
    """Make ``.venv`` with Python 3.11 and the lock's uv in it, unless it stands."""
    python = VENV / "bin" / "python"
    if not _answers([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], PYTHON):
        shutil.rmtree(VENV, ignore_errors=True)
    elif _answers([python, "-m", "uv", "--version"], f"uv {uv.version}"):
        return
    with tempfile.TemporaryDirectory() as folder, _requirements([uv]) as file:
        bare = _bare_uv(Path(folder), uv.version, file)
        if not VENV.exists():
            own = sys.executable if sys.version_info[:2] == (3, 11) else PYTHON
            run_step(
                f"making .venv with Python {PYTHON}",
                *[bare, "venv", "--quiet", "--python", own, VENV],
                advice=f"Where a download is refused, install Python {PYTHON} yourself and name it: "
                "make PYTHON=/path/to/python3.11",
            )
        run_step(f"installing uv {uv.version}", *_pip_install(*_HASHED, "-r", file, uv=[str(bare)]))


def _bare_uv(folder: Path, version: str, requirements: Path) -> Path:
    """Find or install a uv to begin with, by what this interpreter has: ensurepip, pip, or a uv on the PATH."""
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_HASHED, "-r", requirements]
    if importlib.util.find_spec("ensurepip"):
        run_step("making a place for uv", sys.executable, "-m", "venv", folder)
        run_step(f"fetching uv {version}", folder / "bin" / "python", *install)
        return folder / "bin" / "uv"
    if importlib.util.find_spec("pip"):
        run_step(f"fetching uv {version}", sys.executable, *install, "--target", folder)
        return folder / "bin" / "uv"
    found = shutil.which("uv")
    if found:
        return Path(found)
    raise SystemExit(
        f"{sys.executable} has neither venv nor pip to begin with. Install one package (Debian, Ubuntu: "
        "apt install python3-venv) or uv, and run the same command again"
    )


def _install_torch(torch: list[Entry]) -> None:
    # First from wherever this machine is told to look, so that a mirror or a folder of wheels is enough.
    say("installing torch")
    with _requirements(torch) as file:
        install = _pip_install(*_HASHED, "-r", file)
        done = subprocess.run([str(part) for part in install], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        if "hash mismatch" in done.stderr.lower():
            raise SystemExit(f"{done.stderr}set-up stopped while installing torch: this file is not the lock's")
        if done.returncode:
            run_step("installing torch from PyTorch's own index", *install, "--default-index", TORCH_INDEX)


def install(what: str, wanted: list[Entry], *options: str | Path, venv: Path = VENV) -> None:
    """Install distributions of a lock, checked by their hashes and without their dependencies.

    Parameters
    ----------
    what : str
        What is said meanwhile.
    wanted : list of Entry
        Which ones.
    *options : str or pathlib.Path
        More options for ``uv pip install``.
    venv : pathlib.Path
        The environment they go to.

    Raises
    ------
    SystemExit
        With one sentence, if that fails.
    """
    # From a copy without the lock's extra index: uv would look for every package there first.
    with _requirements(wanted) as file:
        run_step(what, *_pip_install(*_HASHED, *options, "-r", file, venv=venv))


def install_helpers(venv: Path = VENV) -> None:
    """Install this package in editable form, without its dependencies.

    Parameters
    ----------
    venv : pathlib.Path
        The environment it goes to; setuptools is there already.
    """
    editable = _pip_install("--no-deps", "--no-build-isolation", "--editable", ROOT, venv=venv)
    run_step("installing helpers", *editable)


@contextlib.contextmanager
def _requirements(wanted: list[Entry]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "requirements.txt")
        file.write_text(_texts(wanted), encoding="utf-8")
        yield file


def _texts(wanted: list[Entry]) -> str:
    return "".join(entry.text for entry in wanted)


def _pip_install(*arguments: str | Path, uv: list[str] | None = None, venv: Path = VENV) -> list[str | Path]:
    start = uv or [str(VENV / "bin" / "python"), "-m", "uv"]
    return [*start, "pip", "install", "--quiet", "--python", venv / "bin" / "python", *_wheels(), *arguments]


def _wheels() -> list[str]:
    # A folder of wheels that pip was told of stands in for PyTorch's index where that cannot be reached.
    wheels = os.environ.get("PIP_FIND_LINKS")
    return ["--find-links", wheels] if wheels else []


def _compile_all() -> None:
    # Otherwise the first notebook pays for it, in its measured seconds.
    run_step("compiling", VENV / "bin" / "python", "-m", "compileall", "-qq", "-j", "0", VENV / "lib", check=False)


def resolve(
    system: str,
    before: str,
    options: tuple[str, ...],
    groups: tuple[str, ...] = (),
    under: str = "",
    project: Path = PROJECT,
) -> list[Entry]:
    """Resolve a project for one platform.

    Parameters
    ----------
    system : str
        A key of :data:`PLATFORMS`.
    before : str
        Text of the locks so far, whose versions stay where they fit.
    options : tuple of str
        More options for ``uv pip compile``.
    groups : tuple of str
        Groups of optional dependencies; all if empty.
    under : str
        Text of a lock that binds what is resolved.
    project : pathlib.Path
        Its ``pyproject.toml``.

    Returns
    -------
    list of Entry
        What was found, with hashes.

    Raises
    ------
    SystemExit
        With one sentence, if nothing can be resolved.
    """
    extras = [part for group in groups for part in ("--extra", group)] or ["--all-extras"]
    wheels = ["--no-sources", *_wheels()] if _wheels() and system == "linux" else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(project, folder)
        # uv keeps the versions that it finds in its output.
        (folder / "resolved").write_text(_texts(entries(before, system)), encoding="utf-8")
        (folder / LOCK.name).write_text(_texts(entries(under, system)), encoding="utf-8")
        run_step(
            f"resolving for {PLATFORMS[system]}",
            *[VENV / "bin" / "python", "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--generate-hashes"],
            *["--only-binary", ":all:", "--python-version", PYTHON, "--python-platform", PLATFORMS[system]],
            *[*extras, *wheels, *options, "-c", LOCK.name, "-o", "resolved", project.name],
            folder=folder,
        )
        text = (folder / "resolved").read_text(encoding="utf-8")
    return entries(re.sub(rf"^    #   -c {re.escape(LOCK.name)}\n", "", text, flags=re.MULTILINE))


def merged(found: dict[str, list[Entry]]) -> str:
    """One text of what was resolved for several platforms: what differs carries the name of its platform.

    Parameters
    ----------
    found : dict of str to list of Entry
        What :func:`resolve` gave, by platform.

    Returns
    -------
    str
        Lines of a lock, sorted.

    Raises
    ------
    SystemExit
        If one has no hash.
    """
    everywhere = set.intersection(*({(e.name, e.version) for e in one} for one in found.values()))
    lines: dict[tuple[str, str], str] = {}
    for system, one in found.items():
        for entry in one:
            if "--hash=sha256:" not in entry.text:
                raise SystemExit(f"no hash is known for {entry.name}=={entry.version}; nothing was written")
            if (entry.name, entry.version) in everywhere:
                lines.setdefault((entry.name, ""), entry.text)
            else:
                pin = f"{entry.name}=={entry.version}"
                lines[entry.name, system] = entry.text.replace(pin, f"{pin} ; sys_platform == '{system}'", 1)
    return "".join(lines[key] for key in sorted(lines))


_TEST_HEADER = """\
# What tests and authors get on top of requirements.lock, resolved under it. Made by 'make lock'; do not edit.
# 'make test' and 'make build' install it.
--only-binary :all:
"""


_SERVE_HEADER = """\
# What the service's image holds: the group 'serve' of pyproject.toml and what it needs, in the versions of
# requirements.lock, for Linux. Made by 'make lock'; do not edit. With Python 3.11:
#   pip install --no-deps --require-hashes -r deploy/requirements.lock
--only-binary :all:
"""


def _student_header() -> str:
    torch = "from the wheel itself, in a folder of wheels" if _wheels() else "from PyTorch's own index"
    return f"""\
# Every version that a student gets, with its hashes: Python {PYTHON}, Linux x86-64 and macOS arm64 ({_MACOS} or newer).
# Made by 'make lock' from pyproject.toml; do not edit. 'make course' installs it; by hand, with Python {PYTHON}:
#   pip install --no-deps --require-hashes -r requirements.lock
# The hashes are those of PyPI; that of torch for Linux was read {torch}.
--extra-index-url {TORCH_INDEX}
--only-binary :all:
"""


def _write_json(file: Path, content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1), encoding="utf-8")


def run_step(
    what: str,
    *command: object,
    check: bool = True,
    folder: Path = ROOT,
    advice: str = "Run the same command again.",
) -> int:
    """Run one command of a set-up and say so.

    Parameters
    ----------
    what : str
        What it does, as "installing torch".
    *command : object
        The program and its arguments.
    check : bool
        Whether a failure ends the set-up.
    folder : pathlib.Path
        Where it runs.
    advice : str
        What to do where it fails.

    Returns
    -------
    int
        Its exit status.

    Raises
    ------
    SystemExit
        With one sentence, if it fails and that is checked.
    """
    say(what)
    code = subprocess.run([str(part) for part in command], cwd=folder).returncode
    if check and code:
        raise SystemExit(f"set-up stopped while {what} (exit status {code}); the lines above say why. {advice}")
    return code


def _answers(command: list[str | Path], expected: str) -> bool:
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    except OSError:
        return False
    return done.stdout.strip().split(" (")[0] == expected


def say(text: str) -> None:
    """Print a line of the set-up at once.

    Parameters
    ----------
    text : str
        The line.
    """
    print(f"[set-up] {text}", flush=True)


if __name__ == "__main__":
    commands = {"setup": setup, "authors": authors, "peers": peers, "lock": lock}
    if len(sys.argv) < 2 or sys.argv[1] not in commands or (len(sys.argv) > 2 and sys.argv[1] != "lock"):
        raise SystemExit(f"usage: {Path(__file__).name} {{{','.join(commands)}}}")
    commands[sys.argv[1]](*sys.argv[2:])
