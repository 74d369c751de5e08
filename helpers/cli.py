"""The command ``vigilant``: build, run and judge the course from a terminal.

Nothing heavy is imported up here, so that ``vigilant --help`` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.course.run import Outcome
    from helpers.hub.local import LocalHub

_CLEAR = "\r\x1b[K"  # back to the start of the line, and wipe it
_CANNOT_DECIDE = 3  # 1 is a no-go, and 2 a command that was not understood
_LIMITS = {"quick": 600.0, "full": 6 * 3600.0}
_EPILOG = """examples:
  vigilant list                       what there is
  vigilant run                        the whole course, as your notebooks stand now
  vigilant run 02 --dataset fashion   notebook 02 on real clothing
  vigilant run 4 --budget full        notebook 04 at the size of the papers (hours, not minutes)
  vigilant scorecard                  what the notebooks measured
  vigilant decide --seed 10           whether that is good enough, record by record
  vigilant serve                      answer over HTTP, with the network of notebook 01
  vigilant bands 04                   five seeds of notebook 04, and between what its records must lie

Results lie in build/: notebooks/NN_topic.ipynb (executed), course.json (seconds, memory) and scorecard.json
(measurements).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed after ``vigilant``; taken from the process if not given.

    Returns
    -------
    int
        Exit status: 0 if all is well, 1 if something is not, 2 if the command was not understood, 3 if ``decide``
        cannot decide, 130 if interrupted.
    """
    options = _parser().parse_args(arguments)
    from helpers.errors import CourseError

    try:
        return int(options.command(options))
    except CourseError as error:
        print(f"vigilant: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nvigilant: stopped; what was running has been ended", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vigilant",
        description="The Vigilant Vision course: run its notebooks and see what they measured.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="show the notebooks: number, title, data set")
    listing.set_defaults(command=_list)
    _add_run(commands.add_parser("run", help="execute notebooks and measure them"))
    _add_build(commands.add_parser("build", help="make the notebooks from notebooks/source (for authors)"))
    scorecard = commands.add_parser("scorecard", help="show what the notebooks measured")
    scorecard.set_defaults(command=_scorecard)
    _add_decide(commands.add_parser("decide", help="hold the scorecard against its thresholds: go or no-go"))
    _add_serve(commands.add_parser("serve", help="answer over HTTP: the model as a service"))
    report = commands.add_parser("report", help="show the last runs, and whether they keep to time and memory")
    report.set_defaults(command=_report)
    _add_bench(commands.add_parser("bench", help="time the course's own beside other libraries (for authors)"))
    _add_bands(commands.add_parser("bands", help="run a notebook with seeds, write its bands (for authors)"))
    _add_measure(commands.add_parser("measure", help="measure what is measured once, and store it (for authors)"))
    tables = commands.add_parser("tables", help="write README's and docs' tables from stored values (for authors)")
    tables.add_argument("--check", action="store_true", help="change nothing; say which page is not up to date")
    tables.set_defaults(command=_tables)
    _add_hub(commands.add_parser("hub", help="start a JupyterHub on this machine (for instructors)"), _hub)
    _add_hub(commands.add_parser("preflight", help="the evening before a class: will everybody get in?"), _preflight)
    links = commands.add_parser("links", help="show the links that open the course on Binder or on a hub")
    links.add_argument("--hub", metavar="URL", help="such as https://hub.example.org")
    links.set_defaults(command=_links)
    release = commands.add_parser("release", help="pin the student image by its digest (for those who run a hub)")
    release.add_argument("digest", help="sha256:..., as the registry gave it back when the image was pushed")
    release.set_defaults(command=_release)
    return parser


def _add_notebooks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("notebooks", nargs="*", metavar="NN", help="such as 04, 4 or 04_gradcam (default: all)")


def _add_run(parser: argparse.ArgumentParser) -> None:
    _add_notebooks(parser)
    parser.add_argument("--dataset", metavar="NAME", help="pictures to use instead of the notebook's own")
    parser.add_argument("--budget", choices=tuple(_LIMITS), help="quick (minutes) or full (the size of the papers)")
    parser.add_argument("--seed", type=_seed, help="seed of everything random, a whole number from 0 to 100,000,000")
    parser.add_argument(
        "--limit", type=_seconds, metavar="SECONDS", help="end a notebook after this (default: 600; full: 6 h)"
    )
    parser.add_argument(
        "--cell-limit", type=_seconds, metavar="SECONDS", help="end a notebook when one cell takes longer"
    )
    parser.add_argument("--offline", action="store_true", help="cut the network off while a notebook runs")
    parser.add_argument("--cold", action="store_true", help="forget cached data and models first")
    parser.add_argument("--build", action="store_true", help="make the notebooks from their sources first")
    parser.add_argument(
        "--solutions",
        action="store_true",
        help="run the solution notebooks, whose checks must all pass; results go to build/solutions/",
    )
    parser.add_argument(
        "--twice",
        action="store_true",
        help="with --solutions: every cell, then every cell again, in one kernel, the stored outputs compared",
    )
    parser.add_argument("--core", action="store_true", help="leave out the cells tagged 'deeper'")
    parser.add_argument("--jobs", type=_rounds, default=1, metavar="N", help="run N notebooks at a time (default: 1)")
    parser.add_argument("--outputs", action="store_true", help="with --solutions: store the outputs that tests compare")
    parser.set_defaults(command=_run, usage_error=parser.error)


def _add_build(parser: argparse.ArgumentParser) -> None:
    _add_notebooks(parser)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; say what breaks a rule or is not up to date"
    )
    parser.add_argument("--force", action="store_true", help="also replace notebooks in which someone changed cells")
    parser.set_defaults(command=_build)


def _add_bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("parts", nargs="*", metavar="PART", help="such as gradcam (default: all)")
    parser.add_argument("--repeats", type=_rounds, metavar="N", help="rounds of measurement")
    parser.add_argument("--store", action="store_true", help="keep the numbers that notebooks and pages quote")
    parser.set_defaults(command=_bench)


def _add_bands(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("notebooks", nargs="+", metavar="NN", help="such as 04, 4 or 04_gradcam")
    seeds = (0, 1, 2, 3, 4)
    parser.add_argument(
        "--seeds", type=_seed, nargs="+", default=seeds, metavar="SEED", help="at least five (default: 0 1 2 3 4)"
    )
    parser.add_argument("--dataset", metavar="NAME", help="pictures to use instead of the notebook's own")
    parser.add_argument(
        "--limit",
        type=_seconds,
        default=_LIMITS["quick"],
        metavar="SECONDS",
        help="end a run after this (default: 600)",
    )
    parser.add_argument(
        "--unseen",
        action="store_true",
        help="make no bands: hold records of these seeds, which had no part in them, against those that there are",
    )
    parser.set_defaults(command=_bands)


def _add_measure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="such as interval_coverage (default: list them)")
    parser.add_argument(
        "--seeds", type=_seed, nargs="+", metavar="SEED", help="in this order (default: those of the measurement)"
    )
    parser.set_defaults(command=_measure)


def _add_decide(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Hold the scorecard against its thresholds (helpers/scorecard/thresholds.yaml), anew each time. Exit status: 0 "
        f"go, 1 no-go, {_CANNOT_DECIDE} cannot decide (a record is missing or stale, or a file cannot be read)."
    )
    parser.add_argument("--seed", type=_seed, default=0, help="of which seed the records must be (default: 0)")
    parser.add_argument("--budget", choices=tuple(_LIMITS), default="quick", help="of which budget (default: quick)")
    parser.add_argument(
        "--digest",
        type=_digest,
        action="append",
        default=[],
        metavar="MODEL=DIGEST",
        help="the weights that a model's records must be of, such as course_cnn=68db0369be29bfa4; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print it for programs")
    parser.add_argument(
        "--store", action="store_true", help="keep the verdict on a seed that nobody has seen (authors)"
    )
    parser.set_defaults(command=_decide)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    from helpers.scorecard.outcomes import NOT_GO

    parser.description = (
        "Serve a signed bundle until Ctrl-C. Without one, the network of notebook 01 is packed into build/bundle "
        "first, with keys in build/keys. Exit status: 3 if the bundle is refused, or its verdict is not 'go' and "
        "was not named."
    )
    parser.add_argument("bundle", nargs="?", type=Path, metavar="BUNDLE", help="its folder (default: build/bundle)")
    parser.add_argument(
        "--key", type=Path, metavar="PEM", help="its maker's public key (default: build/keys/public.pem)"
    )
    parser.add_argument("--address", default="127.0.0.1", help="0.0.0.0 lets others in the room reach it")
    parser.add_argument("--port", type=_port, default=8080, help="where it listens (default: 8080)")
    parser.add_argument("--workers", type=_rounds, metavar="N", help="processes (default: one for each processor)")
    parser.add_argument(
        "--despite-verdict",
        choices=NOT_GO,
        help="serve a bundle whose release decision is this one, and no other but a go",
    )
    parser.set_defaults(command=_serve)


def _add_hub(parser: argparse.ArgumentParser, command: Callable[[argparse.Namespace], int]) -> None:
    parser.add_argument("--students", type=_rounds, default=4, metavar="N", help="how many (default: 4)")
    parser.add_argument("--address", default="127.0.0.1", help="0.0.0.0 lets a class in the room reach it")
    parser.add_argument("--port", type=_port, default=8000, help="where it listens (default: 8000)")
    parser.add_argument(
        "--spawner", choices=("simple", "docker"), default="simple", help="docker: each student in a container"
    )
    parser.add_argument("--image", metavar="NAME", help="the student image (default: image in pyproject.toml)")
    parser.add_argument("--state", type=Path, metavar="FOLDER", help="the hub's folder (default: build/hub)")
    parser.set_defaults(command=command)


def _seed(text: str) -> int:
    from helpers.contracts import LARGEST_RUN_SEED, check_seed

    given: Any = int(text) if text.isdecimal() else text
    try:
        return check_seed(given, LARGEST_RUN_SEED)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _digest(text: str) -> tuple[str, str]:
    model, _, digest = text.partition("=")
    if not model or not digest:
        raise argparse.ArgumentTypeError(f"MODEL=DIGEST is wanted, such as course_cnn=68db0369be29bfa4, not {text!r}")
    return model, digest


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"a limit is a number of seconds above 0, not {text!r}")
    return seconds


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {text!r}")
    return int(text)


def _rounds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is wanted, not {text!r}")
    return int(text)


def _list(options: argparse.Namespace) -> int:
    import jupytext

    from helpers.course.layout import parameters, select

    rows = []
    for source in select([]):
        cells = jupytext.read(source, fmt="py:percent").cells
        rows.append((source.stem, str(parameters(cells).get("dataset")), _title(cells)))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, dataset, title in rows:
        print(f"{name:{widths[0]}}  {dataset:{widths[1]}}  {title}")
    return 0


def _title(cells: list[Any]) -> str:
    lines = (line for cell in cells if cell.cell_type == "markdown" for line in cell.source.splitlines())
    return next((line.removeprefix("# ").strip() for line in lines if line.startswith("# ")), "(no title)")


def _build(options: argparse.Namespace) -> int:
    from helpers.course.build import build, build_command, drift, orphans
    from helpers.course.layout import companion_sources, select
    from helpers.course.lint import lint

    chosen = select(options.notebooks)
    companions = [] if options.notebooks else companion_sources()
    if options.check:
        problems = [problem for source in chosen for problem in (*lint(source), *drift(source))]
        problems += [problem for source in companions for problem in drift(source)]
        problems += [] if options.notebooks else orphans()
        print("\n".join(problems) or f"{len(chosen)} notebooks keep the rules and are up to date")
        return bool(problems)
    for source in [*chosen, *companions]:
        kept = build(source, replace_edited=options.force)
        name = f"companion {source.parent.name}" if source in companions else source.stem
        print(f"{name}: {'kept as it is' if kept else 'made'}")
        for path in kept:
            print(f"  {path} holds changed cells: '{build_command(source)} --force' would replace them for good")
    return 0


def _run(options: argparse.Namespace) -> int:
    from helpers.cache import build_directory
    from helpers.course import report
    from helpers.course.build import build
    from helpers.course.layout import select, solution_path, student_path
    from helpers.course.run import empty_cache, read_course, run_notebooks

    given = {
        name: getattr(options, name) for name in ("dataset", "budget", "seed") if getattr(options, name) is not None
    }
    if options.outputs and (given or not options.solutions):
        options.usage_error("--outputs goes with --solutions and the notebooks' own dataset, budget and seed")
    if options.outputs and (options.core or options.twice):
        options.usage_error("--outputs stores what one run of all cells gave: it goes with neither --core nor --twice")
    if options.twice and (given or options.core or not options.solutions):
        options.usage_error("--twice goes with --solutions, whole, and the notebooks' own dataset, budget and seed")
    chosen = select(options.notebooks)
    _check_dataset(options.dataset)
    if options.build:
        for source in chosen:
            for path in build(source):
                print(f"{path} holds changed cells and is run as it is")
    notebooks = [(solution_path if options.solutions else student_path)(source) for source in chosen]
    _check_present(notebooks)
    if options.cold:
        empty_cache()
    folder = build_directory() / "solutions" if options.solutions else build_directory()
    if not options.notebooks:
        (folder / "course.json").unlink(missing_ok=True)  # a run of everything starts its report anew
    show = _Counter(sys.stdout)
    with _ended_in_order():
        outcomes = run_notebooks(
            notebooks,
            given=given,
            folder=folder,
            limit=options.limit or _LIMITS[options.budget or "quick"] * (2 if options.twice else 1) * options.jobs,
            cell_limit=options.cell_limit,
            offline=options.offline,
            must_pass_checks=options.solutions,
            core=options.core,
            twice=options.twice,
            jobs=options.jobs,
            progress=show.progress,
            done=show.done,
        )
    if options.outputs:
        _store_outputs(notebooks, outcomes, folder)
    ran = {outcome.notebook for outcome in outcomes}
    entries = [entry for entry in read_course(folder / "course.json") if entry["notebook"] in ran]
    return _judge(entries, report)


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """Treat a polite request to end (SIGTERM) like Ctrl-C, so that no kernel is left behind."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_dataset(name: str | None) -> None:
    from helpers.datasets import split_sizes

    if name is not None:
        split_sizes(name, "quick")  # refuses a name that is none


