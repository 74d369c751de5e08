"""Fairness reports that pass and must not, and the audit that finds them out.

A report states what it was made from. The audit believes none of its numbers: it looks for the rows of the test in
those of the mitigation, counts the gap again on the groups as they were collected, and has answers drawn again. It
cannot see what it is not shown: rows that a report leaves out, attributes that nobody collected, a rate that was picked
because it passes. Fairlearn has nothing of the kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.contracts import check_count, check_seed
from helpers.fairness.contrasts import linear
from helpers.fairness.grouping import Grouping, Groups, attributes_of, grouping
from helpers.fairness.mitigation import Decide, draw_seeds
from helpers.fairness.rates import Counts, check_decisions, count
from helpers.intervals import Estimate

LEVEL = 0.01
"""About how often an honest report's groups are accused where a gap is as large as the margin, and never else."""

ENOUGH = 10
"""Evaluations from which on a randomised rule counts as evaluated."""


@dataclass(frozen=True)
class FairnessReport:
    """A claim that rates differ little between groups, and what it rests on: from :func:`fairness_report`.

    Attributes
    ----------
    rate : str
        A key of :data:`RATES`.
    margin : float
        The largest gap that passes.
    gap : float
        The gap that is claimed: largest minus smallest rate over `groups`, each the mean of all evaluations.
    rows : numpy.ndarray, shape (N, ...)
        Pictures or embeddings that it was evaluated on.
    labels : numpy.ndarray of int64, shape (N,)
        Their labels.
    decisions : numpy.ndarray of int64, shape (evaluations, N)
        Their answers, in each evaluation.
    groups : numpy.ndarray of str, shape (N,)
        Their groups, as the report has them.
    mitigated_on : numpy.ndarray, shape (M, ...), or None
        Pictures or embeddings that a mitigation was fitted on.
    """

    rate: str
    margin: float
    gap: float
    rows: NDArray
    labels: NDArray[np.int64]
    decisions: NDArray[np.int64]
    groups: NDArray[np.str_]
    mitigated_on: NDArray | None

    @property
    def passes(self) -> bool:
        """Whether the claimed gap is within the margin."""
        return self.gap <= self.margin


def fairness_report(
    rows: NDArray,
    labels: ArrayLike,
    decisions: ArrayLike,
    groups: Groups,
    *,
    margin: float,
    rate: str = "true_positive_rate",
    mitigated_on: NDArray | None = None,
) -> FairnessReport:
    """Make a report: count the gap, and keep what it was counted on.

    Parameters
    ----------
    rows : numpy.ndarray, shape (N, ...)
        Pictures or embeddings that it is evaluated on; not scores, which do not tell pictures apart.
    labels : array_like of int, shape (N,)
        0 or 1.
    decisions : array_like of int, shape (N,) or (evaluations, N)
        0 or 1; a row for each evaluation of a randomised rule.
    groups : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
        Groups as reported.
    margin : float
        The largest gap that passes, in [0, 1].
    rate : str
        A key of :data:`RATES`.
    mitigated_on : numpy.ndarray, shape (M, ...), optional
        What a mitigation was fitted on, in the form of `rows`.

    Returns
    -------
    FairnessReport
        With its gap.

    Raises
    ------
    ValueError
        If lengths differ, rows do not tell pictures apart, fewer than two groups have a rate; or for labels, decisions,
        groups, a margin or a rate that are none.
    """
    answers = np.atleast_2d(np.asarray(decisions))
    if answers.ndim != 2 or not len(answers):
        raise ValueError(f"decisions must have shape (N,) or (evaluations, N), got {answers.shape}")
    if not 0 <= margin <= 1:
        raise ValueError(f"margin must lie in [0, 1], got {margin}. Five points are 0.05.")
    checked = [check_decisions(labels, each, rate) for each in answers]
    truth = checked[0][0]
    flat = _flat(rows, "rows", len(truth))
    if mitigated_on is not None:
        _flat(mitigated_on, "mitigated_on", features=flat.shape[1])
    names = grouping(groups, len(truth)).labels
    drawn = np.stack([each for _, each in checked])
    return FairnessReport(
        rate, float(margin), gap_of(rate, truth, drawn, names), np.asarray(rows), truth, drawn, names, mitigated_on
    )


