"""What notebook 05 claims, how each of its records would be spoilt, and its titles with both outcomes."""

SUMS = "sums off by a thousandth, {}"
FILLED = "deletion AUC ({}), integrated gradients with that baseline ahead of the other"
ADD_UP = ("KernelSHAP", "PartitionExplainer", "DeepExplainer")
OWN_CLASS = "left to explain against a background of its own class"

CLAIMS = {
    "three of the four add up by construction": lambda of: max(of(SUMS.format(name)).value for name in ADD_UP) == 0,
    "GradientExplainer adds up on average only": lambda of: of(SUMS.format("GradientExplainer")).low > 0.5,
    "a fill favours maps whose own baseline it is": lambda of: (
        of(FILLED.format("mean colour")).value + of(FILLED.format("black")).value > 0.1
    ),
    "shap's default cannot go below the floor of ten values": lambda of: (
        of("error over the floor, shap, as it comes").value >= 1
    ),
    "without l1_reg the floor is passed": lambda of: of("error over the floor, shap, l1_reg=False").high < 1,
    "against its own class little is left to explain, above or below": lambda of: (
        max(abs(of(OWN_CLASS).low), abs(of(OWN_CLASS).high)) < 0.6
    ),
    "KernelSHAP beats the blob on the evidence and with the mean colour": lambda of: all(
        of(f"{measure}, KernelSHAP ahead of the centre Gaussian").low > 0
        for measure in ("relevance mass", "deletion AUC (mean colour)")
    ),
    "with drawn orders the error falls with the root": lambda of: (
        abs(of("slope of the error, drawn orders").value + 0.5) < 0.15
    ),
    "KernelSHAP's error falls about as the root": lambda of: all(
        -0.85 < of(f"slope of the error, {way}").value < -0.45 for way in ("ours", "shap, l1_reg=False")
    ),
    "one name, two games": lambda of: of("TreeSHAP, how far apart two games are").low > 0.05,
}

SPOILT_CLAIMS = [
    (SUMS.format("DeepExplainer"), 0.5, "three of the four"),
    (SUMS.format("GradientExplainer"), 0.0, "on average only"),
    (FILLED.format("mean colour"), -0.1, "a fill favours"),
    (FILLED.format("black"), -0.3, "a fill favours"),
    ("error over the floor, shap, as it comes", 0.4, "cannot go below"),
    ("error over the floor, shap, l1_reg=False", 1.2, "the floor is passed"),
    (OWN_CLASS, 1.0, "little is left"),
    (OWN_CLASS, -1.0, "little is left"),
    ("deletion AUC (mean colour), KernelSHAP ahead of the centre Gaussian", 0.0, "beats the blob"),
    ("relevance mass, KernelSHAP ahead of the centre Gaussian", 0.0, "beats the blob"),
    ("slope of the error, drawn orders", -0.1, "drawn orders"),
    ("slope of the error, ours", -0.2, "KernelSHAP's error"),
    ("slope of the error, shap, l1_reg=False", -0.38, "KernelSHAP's error"),
    ("TreeSHAP, how far apart two games are", 0.0, "two games"),
]

SPOILT = {
    "sums off by a thousandth, GradientExplainer": ("its draws are all the same, and it adds up", lambda of, own: 0.0),
    "sums off by a thousandth, (?!GradientExplainer).*": (
        "a rule that adds up on average only",
        lambda of, own: of(SUMS.format("GradientExplainer")),
    ),
    r"(relevance mass|deletion AUC \(mean colour\)), .* ahead of the centre Gaussian": (
        "the blob stands in the method's place",
        lambda of, own: 0.0,
    ),
    r"deletion AUC \(mean colour\), integrated gradients with that baseline ahead of the other": (
        "the fill changes nothing: black is as far ahead as with black",
        lambda of, own: -of(FILLED.format("black")),
    ),
    r"deletion AUC \(black\), integrated gradients with that baseline ahead of the other": (
        "the fill changes nothing: the mean colour is as far ahead as with the mean colour",
        lambda of, own: -of(FILLED.format("mean colour")),
    ),
    "error over the floor, shap, as it comes": (
        "the default keeps all shares, as l1_reg=False does",
        lambda of, own: of("error over the floor, shap, l1_reg=False"),
    ),
    "error over the floor, shap, l1_reg=False": (
        "ten shares are kept where all were wanted",
        lambda of, own: of("error over the floor, shap, as it comes"),
    ),
    OWN_CLASS: (
        "as much is left as against the mean picture, above or below zero",
        lambda of, own: -1.0 if own < 0 else 1.0,
    ),
    "slope of the error, .*": ("more evaluations buy nothing", lambda of, own: 0.0),
    "TreeSHAP, how far apart two games are": ("both games are the same", lambda of, own: 0.0),
}

EXPLAINED: dict[tuple[str, str, int], str] = {
    ("signs", "error over the floor, shap, as it comes", 7): (
        "in the second of the two games shap's selection leaves out a share that counts against the class and is the "
        "eighth in size (-0.39), in three draws of four tried: 2.2 times the floor, where the ten largest would be 1"
    ),
}

_PRICE = {"GradCAM": 0.2, "DeepExplainer": 1.0, "integrated gradients (black)": 1.9, "KernelSHAP": 9.0}

TITLES = {
    "additivity_title": [
        (
            ({"KernelSHAP": 1e-7, "DeepExplainer": 2e-6, "GradientExplainer": 0.034},),
            "The gain is shared out to a thousandth by KernelSHAP, DeepExplainer; GradientExplainer is off by 3.4% on "
            "average",
        ),
        (
            ({"KernelSHAP": 0.2, "GradientExplainer": 0.03},),
            "The gain is shared out to a thousandth by none; KernelSHAP is off by 20.0% on average; GradientExplainer "
            "is off by 3.0% on average",
        ),
        (({"KernelSHAP": 0.0},), "The gain is shared out to a thousandth by KernelSHAP"),
    ],
    "advice_title": [
        (
            ([["GradCAM", "DeepExplainer"], ["KernelSHAP"]], _PRICE),
            "No method stays throughout: the question must choose, not the score",
        ),
        (([[], ["KernelSHAP"]], _PRICE), "No method stays throughout: the question must choose, not the score"),
        (
            ([["KernelSHAP", "DeepExplainer"], ["KernelSHAP", "GradCAM"]], _PRICE),
            "KernelSHAP stays throughout, and no other",
        ),
        (
            ([["KernelSHAP", "DeepExplainer", "integrated gradients (black)"]], _PRICE),
            "Cannot be told apart: DeepExplainer, integrated gradients (black), KernelSHAP; cheapest of these, within "
            "a factor of two: DeepExplainer, integrated gradients (black)",
        ),
    ],
}