def _check_present(notebooks: list[Path]) -> None:
    from helpers.errors import CourseError

    missing = [path.stem for path in notebooks if not path.exists()]
    if missing:
        raise CourseError(f"not made yet: {', '.join(missing)}. Run 'vigilant build' first, or add --build.")


def _store_outputs(notebooks: list[Path], outcomes: list[Outcome], folder: Path) -> None:
    import nbformat

    from helpers.course.build import store_outputs
    from helpers.course.run import executed_path

    for notebook, outcome in zip(notebooks, outcomes, strict=True):
        if outcome.status == "ok":
            stored = store_outputs(notebook, nbformat.read(executed_path(notebook, folder), as_version=4))
            print(f"{notebook.stem}: {stored} checked outputs stored")


def _scorecard(options: argparse.Namespace) -> int:
    from helpers.scorecard import default_path, read, to_frame

    records = read()
    if not records:
        print(f"nothing is recorded yet in {default_path()}: run a notebook, for example 'vigilant run 01'")
        return 0
    frame = to_frame(records)
    frame["95% interval"] = [f"[{record.low:.3f}, {record.high:.3f}]" for record in records]
    frame["better"] = frame["direction"]
    columns = ["axis", "metric", "value", "95% interval", "n", "better", "dataset", "model", "budget", "seed"]
    print(frame[columns].to_string(index=False, float_format="{:.3f}".format))
    return 0


