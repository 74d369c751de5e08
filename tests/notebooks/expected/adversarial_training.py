"""What notebook 07 claims, how each of its records would be spoilt, and its titles with both outcomes."""

WORST = "read rightly under the worst of four attacks within 0.2"
STRONGER = "worst of four attacks within 0.2, robust minus plain"
CLEAN = "read rightly as they are, robust minus plain"
DOUBT = "doubt, robust minus plain"
INK = "share of the gradient on ink, robust minus plain"
FLATTERS = "FGSM leaves more than PGD-50, within 0.37"
CERTIFIED = "certified within 0.5 (L2), of all"
ABSTAINED = "abstained"
SIGNS = "read rightly under PGD-20 within 4/255, hardened minus plain"
SIGNS_CLEAN = "read rightly as they are, hardened minus plain"
KNEW = "wrong past a detector within 0.2, more for who knows it"

CLAIMS = {
    "the robust network holds": lambda of: of(WORST).low > 0.7 and of(WORST).n >= 100,
    "a plain one, trained as long, does not": lambda of: of(STRONGER).low > 0.4,
    "on digits hardly anything is lost as they are": lambda of: of(CLEAN).low > -0.03,
    "the robust network doubts more": lambda of: of(DOUBT).low > 0,
    "its gradient lies on the strokes": lambda of: of(INK).low > 0.1,
    "the attack of the training flatters": lambda of: of(FLATTERS).low > 0.4,
    "half of the digits have a certificate": lambda of: of(CERTIFIED).low > 0.5,
    "few are left without an answer": lambda of: of(ABSTAINED).high < 0.3,
    "signs are hardened": lambda of: of(SIGNS).low > 0.05,
    "signs hardly pay for it": lambda of: abs(of(SIGNS_CLEAN).value) < 0.05,
    "who knows the detector gets past it": lambda of: of(KNEW).low > 0.2,
}

SPOILT_CLAIMS = [
    # A training that does not harden, an attack that does not attack, a certificate for nobody.
    (WORST, 0.2, "the robust network holds"),
    (WORST, {"n": 20}, "the robust network holds"),
    (STRONGER, 0.0, "a plain one"),
    (CLEAN, -0.2, "hardly anything is lost"),
    (DOUBT, -0.05, "doubts more"),
    (INK, 0.0, "on the strokes"),
    (FLATTERS, 0.0, "flatters"),
    (CERTIFIED, 0.0, "have a certificate"),
    (ABSTAINED, 1.0, "without an answer"),
    (SIGNS, 0.0, "signs are hardened"),
    (SIGNS_CLEAN, -0.3, "hardly pay"),
    (KNEW, 0.0, "gets past"),
]

SPOILT = {
    r"read rightly under the worst of four attacks within 0\.\d": (
        "the training's attack does not attack: what a plain network keeps",
        lambda of, own: 0.15,
    ),
    r"worst of four attacks within 0\.\d, robust minus plain": (
        "the training's attack does not attack",
        lambda of, own: 0.0,
    ),
    CLEAN: ("the robust network is read at attacked digits", lambda of, own: -0.15),
    DOUBT: ("both are the same network", lambda of, own: 0.0),
    INK: ("the maps are taken for each other", lambda of, own: -own),
    r"FGSM leaves more than PGD-50, within 0\.\d+": ("the two are one and the same attack", lambda of, own: 0.0),
    r"certified within 0\.5 \(L2\), of all": ("radii are tripled", lambda of, own: 1.0),
    ABSTAINED: ("it abstains everywhere", lambda of, own: 1.0),
    r"read rightly under PGD-20 within 4/255, hardened minus plain": (
        "the training's attack does not attack",
        lambda of, own: 0.0,
    ),
    SIGNS_CLEAN: ("the hardened network is another, untrained one", lambda of, own: -0.85),
    r"wrong past a detector within 0\.\d, more for who knows it": (
        "who knows the detector stops as early as the other",
        lambda of, own: 0.0,
    ),
}

EXPLAINED: dict[tuple[str, str, int], str] = {}


TITLES = {
    "collapse_title": [
        ((0.9, 0.02), "After the last pass 90% are read rightly under FGSM, 2% under PGD"),
        ((0.8, 0.75), "After the last pass 80% are read rightly under FGSM, 75% under PGD"),
    ],
    "reach_title": [
        ((0.8, 0.0, 0.5), "Within 0.5 FGSM still leaves 80%, PGD 0%"),
        ((0.0, 0.0, 0.5), "Within 0.5 FGSM still leaves 0%, PGD 0%"),
    ],
    "worst_title": [
        (
            ({"plain": 0.1, "against PGD": 0.9}, 0.2),
            "The worst of four attacks within 0.2 leaves: 10% (plain), 90% (against PGD)",
        ),
        (({"plain": 0.5}, 0.1), "The worst of four attacks within 0.1 leaves: 50% (plain)"),
    ],
    "price_title": [
        ((0.26, 0.003), "Hardened against plain: +26 points under PGD, +0.3 as they are"),
        ((-0.01, -0.02), "Hardened against plain: -1 points under PGD, -2.0 as they are"),
    ],
    "certified_title": [
        ((0.84, 1.1, 500), "84% are certified within 0.5, and nothing beyond 1.10 (500 copies)"),
        ((0.0, 0.6, 20), "0% are certified within 0.5, and nothing beyond 0.60 (20 copies)"),
    ],
    "detector_title": [
        ((0.01, 0.6, 0.12), "Wrong and let through: 1%, 60% if he knows the detector; trained: 12%"),
        ((0.5, 0.4, 0.5), "Wrong and let through: 50%, 40% if he knows the detector; trained: 50%"),
    ],
    "published_title": [
        (
            ({"ours, 1,000": 0.7, "ours, 4,000": 0.85},),
            "Within 0.3 AutoAttack leaves 70% (ours, 1,000), 85% (ours, 4,000)",
        ),
        (({"ours, 1,000": 0.0},), "Within 0.3 AutoAttack leaves 0% (ours, 1,000)"),
    ],
}