def gap_of(rate: str, labels: NDArray[np.int64], decisions: NDArray[np.int64], groups: Groups) -> float:
    """Largest minus smallest rate over the groups, each the mean of all evaluations.

    Parameters
    ----------
    rate : str
        A key of :data:`RATES`.
    labels : numpy.ndarray of int64, shape (N,)
        0 or 1.
    decisions : numpy.ndarray of int64, shape (evaluations, N)
        0 or 1.
    groups : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
        The group of each picture.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If fewer than two groups have a rate.
    """
    found = grouping(groups, len(labels))
    rates = np.stack([count(labels, each, found, rate).rates for each in decisions])
    of_groups = rates[:, ~np.isnan(rates).any(axis=0)].mean(axis=0)
    if len(of_groups) < 2:
        raise ValueError(f"a gap needs the {rate} of two groups or more, got {len(of_groups)}")
    return float(np.ptp(of_groups))


@dataclass(frozen=True)
class Finding:
    """What one check of a report found.

    Attributes
    ----------
    name : str
        ``"mitigated on the test"``, ``"groups merged"``, ``"evaluated once"`` or ``"gap miscounted"``.
    triggered : bool
        Whether it speaks against the report.
    evidence : str
        What was counted.
    advice : str
        What to do where it is triggered.
    """

    name: str
    triggered: bool
    evidence: str
    advice: str

    def __str__(self) -> str:
        return f"{'!' if self.triggered else ' '} {self.name}: {self.evidence}" + (
            f" {self.advice}" if self.triggered else ""
        )


@dataclass(frozen=True)
class Audit:
    """All findings about a report.

    Attributes
    ----------
    findings : tuple of Finding
        One for each check that could be made.
    unchecked : tuple of str
        Checks that could not, and why: no finding there is no acquittal.
    """

    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...]

    @property
    def triggered(self) -> tuple[str, ...]:
        """Names of the checks that speak against the report."""
        return tuple(finding.name for finding in self.findings if finding.triggered)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.findings), *(f"? {each}" for each in self.unchecked)])


def audit_report(
    report: FairnessReport, collected: Groups, *, decide: Decide | None = None, draws: int = 20, seed: int = 0
) -> Audit:
    """Find out a report that passes and must not.

    Parameters
    ----------
    report : FairnessReport
        What is claimed, and on what.
    collected : array_like of shape (N,), mapping of str to array_like, or pandas.DataFrame
        The attributes as they were collected for the report's pictures, from the data and not from the report. Those
        that the report is to answer for: each is looked at by itself, and all in their intersections.
    decide : callable, optional
        The rule that was judged, to draw its answers for the report's pictures again: a seed to answers of shape (N,).
    draws : int
        How often they are drawn, at least 2.
    seed : int
        Seed of the draws' own seeds.

    Returns
    -------
    Audit
        A finding for each check:

        mitigated on the test
            Rows of the mitigation are rows of the evaluation: equal to within the rounding of float32.
        groups merged
            The report passes, and two groups as collected differ by more than its margin: the interval of their
            difference lies beyond it. All pairs together accuse about one honest report in a hundred (`LEVEL`, shared
            out by Bonferroni).
        evaluated once
            Answers drawn again are others, and the report has fewer than `ENOUGH` evaluations that differ.
        gap miscounted
            The gap is not what the report's own answers and groups give, to 1e-6.

    Raises
    ------
    ValueError
        If `collected` has other than N rows, `decide` gives other than N answers, there are fewer than 2 draws, or the
        seed is none.
    """
    check_seed(seed)
    if check_count(draws, "draws") < 2:
        raise ValueError(f"draws must be at least 2, to see whether they differ, got {draws}")
    groupings = _groupings(collected, len(report.labels))
    findings, unchecked = [], []
    if report.mitigated_on is None:
        unchecked.append("mitigated on the test: the report names no rows of a mitigation")
    else:
        findings.append(_mitigated_on_the_test(report, report.mitigated_on))
    findings.append(_groups_merged(report, groupings))
    if decide is None:
        unchecked.append("evaluated once: there is no rule whose answers could be drawn again")
    else:
        seeds = draw_seeds(seed, draws, stream=1)  # a report that was drawn with this seed gets other draws
        drawn = [check_decisions(report.labels, decide(each), report.rate)[1] for each in seeds]
        findings.append(_evaluated_once(report, np.stack(drawn)))
    findings.append(_gap_miscounted(report))
    return Audit(tuple(findings), tuple(unchecked))


def _mitigated_on_the_test(report: FairnessReport, mitigated_on: NDArray) -> Finding:
    known, judged = _flat(mitigated_on, "mitigated_on"), _flat(report.rows, "rows")
    shared = int(_among(judged, known).sum())
    return Finding(
        "mitigated on the test",
        shared > 0,
        f"{shared} of {len(judged)} rows of the evaluation are rows that the mitigation was fitted on.",
        "Fit it on calibration rows, and judge it on rows that it has never seen.",
    )