def _decide(options: argparse.Namespace) -> int:
    import json

    from helpers.errors import CourseError
    from helpers.scorecard import decide, decision_entry, decision_text, read, store_run

    try:
        decision = decide(read(), seed=options.seed, budget=options.budget, digests=dict(options.digest))
        if options.store:
            store_run(decision)
    except CourseError as error:
        # Not 1: a file that cannot be read says nothing against the model, and nothing for it.
        print(f"vigilant: cannot decide: {error}", file=sys.stderr)
        return _CANNOT_DECIDE
    print(json.dumps(decision_entry(decision), indent=1, allow_nan=False) if options.json else decision_text(decision))
    return {"go": 0, "no-go": 1}.get(decision.verdict, _CANNOT_DECIDE)


def _serve(options: argparse.Namespace) -> int:
    from helpers.cache import build_directory

    build = build_directory()
    keys, bundle = build / "keys", options.bundle or build / "bundle"
    if options.bundle is None and not bundle.exists():
        _pack(bundle, keys)
    (state := build / "serving").mkdir(parents=True, exist_ok=True)
    given = {"key": options.key or keys / "public.pem", "state": state, "host": options.address, "port": options.port}
    given |= {"workers": options.workers} if options.workers else {}
    given |= {"despite-verdict": options.despite_verdict} if options.despite_verdict else {}
    typed = [text for name, value in given.items() for text in (f"--{name}", str(value))]
    sys.stdout.flush()
    # In this one's place: what packed has loaded TensorFlow, and signals are meant for the service.
    os.execv(sys.executable, [sys.executable, "-m", "helpers.serving", str(bundle), *typed])


