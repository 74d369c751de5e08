"""Tables of README and docs, written from the stored seeds: what they say is what was measured, never typed.

A page holds a pair of comments, ``<!-- made by vigilant tables: NAME -->`` and ``<!-- end of NAME -->``; what stands
between them is replaced.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.cache import written_whole
from helpers.course.layout import notebooks_folder
from helpers.errors import CourseError
from helpers.scorecard import (
    Band,
    BandRun,
    Benched,
    Measured,
    Series,
    StoredRun,
    Threshold,
    allowed_outside,
    read_bands,
    read_benched,
    read_measured,
    read_runs,
    read_stored_runs,
    read_thresholds,
)

_MADE = re.compile(
    r"<!-- made by vigilant tables: (?P<name>\S+) -->\n(?P<body>.*?)<!-- end of (?P=name) -->", re.DOTALL
)
_OPENED = re.compile(r"<!-- made by vigilant tables: (\S+) -->")

Key = tuple[str, str, str]  # metric, data set, model


@dataclass(frozen=True)
class Stored:
    """All stored values that a table can be made from.

    Attributes
    ----------
    bands : list of Band
        Of the notebooks: ``tests/bands/``.
    measured : list of Measured
        Of what was measured once: ``tests/measured/``.
    runs : list of BandRun
        The bands once more, with what seeds gave that had no part in them.
    benched : list of Benched
        Speeds: ``benchmarks/results/``.
    judged : list of StoredRun
        Runs whose verdict was taken once: ``helpers/scorecard/stored_runs.yaml``.
    """

    bands: Sequence[Band]
    measured: Sequence[Measured]
    runs: Sequence[BandRun] = ()
    benched: Sequence[Benched] = ()
    judged: Sequence[StoredRun] = ()

    def values(self, metric: str, dataset: str, model: str) -> tuple[float, ...]:
        """What the seeds gave.

        Parameters
        ----------
        metric, dataset, model : str
            Which measurement of the notebooks.

        Returns
        -------
        tuple of float
            One for each seed.

        Raises
        ------
        CourseError
            If there is no such measurement, or only its ends were kept.
        """
        found = [band for band in self.bands if (band.metric, band.dataset, band.model) == (metric, dataset, model)]
        if len(found) != 1 or not found[0].values:
            raise CourseError(
                f"{len(found)} stored measurements are {metric} of {model} on {dataset}, with values; a table needs one"
            )
        return found[0].values


Table = Callable[[Stored], str]
Format = Callable[[float], str]


def stored(root: Path | None = None) -> Stored:
    """Read everything that tables are made from.

    Parameters
    ----------
    root : pathlib.Path, optional
        The checkout; this package's own if not given.

    Returns
    -------
    Stored
        Bands, measurements, speeds and judged runs.
    """
    root = notebooks_folder().parent if root is None else root
    tests = root / "tests"
    return Stored(
        read_bands(tests / "bands"),
        [read_measured(path) for path in sorted((tests / "measured").glob("*.json"))],
        [run for path in sorted((tests / "bands").glob("*.yaml")) for run in read_runs(path)],
        [read_benched(path) for path in sorted((root / "benchmarks" / "results").glob("*.json"))],
        read_stored_runs(root / "helpers" / "scorecard" / "stored_runs.yaml"),
    )


def pages(root: Path | None = None) -> list[Path]:
    """List the pages in which tables may stand.

    Parameters
    ----------
    root : pathlib.Path, optional
        The checkout; this package's own if not given.

    Returns
    -------
    list of pathlib.Path
        ``README.md`` and ``docs/*.md``.
    """
    root = notebooks_folder().parent if root is None else root
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def filled(text: str, values: Stored, tables: dict[str, Table]) -> str:
    """Put the tables into the text of a page.

    Parameters
    ----------
    text : str
        A page with markers.
    values : Stored
        What the tables are made from.
    tables : dict of str to callable
        The tables there are, by the name in the marker.

    Returns
    -------
    str
        The page with each table as the values give it.

    Raises
    ------
    CourseError
        If a marker names no table, or has no end.
    """
    ended = [match["name"] for match in _MADE.finditer(text)]
    for name in _OPENED.findall(text):
        if name not in tables:
            raise CourseError(f"there is no table {name!r}; there are {', '.join(sorted(tables))}")
        if name not in ended:
            raise CourseError(f"the table {name!r} has no end: put <!-- end of {name} --> below it")
    start = "<!-- made by vigilant tables: {0} -->\n{1}\n<!-- end of {0} -->"
    return _MADE.sub(lambda match: start.format(match["name"], tables[match["name"]](values)), text)


def write_tables(root: Path | None = None, *, check: bool = False) -> list[Path]:
    """Write all tables into their pages.

    Parameters
    ----------
    root : pathlib.Path, optional
        The checkout; this package's own if not given.
    check : bool
        Whether to write nothing, and only to say what would change.

    Returns
    -------
    list of pathlib.Path
        The pages whose tables were (or are) not what the stored values give.

    Raises
    ------
    CourseError
        As from :func:`filled`, and if a table stands in no page.
    """
    values, changed, seen = stored(root), [], set()
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        seen |= set(_OPENED.findall(text))
        if (new := _named(page, text, values)) != text:
            changed.append(page)
            if not check:
                with written_whole(page) as temporary:
                    temporary.write_text(new, encoding="utf-8")
    if missing := TABLES.keys() - seen:
        raise CourseError(f"no page shows the table {', '.join(sorted(missing))}: put its markers where it belongs")
    return changed


def _named(page: Path, text: str, values: Stored) -> str:
    try:
        return filled(text, values, TABLES)
    except CourseError as error:
        raise CourseError(f"{page.name}: {error}") from None


# ---- the tables


def percent(value: float) -> str:
    """A share as it stands in a table."""
    return f"{100 * value:.1f}%"


def points(value: float) -> str:
    """A difference of shares, in percentage points."""
    return f"{100 * value:.1f}"


def decimals(places: int) -> Format:
    """A number with so many decimals."""
    return lambda value: f"{value:.{places}f}"


def spread(values: Sequence[float], form: Format) -> str:
    """The mean over the seeds, and the smallest and largest of them."""
    return f"{form(statistics.fmean(values))} ({form(min(values))} to {form(max(values))})"


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as Markdown writes it."""
    lines = [" | ".join(heads).strip(), "|".join(["---"] * len(heads)), *(" | ".join(row) for row in rows)]
    return "\n".join(f"|{line}|" if set(line) <= {"-", "|"} else f"| {line} |" for line in lines)


_BOTH = ("signs", "fashion")


@dataclass(frozen=True)
class _Row:
    """A measurement, on the data sets where the notebooks make it; its name may hold that set's epsilon."""

    label: str
    metric: str
    form: Format
    model: str = "course_cnn"
    datasets: tuple[str, ...] = _BOTH

    def cell(self, dataset: str, values: Stored) -> str:
        if dataset not in self.datasets:
            return "n/a"
        grey = _GREY[dataset]
        return spread(values.values(self.metric.format(grey=grey, twice=2 * grey), dataset, self.model), self.form)


_MEASURES = (
    _Row("accuracy on test pictures", "accuracy", percent),
    _Row(
        "lost in the worst slice (a condition on signs, a class on fashion), points",
        "accuracy lost in the worst slice",
        points,
        model="three_course_cnns",
    ),
    _Row(
        "lost to corruptions at full strength, after ImageNet-C, points",
        "accuracy lost to corruptions at full strength",
        points,
    ),
    _Row(
        "shortcut gap: what moving a planted mark costs a network that learned it, points",
        "shortcut gap",
        points,
        model="shortcut_cnn",
    ),
    _Row("ECE as trained (15 bins)", "ECE as trained", decimals(3)),
    _Row("NLL as trained", "NLL as trained", decimals(3)),
    _Row(
        "NLL, an ensemble of five minus one of its members, each with its temperature",
        "NLL of the ensemble minus that of a member, both with temperature",
        decimals(3),
        model="ensemble_of_5",
    ),
    _Row("wrong answers that were given with more than 90%", "wrong answers given with more than 90%", percent),
    _Row(
        "mistakes left when the least sure tenth is handed over", "mistakes left when a tenth is handed over", percent
    ),
    _Row("coverage of 98% sets, LAC", "coverage of LAC at 98%", percent),
    _Row("coverage of 98% sets, randomised APS", "coverage of APS at 98%", percent),
    _Row("coverage of 98% sets, randomised RAPS", "coverage of RAPS at 98%", percent),
    _Row("classes in a 98% set, LAC", "set size of LAC at 98%", decimals(2)),
    _Row(
        "noticing unseen sign classes: AUROC of nearest neighbours",
        "AUROC near: unseen signs, nearest neighbours",
        decimals(3),
        datasets=("signs",),
    ),
    _Row(
        "noticing handwritten digits: AUROC of nearest neighbours",
        "AUROC far: digits, nearest neighbours",
        decimals(3),
    ),
)
_GREY = {"signs": 4, "fashion": 12}  # how far notebook 06 moves a pixel, of 255
_SMALL, _LARGE = "{grey}/255", "{twice}/255"
_FRAMES = "frames with the sticker read as the class that was wanted"
_ATTACKS = (
    _Row("read rightly under PGD within epsilon", f"read rightly under PGD within {_SMALL}", percent),
    _Row("random noise of that size ahead of PGD, points", f"random noise of {_SMALL} ahead of PGD", points),
    _Row(
        "read as the class that was wanted (stop as yield, T-shirt as shirt), within twice epsilon",
        f"read as the class that was wanted, within {_LARGE}",
        percent,
    ),
    *(
        _Row(
            f"{name} gradients: held under PGD, less what three other attacks leave, points",
            f"{name} gradients: held under PGD, less what three other attacks leave, within {_SMALL}",
            points,
            datasets=held_on,
        )
        for name, held_on in {"saturated": _BOTH, "shattered": _BOTH, "random": ("signs",)}.items()
    ),
    _Row("frames with a sticker that are read as the class that was wanted", _FRAMES, percent),
    _Row("the same, ahead of a random sticker, points", f"{_FRAMES}, ahead of a random one", points),
    _Row(
        "pictures with the mark read as the class that was wanted, 10% of the training set poisoned",
        "read as the class that was wanted, with the mark, 10% poisoned",
        percent,
        model="poisoned_cnn",
    ),
    _Row(
        "accuracy on clean pictures that this costs, points",
        "accuracy lost to 10% of poison",
        points,
        model="poisoned_cnn",
    ),
)
_COLUMNS = {"signs": "signs (drawn, 12,000 to train)", "fashion": "Fashion-MNIST (real, 12,000 to train)"}
_PLANTED = (
    (
        "signs whose label a coin decided: aleatoric part of the uncertainty, in nats",
        "0.693",
        ("aleatoric part of planted coin flips", "signs", "planted_ensemble"),
        decimals(3),
    ),
    (
        "fog, rare in training: epistemic part after many pictures, of that after few",
        "below 100%",
        ("epistemic part in rare fog, many against few", "signs", "planted_ensemble"),
        percent,
    ),
    (
        "nines shown to a network that knows 0 to 8: given an answer with more than 90%",
        "",
        ("unseen nines, more than 90% sure", "digits", "digits_0_to_8"),
        percent,
    ),
    (
        "the same, with more than 99%",
        "",
        ("unseen nines, more than 99% sure", "digits", "digits_0_to_8"),
        percent,
    ),
    *(
        (
            f"a mark that a network has learned to cheat by: doublings of the relevance on it, {name}",
            "above 0",
            (f"relevance on the mark, doublings from honest to cheating, {name}", "signs", "shortcut_cnn"),
            decimals(1),
        )
        for name in ("vanilla gradients", "integrated gradients (black)", "GradCAM")
    ),
)
_JUDGED = ("pointing game", "relevance mass", "deletion AUC (mean colour)")
_BLOB = "{measure}, {name} ahead of the centre Gaussian"


def _by_dataset(measured: Iterable[_Row]) -> Table:
    def table(values: Stored) -> str:
        rows = [[row.label, *(row.cell(dataset, values) for dataset in _COLUMNS)] for row in measured]
        return markdown(["", *_COLUMNS.values()], rows)

    return table


def _planted(values: Stored) -> str:
    rows = [[label, planted, spread(values.values(*key), form)] for label, planted, key, form in _PLANTED]
    return markdown(["", "planted", "found"], rows)


def _explanations(values: Stored) -> str:
    """How far each map is ahead of a blob that asks nobody, where a band holds it on signs."""
    pattern = re.compile(_BLOB.format(measure=f"({'|'.join(map(re.escape, _JUDGED))})", name="(?P<name>.+)"))
    found = [match["name"] for band in values.bands if (match := pattern.fullmatch(band.metric))]
    rows = [
        [name, *(_ahead(values, _BLOB.format(measure=measure, name=name)) for measure in _JUDGED)]
        for name in dict.fromkeys(found)
    ]
    return markdown(["", *_JUDGED], rows)


def _ahead(values: Stored, metric: str) -> str:
    known = {(band.metric, band.dataset, band.model) for band in values.bands}
    key = (metric, "signs", "course_cnn")
    return spread(values.values(*key), lambda value: f"{value:+.2f}") if key in known else ""


def _unseen_seeds(values: Stored) -> str:
    """How records of seeds that had no part in the bands lie to them."""
    tried = [(run, run.unseen) for run in values.runs if run.unseen is not None]
    rows = [
        [run.notebook, run.dataset, " ".join(map(str, unseen.seeds))]
        + [str(number) for number in (unseen.records, len(unseen.outside), allowed_outside(unseen.records))]
        for run, unseen in tried
    ]
    return markdown(["notebook", "pictures", "seeds", "records", "outside their band", "by chance at most"], rows)


def _measured_once(values: Stored) -> str:
    rows = [
        [one.question, metric, spread(series.values, decimals(3)), f"{series.n:,}", one.date, f"`{one.name}`"]
        for one in values.measured
        for metric, series in one.full.series.items()
    ]
    return markdown(
        ["question", "metric", "mean over seeds (smallest to largest)", "n", "date", "`vigilant measure`"], rows
    )


_GAP = "TPR of tones 8-10 minus 1-3"
_NIGHT = "found as tone 10 minus found as tone 1, at night"
_SLICE = "read rightly in the worst slice by light and weather"
_FINDER, _MORE, _READER = ("pedestrians", "pedestrian_cnn"), ("pedestrians", "more_data_cnn"), ("signs", "course_cnn")
_FAIRNESS = (
    ("people of tones 8 to 10 found, minus 1 to 3, points", f"{_GAP}, before", _FINDER, points),
    ("the same, more dark tones at night in training, points", f"{_GAP}, after more data", _MORE, points),
    ("the same, thresholds by group, points", f"{_GAP}, after thresholds by group", _FINDER, points),
    ("before minus after thresholds, points", f"{_GAP}, before minus after thresholds by group", _FINDER, points),
    ("answers that these thresholds leave to a lot", "answers drawn by lot", _FINDER, percent),
    ("the same people at night redrawn from tone 1 to 10: found, points", _NIGHT, _FINDER, points),
    ("the same at equal contrast, points", f"{_NIGHT}, at equal contrast", _FINDER, points),
    ("signs read rightly in the worst slice by light and weather", f"{_SLICE}, as chosen", _READER, percent),
    ("chosen on one half, measured on the other", f"{_SLICE}, chosen on the other half", _READER, percent),
)


_LEAKY, _HELD = ("signs", "shadow_cnn"), ("signs", "private_linear")
_PRIVACY = (
    ("AUC of LiRA, networks that learned by heart", "LiRA AUC", _LEAKY, decimals(3)),
    ("members found while 1 in 1,000 others is accused", "LiRA TPR at 0.1% FPR", _LEAKY, percent),
    ("AUC of LiRA minus AUC of a loss threshold", "LiRA minus loss threshold, AUC", _LEAKY, decimals(3)),
    ("AUC of LiRA, linear models at epsilon 3", "LiRA AUC at epsilon 3", _HELD, decimals(3)),
    (
        "members found while 1 in 1,000 others is accused (allowed: 2.0%)",
        "LiRA TPR at 0.1% FPR at epsilon 3",
        _HELD,
        percent,
    ),
    ("signs read rightly at epsilon 3, from 1,000 pictures", "accuracy at epsilon 3", _HELD, percent),
    ("the same training without noise minus that, points", "accuracy without noise minus at epsilon 3", _HELD, points),
    (
        "right guesses of an audit of a training that keeps its promise",
        "right guesses of an audit, written out",
        _HELD,
        percent,
    ),
    ("the same of one that adds no noise", "right guesses of an audit, no noise", _HELD, percent),
)


_APART = "largest difference of a probability, service and network"
_SERVED = ("signs", "course_cnn")
_SERVED_RECORDS = (
    ("largest difference of a probability, service and network", _APART, _SERVED, "{:.1e}".format),
    ("truth in the set, promised 90%", "coverage of 90% sets", _SERVED, percent),
    ("own pictures called strange, set to 5%", "own pictures called strange, by the service", _SERVED, percent),
    ("wrong among the answers that a taxi acts on", "wrong answers that the taxi acts on", _SERVED, percent),
    (
        "of five spoilt bundles, let in by a valid signature",
        "spoilt bundles let in by a valid signature",
        _SERVED,
        percent,
    ),
    ("let in by ours", "spoilt bundles let in", _SERVED, percent),
    ("a stolen network agrees with the service on", "stolen network, agreement with the service", _SERVED, percent),
)


_WATCHED = (
    (
        "false alarms of a p-value, days of 3,200 pictures minus days of 50, points",
        "false alarms of a p-value, 3,200 pictures a day minus 50",
        _SERVED,
        points,
    ),
    ("days to a false alarm of MMD, set to 30", "days to a false alarm of MMD, set to 30", _SERVED, decimals(1)),
    (
        "of any of nine detectors, each set to 30",
        "days to a false alarm of any of nine, each set to 30",
        _SERVED,
        decimals(1),
    ),
    *(
        (f"accuracy estimated without labels minus the real one, {fault}, points", metric, of, points)
        for fault, metric, of in (
            ("night", "estimated less real accuracy, night comes earlier", _SERVED),
            ("fog", "estimated less real accuracy, fog", _SERVED),
            ("a new sign class", "estimated less real accuracy, a new sign class", _SERVED),
            ("a sensor fault", "estimated less real accuracy, a sensor fault", _SERVED),
            (
                "real digits of another collection",
                "estimated less real accuracy, another collection",
                ("digits", "course_cnn"),
            ),
        )
    ),
    (
        "foggy days noticed, threshold set on usual days",
        "foggy days noticed by a threshold set on usual days",
        _SERVED,
        percent,
    ),
    (
        "the same, set on days that were foggy already",
        "foggy days noticed by a threshold set on last month",
        _SERVED,
        percent,
    ),
    (
        "canaries judged wrongly, looked at 30 times with 95% each",
        "canaries judged wrongly, 95% at each look",
        _SERVED,
        percent,
    ),
    ("with 5% over all looks", "canaries judged wrongly, 5% over all looks", _SERVED, percent),
)


def _of_bands(rows: Sequence[tuple[str, str, tuple[str, str], Callable[[float], str]]]) -> Table:
    def table(values: Stored) -> str:
        said = [[label, spread(values.values(metric, *of), form)] for label, metric, of, form in rows]
        return markdown(["", "mean over the seeds (smallest to largest)"], said)

    return table


_HARDENED = (
    "robust_digits",
    "catastrophic_overfitting",
    "smoothed_attack",
    "robust_signs",
    "robust_overfitting",
    "published_row",
)


_CAUSES = ("planted_disparity", "unawareness")


def _of_measured(names: Sequence[str]) -> Table:
    def table(values: Stored) -> str:
        by_name = {one.name: one for one in values.measured}
        rows = [
            [*_share_or_difference(metric, series), f"{len(series.values)} with {series.n:,} each"]
            for name in names
            if name in by_name
            for metric, series in by_name[name].full.series.items()
        ]
        return markdown(["", "mean over the seeds (smallest to largest)", "seeds, pictures"], rows)

    return table


def _share_or_difference(metric: str, series: Series) -> tuple[str, str]:
    if series.bounds[0] == 0:
        return metric, spread(series.values, percent)
    return f"{metric}, points", spread(series.values, points)


_OURS = "ours"  # as benchmarks/serving.py calls the course's service
_BUSIEST = 16  # connections


def _serving(values: Stored) -> str:
    """Answers a second of each server, and how many times as many ours gives."""
    found = _benched(values, "serving")
    closed, ratios = found.values["closed"], found.values["ratios"]
    rows = []
    for server in found.values["servers"]:
        cells = [f"{statistics.median(by_server[server]['rate']):,.0f}" for by_server in closed.values()]
        if server != _OURS:
            ends = [ratios[setting][server] for setting in closed]
            cells = [
                f"{cell}; {_times(value)} [{_times(low)}, {_times(high)}]"
                for cell, (value, low, high) in zip(cells, ends, strict=True)
            ]
        rows.append([server, *cells])
    load = found.machine.get("load before", 0)
    told = f"answers a second; how many times as many ours gives ({found.date}, load before: {load:.1f})"
    return markdown([told, *closed], rows)


def _times(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def _serving_costs(values: Stored) -> str:
    """What each server takes: time of its slowest answers, processor, memory, start."""
    found = _benched(values, "serving").values
    rows = []
    for server, about in found["servers"].items():
        kinds = list(found["open"])
        busiest = [found["closed"][f"{kind}, {_BUSIEST} connections"][server] for kind in kinds]
        rows.append(
            [server, ", ".join(f"{name} {version}" for name, version in about["versions"].items())]
            + [
                f"{found['open'][kind][server]['p99_ms']:,.1f} at {found['open'][kind][server]['rate']:,.0f}"
                for kind in kinds
            ]
            + [f"{statistics.median(each['cpu_ms']):.2f}" for each in busiest]
            + [f"{statistics.median(each['generator_share']):.0%}" for each in busiest]
            + [f"{about['memory_mib']:,.0f} in {about['processes']}", f"{about['cold_start_seconds']:.1f}"]
        )
    heads = [
        "",
        "versions",
        *(f"p99 ms, {kind}, at a rate of" for kind in kinds),
        *(f"CPU ms, {kind}" for kind in kinds),
    ]
    heads += [*(f"the generator's share, {kind}" for kind in kinds), "PSS in MiB, processes", "s to the first answer"]
    return markdown(heads, rows)


def _serving_parts(values: Stored) -> str:
    """Where the processor time of one of our answers goes, and what an explanation takes beside it."""
    found = _benched(values, "serving").values
    parts, explained = found["parts_us"], found["explain"]
    rows = [[name, *(f"{parts[kind][name]:,.0f} us" for kind in parts)] for name in next(iter(parts.values()))]
    for path in ("predict", "explain"):
        rows.append([f"/{path} in all", *(f"{1e3 * explained[kind][f'{path}_cpu_ms']:,.0f} us" for kind in parts)])
    ends = [explained[kind]["ratio"] for kind in parts]
    rows.append(["/explain over /predict", *(f"{value:.2f} [{low:.2f}, {high:.2f}]" for value, low, high in ends)])
    return markdown(["CPU of our service for one request", *parts], rows)


def _benched(values: Stored, name: str) -> Benched:
    found = [one for one in values.benched if one.name == name]
    if len(found) != 1:
        raise CourseError(f"no speeds of {name} are kept: 'vigilant bench {name} --store' measures them")
    return found[0]


def _asked(values: Stored) -> str:
    """Every threshold with its reason, as the file has them."""
    del values
    rows = [[one.axis, f"{one.metric} ({_of(one)})", one.asked, one.reason] for one in read_thresholds()]
    return markdown(["axis", "record", "asked of its interval", "because"], rows)


def _judged(values: Stored) -> str:
    """What became of every threshold on seeds that nobody had seen, and of the release."""
    found = {run.seed: run.decide() for run in values.judged}
    rows = [
        [one.metric, one.asked, *(each.judged[at].verdict for each in found.values())]
        for at, one in enumerate(read_thresholds())
    ]
    rows.append(["**the release**", "", *(f"**{each.verdict}**" for each in found.values())])
    return markdown(["record", "asked", *(f"seed {seed}" for seed in found)], rows)


def _of(one: Threshold) -> str:
    return f"{one.model} on {one.dataset}, {one.notebook[:2]}"


TABLES: dict[str, Table] = {
    "what-it-measures": _by_dataset(_MEASURES),
    "attacked": _by_dataset(_ATTACKS),
    "hardened": _of_measured(_HARDENED),
    "fairness": _of_bands(_FAIRNESS),
    "causes": _of_measured(_CAUSES),
    "privacy": _of_bands(_PRIVACY),
    "service": _of_bands(_SERVED_RECORDS),
    "watched": _of_bands(_WATCHED),
    "planted": _planted,
    "explanations": _explanations,
    "unseen-seeds": _unseen_seeds,
    "measured-once": _measured_once,
    "serving": _serving,
    "serving-costs": _serving_costs,
    "serving-parts": _serving_parts,
    "asked": _asked,
    "judged": _judged,
}
