"""People as a detector might see them, for the tests of this folder: groups, labels, scores and embeddings."""

import numpy as np

from helpers.fairness import Scored

TONES = np.arange(1, 7)
FAIR = (1.6,) * 6
UNFAIR = (2.4, 2.2, 1.8, 1.4, 0.8, 0.4)  # how far positives of each tone stand out


def people(n, *, seed, stand_out=FAIR):
    """Half of them positive in each of six tones; a score of 0.5 parts yes from no."""
    rng = np.random.default_rng(seed)
    tone = rng.choice(TONES, n)
    labels = rng.integers(0, 2, n)
    logit = rng.normal(0, 1, n) - 1 + labels * np.array(stand_out)[tone - 1]
    rows = rng.normal(size=(n, 12)).astype(np.float32)
    rows[:, 0] += logit
    rows[:, 1] += tone
    return Scored(rows, 1 / (1 + np.exp(-logit)), labels, tone)


def decisions(scored):
    return (scored.scores > 0.5).astype(np.int64)
