"""Is the accuracy that of the network? A claim about all pictures or one class, counted again on fresh ones."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.contracts import Predict, check_count
from helpers.datasets import Split
from helpers.rivals.results import LEVEL, AuditResult, p_below_claim


@dataclass(frozen=True)
class ReadRightly:
    """What a maker hands over for an accuracy: the network as a function, and what was counted.

    Attributes
    ----------
    predict : callable
        Pictures (N, H, W, C) to probabilities (N, K).
    hits, n : int
        Pictures that were read rightly, and all that were asked about.
    only : int or None
        The class that the claim is about; None for all.

    Raises
    ------
    ValueError
        If the counts cannot be.
    """

    predict: Predict
    hits: int
    n: int
    only: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= check_count(self.n, "n"):
            raise ValueError(f"hits must lie in 0..{self.n}, got {self.hits}")


def audit_accuracy(evidence: ReadRightly, fresh: Split, *, tolerance: float = 0.0, level: float = LEVEL) -> AuditResult:
    """Count again on fresh pictures: accuracy below what the claim leaves possible.

    Parameters
    ----------
    evidence : ReadRightly
        What the maker handed over.
    fresh : Split
        Pictures of the same kind that the maker never had. Where the claim is about one class, others are left out.
    tolerance : float
        How much lower the true accuracy may be, in [0, 1).
    level : float, in (0, 1)
        From which p-value on it accuses.

    Returns
    -------
    AuditResult
        By an exact test. A hundred of a hundred looks odd and is none: what counts is what fresh pictures say.

    Raises
    ------
    TypeError, ValueError
        If the evidence is of another kind, no picture is of the class, or an argument is out of range.

    Notes
    -----
    Null: on fresh pictures the network is at least as good as on those of the claim, less the tolerance. As in
    :func:`audit_robustness`, after Berger and Boos (1994).
    """
    if not isinstance(evidence, ReadRightly):
        raise TypeError(f"evidence must be a ReadRightly, got {type(evidence).__name__}")
    chosen = fresh if evidence.only is None else fresh.take(fresh.labels == evidence.only)
    if not len(chosen):
        raise ValueError(f"none of {len(fresh)} fresh pictures is of class {evidence.only}: take more of them")
    right = evidence.predict(chosen.images).argmax(axis=1) == chosen.labels
    hits = int(right.sum())
    p = p_below_claim(hits, len(chosen), evidence.hits, evidence.n, tolerance=tolerance, level=level)
    found = f"Claimed {evidence.hits} of {evidence.n}; {hits} of {len(chosen)} fresh pictures are read rightly."
    return AuditResult("accuracy on fresh pictures", p, level, found)
