"""What notebook 05 claims, how each of its records would be spoilt, and its titles with both outcomes."""

CLAIMS = {
    "values add up to a hundredth of a logit": lambda of: (
        max(of(f"additivity error, {name}").high for name in ("KernelSHAP", "PartitionExplainer", "DeepExplainer"))
        < 0.01
    ),
    "GradientExplainer adds up on average only": lambda of: of("additivity error, GradientExplainer").low > 0.01,
    "with drawn orders the error falls with the root": lambda of: (
        abs(of("slope of the error of Shapley values, drawn orders").value + 0.5) < 0.15
    ),
    "KernelSHAP's error falls about as the root": lambda of: all(
        -0.85 < of(f"slope of the error of Shapley values, {way}").value < -0.45
        for way in ("ours", "shap, l1_reg=False")
    ),
    "shap's default stops at the floor of ten values": lambda of: (
        1 <= of("error of shap's default over its floor").value < 1.4
    ),
    "shap's default is more wrong than l1_reg=False": lambda of: (
        of("error of shap's default over l1_reg=False").low > 1.2
    ),
    "against its own class hardly anything is left to explain": lambda of: (
        of("left to explain against a background of its own class").high < 0.5
    ),
    "KernelSHAP beats the centre Gaussian in deletion": lambda of: (
        of("deletion AUC, KernelSHAP ahead of the centre Gaussian").low > 0
    ),
    "mask and deletion metrics are of the same 500 pictures": lambda of: all(
        of(f"{measure}, {name}").n == 500
        for measure in ("pointing game", "relevance mass", "deletion AUC")
        for name in ("KernelSHAP", "PartitionExplainer", "GradientExplainer", "DeepExplainer")
    ),
}

SPOILT_CLAIMS = [
    # A rule that does not add up; draws that are all the same; a budget that is not used; l1_reg=False where the
    # default was meant, and the default where it was not; a background of many classes; a map without the network.
    ("additivity error, DeepExplainer", 0.5, "add up"),
    ("additivity error, GradientExplainer", 0.0, "on average only"),
    ("slope of the error of Shapley values, drawn orders", -0.1, "drawn orders"),
    ("slope of the error of Shapley values, ours", -0.2, "KernelSHAP's error"),
    ("slope of the error of Shapley values, shap, l1_reg=False", -0.38, "KernelSHAP's error"),
    ("error of shap's default over its floor", 0.4, "floor"),
    ("error of shap's default over its floor", 2.0, "floor"),
    ("error of shap's default over l1_reg=False", 1.0, "more wrong"),
    ("left to explain against a background of its own class", 1.0, "hardly anything"),
    ("deletion AUC, KernelSHAP ahead of the centre Gaussian", -0.01, "KernelSHAP beats"),
]

SPOILT = {}

EXPLAINED = {}

TITLES = {}
