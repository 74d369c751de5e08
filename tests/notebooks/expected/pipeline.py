"""What notebook 12 claims, how each of its records would be spoilt, and its titles with both outcomes."""

from helpers.intervals import Estimate

CACHED = "worse networks published, gate told a place"
ANEW = "worse networks published, gate asked anew"
STOPPED = "good networks stopped, gate asked anew"

CLAIMS = {
    "a gate that a cache answers lets most worse networks pass": lambda of: of(CACHED).low > 0.5,
    "a gate that is asked anew stops most worse networks": lambda of: of(ANEW).high < 0.3,
    "it stops some good ones, and lets most pass": lambda of: of(STOPPED).high < 0.5,
}

SPOILT_CLAIMS = [
    (CACHED, 0.0, "lets most worse networks pass"),
    (ANEW, 1.0, "stops most worse networks"),
    (STOPPED, 1.0, "stops some good ones"),
]

SPOILT = {
    CACHED: ("the cache does not answer", lambda of, own: of(ANEW)),
    ANEW: ("a cache answers", lambda of, own: of(CACHED)),
    STOPPED: ("the gate stops everything", lambda of, own: 1.0),
}

EXPLAINED: dict[tuple[str, str, int], str] = {}


def _e(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, low, high, 20)


def _verdict(said: str, *verdicts: str) -> dict[str, object]:
    return {"verdict": said, "go": said == "go", "records": [{"verdict": each} for each in verdicts]}


TITLES = {
    "rebuilt_title": [
        (
            (["a", "a", "b"],),
            "Trained again: the same network. With another number of threads: another, from the same seed",
        ),
        ((["a", "b", "a"],), "Trained again: ANOTHER network. With another number of threads: the same"),
    ],
    "verdict_title": [
        ((_verdict("go", "met", "met"),), "The gate says go: all 2 bounds are met"),
        (
            (_verdict("no-go", "met", "not met", "missing"),),
            "The gate says no-go: of 3 bounds 1 met, 1 not met, 1 missing",
        ),
        (
            (_verdict("cannot decide", "met", "missing"),),
            "The gate says cannot decide: of 2 bounds 1 met, 1 missing",
        ),
    ],
    "through_title": [
        (
            ({"a": _e(0.8, 1.0), "b": _e(0.0, 0.2)},),
            "Most worse networks pass the gate: a; hardly any: b",
        ),
        (({"a": _e(0.4, 0.6)},), "Most worse networks pass the gate: none; hardly any: none"),
    ],
    "walls_title": [
        (
            ({"nothing happens": [], "a": ["hash"], "b": []}, ["hash", "signature"]),
            "1 of 2 attacks pass all 2 walls; idle: signature",
        ),
        (
            ({"a": ["hash", "signature"]}, ["hash", "signature"]),
            "0 of 1 attacks pass all 2 walls; idle: no wall",
        ),
    ],
    "scaler_title": [
        ((9, 6), "9 pods are needed, and our autoscaler stops at 6"),
        ((4, 6), "4 pods are needed, and our autoscaler goes up to 6"),
    ],
}
