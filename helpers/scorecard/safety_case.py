"""A safety case: what a release would claim, the records that it rests on, and what they leave open.

The claims stand beside this file in ``safety_case.yaml``. Claim, evidence and limit are those of a safety case in words
(T. Kelly, 1998, "Arguing Safety"); hazards and attacks are named in borrowed words, and no compliance is claimed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from helpers.errors import ScorecardError, did_you_mean
from helpers.scorecard.decision import Decision, Judged, worst
from helpers.scorecard.fields import check_text
from helpers.scorecard.thresholds import Threshold, read_thresholds

_FILE = Path(__file__).with_name("safety_case.yaml")


@dataclass(frozen=True)
class SafetyClaim:
    """One thing that a release would claim.

    Attributes
    ----------
    claim : str
        In a sentence.
    metrics : tuple of str
        The records that it rests on, by metric; each has a threshold.
    hazard : str
        The kind of hazard, in a word of ISO 21448 (SOTIF) or ISO/PAS 8800.
    limit : str
        What the records do not show.
    attack : str
        The class of attack, in a word of NIST AI 100-2; empty where nobody attacks.

    Raises
    ------
    ScorecardError
        If a text is empty, or there are no metrics.
    """

    claim: str
    metrics: tuple[str, ...]
    hazard: str
    limit: str
    attack: str = ""

    def __post_init__(self) -> None:
        for name in ("claim", "hazard", "limit"):
            check_text(getattr(self, name), name)
        if not isinstance(self.metrics, list | tuple) or not self.metrics:
            raise ScorecardError(f"metrics of {self.claim!r} must be a list of what it rests on, got {self.metrics!r}")
        object.__setattr__(self, "metrics", tuple(self.metrics))


@dataclass(frozen=True)
class ArguedClaim:
    """A claim with what became of its evidence.

    Attributes
    ----------
    claim : SafetyClaim
        What is claimed.
    evidence : tuple of Judged
        Its records, each held against its threshold.
    """

    claim: SafetyClaim
    evidence: tuple[Judged, ...]

    @property
    def verdict(self) -> str:
        """The worst verdict of its evidence: a claim is as good as the weakest record below it."""
        return worst(one.verdict for one in self.evidence)

    @property
    def models(self) -> tuple[str, ...]:
        """Which networks its records are of, in the order of their first record."""
        return tuple(dict.fromkeys(one.threshold.model for one in self.evidence))

    def __str__(self) -> str:
        """The claim with its networks and its verdict: whoever reads one line must not take it for another network."""
        return f"{self.claim.claim.removesuffix('.')} ({', '.join(self.models)}: {self.verdict})."


def read_safety_case(
    path: Path | None = None, thresholds: Sequence[Threshold] | None = None
) -> tuple[SafetyClaim, ...]:
    """Read the claims, and refuse a case with a hole in it.

    Parameters
    ----------
    path : pathlib.Path, optional
        The file; the course's own if not given.
    thresholds : sequence of Threshold, optional
        What is asked; the course's own if not given.

    Returns
    -------
    tuple of SafetyClaim
        In the order of the file.

    Raises
    ------
    ScorecardError
        If the file cannot be read, a claim rests on what nothing is asked of, or a threshold supports no claim or two.
    """
    path = _FILE if path is None else path
    claims = _claims(path)
    asked = {one.metric for one in (read_thresholds() if thresholds is None else thresholds)}
    counts = Counter(metric for claim in claims for metric in claim.metrics)
    for metric in counts:
        if metric not in asked:
            raise ScorecardError(
                f"{path.name}: nothing is asked of {metric!r}, so no claim rests on it.{did_you_mean(metric, asked)}"
            )
    if wrong := sorted(metric for metric in asked if counts[metric] != 1):
        raise ScorecardError(
            f"{path.name}: each threshold supports one claim; {wrong[0]!r} stands below {counts[wrong[0]]}"
        )
    return claims


def argue(decision: Decision, claims: Sequence[SafetyClaim] | None = None) -> tuple[ArguedClaim, ...]:
    """Put the records of a decision below the claims.

    Parameters
    ----------
    decision : Decision
        What :func:`helpers.scorecard.decide` gave.
    claims : sequence of SafetyClaim, optional
        The safety case; the course's own if not given.

    Returns
    -------
    tuple of ArguedClaim
        One for each claim.

    Raises
    ------
    ScorecardError
        As :func:`read_safety_case`, for the thresholds of the decision.
    """
    judged = {one.threshold.metric: one for one in decision.judged}
    if claims is None:
        claims = read_safety_case(thresholds=[one.threshold for one in decision.judged])
    return tuple(ArguedClaim(claim, tuple(judged[metric] for metric in claim.metrics)) for claim in claims)


def _claims(path: Path) -> tuple[SafetyClaim, ...]:
    import yaml

    known = [field.name for field in fields(SafetyClaim)]
    try:
        entries: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return tuple(SafetyClaim(**entry) for entry in entries)
    except OSError as error:
        raise ScorecardError(f"could not read {path}: {error.strerror or error}") from None
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise ScorecardError(f"{path.name} must be a list of claims, each with {', '.join(known)} ({error})") from None