def _groups_merged(report: FairnessReport, groupings: dict[str, Grouping]) -> Finding:
    answers = report.decisions[0]  # one evaluation is a sample as others are; a mean of several is no share of counts
    counts = {name: count(report.labels, answers, each, report.rate).among(1) for name, each in groupings.items()}
    pairs = sum(len(each.names) * (len(each.names) - 1) for each in counts.values())
    confidence = 1 - 2 * LEVEL / max(pairs, 1)
    gaps = [gap for name, each in counts.items() for gap in _differences(name, each, confidence, report.margin)]
    finest = max(len(each.names) for each in counts.values())
    said = f"{len(np.unique(report.groups))} groups reported, {finest} collected"
    largest, pair = max(gaps, key=lambda gap: gap[0].low, default=(None, ""))
    if largest is None or largest.low <= report.margin:
        evidence = f"{said}; of {pairs // 2} pairs of these none differs by more than {report.margin:g} for sure."
        return Finding("groups merged", False, evidence, "")
    return Finding(
        "groups merged",
        report.passes,
        f"{said}; {pair} is {largest}, beyond the margin of {report.margin:g} for sure.",
        "Report the groups as they were collected, with n and interval of each.",
    )


def _differences(name: str, counts: Counts, confidence: float, margin: float) -> list[tuple[Estimate, str]]:
    """What differs by more than the margin in the sample: each difference with its interval, and between whom."""
    rates = [counts.estimate(group, confidence) for group in range(len(counts.names))]
    return [
        (linear([1, -1], [rates[high], rates[low]]), f"by {name}, {counts.names[high]} minus {counts.names[low]}")
        for high, low in permutations(range(len(rates)), 2)
        if rates[high].value - rates[low].value > margin
    ]


def _evaluated_once(report: FairnessReport, drawn: NDArray[np.int64]) -> Finding:
    moved = int((drawn != drawn[0]).any(axis=0).sum())
    stated = len(np.unique(report.decisions, axis=0))
    gaps = [gap_of(report.rate, report.labels, each[None], report.groups) for each in drawn]
    over = sum(gap > report.margin for gap in gaps)
    return Finding(
        "evaluated once",
        moved > 0 and stated < ENOUGH,
        f"{moved} of {len(report.labels)} pictures change their answer in {len(drawn)} new draws, whose gaps are "
        f"{min(gaps):.3f} to {max(gaps):.3f}, {over} of them over the margin of {report.margin:g}; the report has "
        f"{stated} evaluation{'s' * (stated != 1)}.",
        f"Evaluate {ENOUGH} draws or more, and report their mean and their spread.",
    )


def _gap_miscounted(report: FairnessReport) -> Finding:
    counted = gap_of(report.rate, report.labels, report.decisions, report.groups)
    return Finding(
        "gap miscounted",
        abs(counted - report.gap) > 1e-6,
        f"the report claims a gap of {report.gap:.4f}, its answers give {counted:.4f}.",
        "Make the number from the answers that are reported.",
    )


def _groupings(collected: Groups, n: int) -> dict[str, Grouping]:
    """Each attribute by itself, and the intersections of all."""
    each = {name: grouping(column, n) for name, column in attributes_of(collected).items()}
    return each | ({" and ".join(each): grouping(collected, n)} if len(each) > 1 else {})


def _among(rows: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows stand among the known ones, to within the rounding of float32."""
    from sklearn.neighbors import NearestNeighbors

    _, nearest = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(known).kneighbors(rows)
    return np.abs(rows - known[nearest[:, 0]]).max(axis=1) <= 1e-5 * known.std()


def _flat(rows: NDArray, name: str, n: int | None = None, features: int | None = None) -> NDArray[np.float64]:
    array = np.asarray(rows)
    if array.ndim < 2 or not array.size or (n is not None and len(array) != n):
        raise ValueError(f"{name} must have shape ({'M' if n is None else n}, ...), got {array.shape}")
    flat = array.reshape(len(array), -1).astype(np.float64)
    if flat.shape[1] < 8 or (features is not None and flat.shape[1] != features):
        wanted = (
            "8 numbers or more, which tell pictures apart" if features is None else f"{features} numbers as rows do"
        )
        raise ValueError(f"{name} must hold {wanted}, in each row, got {flat.shape[1]}. Give pictures or embeddings.")
    return flat
