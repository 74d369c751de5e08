"""Notebook 13: it records nothing and judges what the others recorded; its titles with both outcomes."""

from types import SimpleNamespace

CLAIMS = {}

SPOILT_CLAIMS = []

SPOILT = {}

EXPLAINED = {}


def _decision(*verdicts: str) -> SimpleNamespace:
    return SimpleNamespace(judged=[SimpleNamespace(verdict=each) for each in verdicts])


TITLES = {
    "page_title": [
        ((_decision("met", "met"),), "Of 2 bounds: 2 met"),
        ((_decision("met", "not met", "met", "stale"),), "Of 4 bounds: 2 met, 1 not met, 1 stale"),
    ],
    "score_title": [
        ((28, 0, 28), "One record far on the bad side: the trust score lets 28 of 28 pass, the rule 0"),
        ((0, 1, 28), "One record far on the bad side: the trust score lets 0 of 28 pass, the rule 1"),
    ],
    "unseen_title": [
        (({10: "no-go", 11: "no-go"},), "Of 2 unseen seeds 0 are a go"),
        (({10: "go", 11: "cannot decide"},), "Of 2 unseen seeds 1 are a go"),
    ],
    "audits_title": [
        ((3, 3, 0, 4), "False claims found: 3 of 3; honest claims accused: 0 of 4"),
        ((2, 3, 1, 4), "False claims found: 2 of 3; honest claims accused: 1 of 4"),
    ],
}