def _pack(bundle: Path, keys: Path) -> None:
    from helpers.serving import make_keys, pack_spine

    if not (keys / "private.pem").exists():
        make_keys(keys)
    print(f"packing the network of notebook 01 into {bundle}; where no notebook has trained it, that comes first")
    pack_spine(bundle, keys / "private.pem")


def _report(options: argparse.Namespace) -> int:
    from helpers.cache import build_directory
    from helpers.course import report
    from helpers.course.run import read_course

    entries = read_course(build_directory() / "course.json")
    if not entries:
        print("no notebook has run yet: 'vigilant run' runs them all, 'vigilant run 01' the first")
        return 0
    return _judge(entries, report)


def _bench(options: argparse.Namespace) -> int:
    from helpers.cache import course_root
    from helpers.errors import CourseError

    root = course_root()
    if root is None or not (root / "benchmarks").is_dir():
        raise CourseError(
            "the benchmarks are not part of the installed package. Clone the repository, and run 'make bench' there."
        )
    repeats = [] if options.repeats is None else ["--repeats", str(options.repeats)]
    store = ["--store"] if options.store else []
    # In a process of its own: the package knows nothing of the folder beside it.
    return subprocess.run([sys.executable, "-m", "benchmarks", *options.parts, *repeats, *store], cwd=root).returncode


