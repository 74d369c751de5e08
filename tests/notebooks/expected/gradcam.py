"""What notebook 04 claims, how each of its records would be spoilt, and its titles with both outcomes."""

CLAIMS = {
    "gradients find the mark in the cheating network": lambda of: (
        of("relevance on the mark, cheating against honest, vanilla gradients").value >= 10
    ),
    "integrated gradients find the mark in the cheating network": lambda of: (
        of("relevance on the mark, cheating against honest, integrated gradients").value >= 10
    ),
    "GradCAM finds the mark in the cheating network": lambda of: (
        of("relevance on the mark, cheating against honest, GradCAM").value >= 2
    ),
    "an edge detector draws the same with random weights": lambda of: (
        of("alike with random weights, edges (planted to fail)").value > 0.99
    ),
    "GradCAM draws something else with random weights": lambda of: of("alike with random weights, GradCAM").high < 0.5,
    "guided gradients draw two classes more alike than plain ones": lambda of: all(
        of(f"GradCAM for first and {other} answer alike, guided gradients (the default)").low
        > of(f"GradCAM for first and {other} answer alike, plain gradients").high
        for other in ("second", "last")
    ),
}

SPOILT_CLAIMS = [
    # A network that learned no shortcut; edges that are none; a GradCAM that is an edge detector; one map for all.
    ("relevance on the mark, cheating against honest, vanilla gradients", 1.0, "gradients find the mark"),
    ("relevance on the mark, cheating against honest, integrated gradients", 1.0, "integrated gradients find"),
    ("relevance on the mark, cheating against honest, GradCAM", 1.0, "GradCAM finds"),
    ("alike with random weights, edges (planted to fail)", 0.1, "edge detector"),
    ("alike with random weights, GradCAM", 1.0, "GradCAM draws something else"),
    ("GradCAM for first and last answer alike, plain gradients", 0.99, "two classes more alike"),
]

SPOILT = {}

EXPLAINED = {}

TITLES = {}
