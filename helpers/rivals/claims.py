"""What a maker hands over: a scorecard, a sentence for each record and its evidence; and each audited by its kind."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.datasets import Dataset, Split
from helpers.rivals.calibration import Calibrated, FittedOn, audit_calibration, audit_fitted_on
from helpers.rivals.results import AuditResult
from helpers.rivals.robustness import UnderAttack, audit_robustness
from helpers.rivals.sampling import BatchLog, audit_sampling
from helpers.scorecard import Record

Evidence = UnderAttack | FittedOn | Calibrated | BatchLog
"""What a claim may rest on."""

_ATTACKED = 120  # of the fresh pictures: an attack asks some hundred times about each


@dataclass(frozen=True)
class Claim:
    """One record of a maker's scorecard, and why it is to be believed.

    Attributes
    ----------
    record : helpers.scorecard.Record
        The number with its interval.
    sentence : str
        What the maker says about it.
    evidence : Evidence
        What the maker hands over.
    """

    record: Record
    sentence: str
    evidence: Evidence

    def __str__(self) -> str:
        return f"{self.record.axis}, {self.record.metric}: {self.sentence}"


@dataclass(frozen=True)
class Rival:
    """A network that somebody wants to sell, as its maker shows it.

    Attributes
    ----------
    data : helpers.datasets.Dataset
        What the maker had: to fit on, to tune on, and the test split that the claims are about.
    claims : tuple of Claim
        In no particular order.
    """

    data: Dataset
    claims: tuple[Claim, ...]

    @property
    def records(self) -> tuple[Record, ...]:
        """The rival's own scorecard."""
        return tuple(claim.record for claim in self.claims)


def audit_claim(claim: Claim, reported: Split, fresh: Split, *, seed: int = 0) -> AuditResult:
    """Audit one claim in the way that its evidence allows.

    Parameters
    ----------
    claim : Claim
        What is claimed.
    reported : helpers.datasets.Split
        The pictures of the claim: the rival's test split.
    fresh : helpers.datasets.Split
        Pictures that the maker never had, from :func:`fresh_pictures`. The first 120 are attacked.
    seed : int
        Of attacks and simulations.

    Returns
    -------
    AuditResult
        At level 0.001.

    Raises
    ------
    TypeError
        If there is no audit for such evidence.
    ValueError
        As the audit.
    """
    match claim.evidence:
        case UnderAttack():
            return audit_robustness(claim.evidence, fresh.take(slice(_ATTACKED)), seed=seed)
        case FittedOn():
            return audit_fitted_on(claim.evidence, reported)
        case Calibrated():
            return audit_calibration(claim.evidence, reported, fresh, seed=seed)
        case BatchLog():
            return audit_sampling(claim.evidence, seed=seed)
    raise TypeError(f"there is no audit for a {type(claim.evidence).__name__}")