def _bands(options: argparse.Namespace) -> int:
    from helpers.course.bands import bands_from_seeds, bands_path, made_lines, try_unseen_seeds, unseen_lines
    from helpers.course.layout import select

    _check_dataset(options.dataset)
    show = _Counter(sys.stdout)
    make = try_unseen_seeds if options.unseen else bands_from_seeds
    for source in select(options.notebooks):
        with _ended_in_order():
            run = make(
                source,
                options.seeds,
                dataset=options.dataset,
                limit=options.limit,
                progress=show.progress,
                done=show.done,
            )
        for line in unseen_lines(run) if options.unseen else made_lines(run, bands_path(source)):
            print(line)
    return 0


def _measure(options: argparse.Namespace) -> int:
    from helpers.course import measure

    if options.name is None:
        for name in measure.names():
            print(f"{name}: {measure.measurement(name).question} {measure.status(name)}")
        return 0
    measure.measure(options.name, options.seeds, done=lambda line: print(line, flush=True))
    print(f"wrote {measure.measured_path(options.name)}; 'vigilant tables' puts it into the pages")
    return 0


def _tables(options: argparse.Namespace) -> int:
    from helpers.course.tables import write_tables

    changed = write_tables(check=options.check)
    for page in changed:
        print(f"{page.name} {'is not what was measured: run vigilant tables' if options.check else 'written'}")
    if not changed:
        print("every table is what was measured")
    return bool(changed and options.check)


