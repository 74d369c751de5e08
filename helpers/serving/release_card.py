"""The texts of a model card as a release decision gives them: it recommends no more than was shown."""

from __future__ import annotations

from helpers.scorecard.decision import Decision
from helpers.scorecard.decision_pages import decision_counts
from helpers.scorecard.safety_case import ArguedClaim, argue
from helpers.scorecard.verdicts import MET

_USE = {
    True: "Reading drawn road signs of 32 by 32 pixels, in light and weather as in the test split. What it is less "
    "than 90% sure of, or calls strange, goes to a person.",
    False: "Teaching, and finding out what is missing. Its verdict is {verdict}: nobody may rely on an answer.",
}
_OUT = (
    "Traffic, photographs, other signs than its ten, and any other use in which somebody relies on an answer. Attacks "
    "that nothing is asked of: stickers, poisoned training pictures, stealing the network by asking it."
)
_PEOPLE = ("fairness", "privacy")


def release_card(decision: Decision) -> dict[str, str]:
    """Write the sections of a model card from a decision.

    Parameters
    ----------
    decision : helpers.scorecard.Decision
        What :func:`helpers.scorecard.decide` gave for the course's thresholds.

    Returns
    -------
    dict of str to str
        A text for each of :data:`helpers.serving.cards.CARD_SECTIONS`, as :func:`helpers.serving.model_card` takes
        them.

    Raises
    ------
    ScorecardError
        If a claim of the safety case rests on what the decision does not ask.
    """
    case = argue(decision)
    kept, not_kept = ([str(one) for one in case if (one.verdict == MET) is met] for met in (True, False))
    of_people = [one for one in case if {each.threshold.axis for each in one.evidence} & set(_PEOPLE)]
    return {
        "intended_use": _USE[decision.go].format(verdict=decision.verdict),
        "out_of_scope": _OUT,
        "training_data": "The training split of the data set named in data_card.json, and nothing else.",
        "evaluation_data": "The test split of the same data set. scorecard.json holds what the notebooks measured "
        "before this bundle was packed: of these very weights, and of other networks what the release decision asks. "
        "Where it is empty, nothing had been measured.",
        "ethical_considerations": " ".join(map(_with_limit, of_people)),
        "caveats": f"Held against {len(decision.judged)} bounds (seed {decision.seed}, {decision.budget} budget): "
        f"{decision_counts(decision)}. Supported: {' '.join(kept) or 'nothing.'} Not supported: "
        f"{' '.join(not_kept) or 'nothing of what was asked.'} Each is about the networks in its brackets, within its "
        "limit, and on drawn pictures.",
    }


def _with_limit(one: ArguedClaim) -> str:
    return f"{one} {one.claim.limit}"
