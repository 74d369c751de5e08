"""What notebook 11 claims, how each of its records would be spoilt, and its titles with both outcomes."""

import numpy as np
import pandas as pd

from helpers.intervals import Estimate

ALWAYS = "false alarms of a p-value, 3,200 pictures a day minus 50"
RUN = "days to a false alarm of MMD, set to 30"
NINE = "days to a false alarm of any of nine, each set to 30"
NIGHT, FOG, NEW, SENSOR = (
    f"estimated less real accuracy, {fault}"
    for fault in ("night comes earlier", "fog", "a new sign class", "a sensor fault")
)
FIRST = {
    fault: f"months in which MMD rings before coverage, {fault}"
    for fault in ("night comes earlier", "fog", "a sensor fault")
}
BLIND = "foggy days noticed by a threshold set on last month"
SEEING = "foggy days noticed by a threshold set on usual days"
ABROAD = "estimated less real accuracy, another collection"
HASTY = "canaries judged wrongly, 95% at each look"
PATIENT = "canaries judged wrongly, 5% over all looks"

CLAIMS = {
    "a p-value rings for nothing where a day has many pictures": lambda of: of(ALWAYS).low > 0.1,
    "a threshold set to 30 days runs about 30 days": lambda of: of(RUN).low < 36 and of(RUN).high > 25,
    "nine together are not quiet for a month": lambda of: of(NINE).high < 20,
    "by night the estimate without labels is about right": lambda of: abs(of(NIGHT).value) < 0.04,
    "in fog the estimate without labels is about right": lambda of: abs(of(FOG).value) < 0.06,
    "for a new class it is far too rosy": lambda of: of(NEW).low > 0.05,
    "for a sensor that leaves the network sure it is far too rosy": lambda of: of(SENSOR).low > 0.1,
    "on real digits of another collection it is too rosy": lambda of: of(ABROAD).low > 0,
    "MMD, which waits for no labels, is first in fog": lambda of: of(FIRST["fog"]).low > 0.5,
    "MMD is first for a broken sensor": lambda of: of(FIRST["a sensor fault"]).low > 0.5,
    "a threshold set on foggy days notices no fog": lambda of: of(BLIND).high < 0.2,
    "a threshold set on usual days notices fog": lambda of: of(SEEING).low > 0.5,
    "looking often makes mistakes": lambda of: of(HASTY).low > 0.1,
    "a rule that may be looked at often makes few": lambda of: of(PATIENT).low < 0.05,
}

SPOILT_CLAIMS = [
    (ALWAYS, 0.0, "a p-value rings for nothing"),
    (RUN, 90.0, "runs about 30 days"),
    (NINE, 30.0, "nine together"),
    (NIGHT, 0.2, "by night"),
    (FOG, 0.2, "in fog the estimate"),
    (NEW, 0.0, "for a new class"),
    (SENSOR, 0.0, "leaves the network sure"),
    (ABROAD, -0.05, "another collection"),
    (FIRST["fog"], 0.2, "is first in fog"),
    (FIRST["a sensor fault"], 0.2, "first for a broken sensor"),
    (BLIND, 0.9, "notices no fog"),
    (SEEING, 0.1, "usual days notices fog"),
    (HASTY, 0.02, "looking often makes mistakes"),
    (PATIENT, 0.3, "makes few"),
]

SPOILT = {
    ALWAYS: ("the distance is compared, not the p-value", lambda of, own: 0.0),
    RUN: ("months without an alarm are dropped", lambda of, own: 12.0),
    NINE: ("one detector is watched, not nine", lambda of, own: of(RUN)),
    "|".join((NEW, SENSOR)): ("the labels leak into the estimate", lambda of, own: 0.0),
    "|".join((NIGHT, FOG)): ("the estimate is the usual accuracy", lambda of, own: own + 0.15),
    ABROAD: ("the estimate is the usual accuracy", lambda of, own: 0.23),
    FIRST["night comes earlier"]: ("MMD cannot ring", lambda of, own: 0.0),
    FIRST["fog"]: ("MMD cannot ring", lambda of, own: 0.0),
    FIRST["a sensor fault"]: ("MMD cannot ring", lambda of, own: 0.0),
    BLIND: ("the threshold is set on usual days", lambda of, own: of(SEEING)),
    SEEING: ("the threshold is set on foggy days", lambda of, own: of(BLIND)),
    HASTY: ("each look has the patient rule's level", lambda of, own: of(PATIENT)),
    PATIENT: ("each look has a level of its own of 95%", lambda of, own: of(HASTY)),
}

EXPLAINED: dict[tuple[str, str, int], str] = {}


def _e(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, low, high, 200)


TITLES = {
    "always_title": [
        (
            ({50: _e(0.02, 0.08), 3200: _e(0.4, 0.6)},),
            "50 to 3,200 pictures a day: the more pictures, the more false alarms",
        ),
        (
            ({50: _e(0.02, 0.08), 3200: _e(0.03, 0.09)},),
            "50 to 3,200 pictures a day: no more false alarms with more pictures",
        ),
    ],
    "runs_title": [
        (({"a": _e(25, 35), "b": _e(28, 40)}, 30), "2 of 2 intervals hold the 30 days that were asked for"),
        (({"a": _e(5, 10), "b": _e(28, 40)}, 30), "1 of 2 intervals hold the 30 days that were asked for"),
    ],
    "first_title": [
        (
            (pd.DataFrame({"fog": [1.0, 1.0, 4.0], "night": [7.0, 5.0, np.inf]}, index=["a", "b", "c"]),),
            "fog: a and b after 1; night: b after 5",
        ),
        ((pd.DataFrame({"fog": [np.inf, np.inf]}, index=["a", "b"]),), "fog: nobody"),
    ],
    "rosy_title": [
        (
            ({"night": _e(-0.02, 0.01), "new": _e(0.08, 0.12)},),
            "Too rosy by more than 3 points: new; too dark: none",
        ),
        (({"night": _e(-0.2, -0.1)},), "Too rosy by more than 3 points: none; too dark: night"),
    ],
    "shift_title": [
        ((_e(0.1, 0.2), _e(0.04, 0.06)), "The estimate falls, and stays too rosy by 5 points"),
        ((_e(-0.1, 0.1), _e(-0.06, -0.04)), "The estimate does not fall, and is too dark"),
        ((_e(0.1, 0.2), _e(-0.01, 0.01)), "The estimate falls, and is right, as far as these pictures can tell"),
    ],
    "canary_title": [
        (({"a": _e(0.2, 0.4), "b": _e(0.01, 0.05)},), "Wrong verdicts: 30% with a, 3% with b"),
        (({"a": _e(0.0, 0.0), "b": _e(0.0, 0.0)},), "Wrong verdicts: 0% with a, 0% with b"),
    ],
}