def _hub(options: argparse.Namespace) -> int:
    from helpers.hub import local

    with _ended_in_order():
        return local.serve(_local_hub(options))


def _preflight(options: argparse.Namespace) -> int:
    from helpers.hub.preflight import preflight

    with _ended_in_order():
        findings = preflight(_local_hub(options), lambda finding: print(finding, flush=True))
    wrong = sum(not finding.ok for finding in findings)
    print(f"{wrong} to fix" if wrong else f"ready for {options.students} students")
    return bool(wrong)


def _links(options: argparse.Namespace) -> int:
    from helpers.hub.addresses import addresses

    print(f"Binder: {addresses().binder()}")
    if options.hub:
        print(f"hub:    {addresses().hub_link(options.hub)}")
    return 0


def _release(options: argparse.Namespace) -> int:
    from helpers.hub.addresses import addresses
    from helpers.hub.release import release

    print(f"wrote {release(addresses(), options.digest)}; commit it, then run the upgrade in jupyterhub/README.md")
    return 0


def _local_hub(options: argparse.Namespace) -> LocalHub:
    from helpers.hub.addresses import addresses
    from helpers.hub.local import LocalHub

    given = {name: getattr(options, name) for name in ("students", "address", "port", "spawner")}
    given["image"] = options.image or addresses().image
    if options.state:
        given["state"] = options.state.absolute()
    return LocalHub(**given)


def _judge(entries: list[dict[str, Any]], report: Any) -> int:
    # A notebook that takes too long is said, and is no failure: how fast a machine is says nothing about the notebook.
    problems = report.problems(entries)
    print(report.table(entries))
    print("\n".join(problems) or "all within time and memory")
    return bool(report.failures(entries))


class _Counter:
    """Shows which cell runs: one line that changes on a terminal, a new line now and then elsewhere."""

    _QUIET_SECONDS = 15.0

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._turn = threading.Lock()  # notebooks that run side by side report from threads of their own
        self._live = stream.isatty()
        self._shown: dict[str, int] = {}
        self._running: dict[str, str] = {}
        self._last = time.monotonic()

    def progress(self, notebook: str, cell: int, cells: int, seconds: float) -> None:
        """Show that a cell runs.

        Parameters
        ----------
        notebook : str
            Its name.
        cell, cells : int
            Which cell, and of how many.
        seconds : float
            Since the notebook started.
        """
        with self._turn:
            self._running[notebook] = text = f"{notebook}  {cell}/{cells} cells  {seconds:.0f} s"
            if self._live:
                self._stream.write(f"{_CLEAR}{'   '.join(self._running.values())}")
            elif cell != self._shown.get(notebook) and time.monotonic() - self._last > self._QUIET_SECONDS:
                self._stream.write(f"{text}\n")
                self._last = time.monotonic()
                self._shown[notebook] = cell
            self._stream.flush()

    def done(self, outcome: Outcome) -> None:
        """Show how a notebook went.

        Parameters
        ----------
        outcome : Outcome
            The run of it.
        """
        with self._turn:
            self._running.pop(outcome.notebook, None)
            clear = _CLEAR if self._live else ""
            self._stream.write(f"{clear}{outcome}\n")
            self._stream.flush()
            self._last = time.monotonic()


if __name__ == "__main__":
    raise SystemExit(main())
