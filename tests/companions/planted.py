"""What notebook 08 would hand over, planted from a seed: a thousand people, and a network that is worse for some."""

import numpy as np
import pandas as pd

from helpers import fairness, models

TONES = ("1-3", "4-7", "8-10")


def hand_over(n: int = 1000, seed: int = 0):
    """Write a hand-over whose scores are the network's own; return its folder."""
    rng = np.random.default_rng(seed)
    tone, light = rng.integers(1, 11, n), rng.choice(["day", "dusk", "night"], n)
    dark = np.where(light == "night", 0.3, 1.0) * np.linspace(1, 0.5, 10)[tone - 1]
    pixels = (rng.integers(0, 256, (n, 32, 32, 3)) * dark[:, None, None, None]).astype(np.uint8)
    network = models.course_cnn((32, 32, 3), 2, seed=seed)
    spread(network, pixels)
    score = network.predict(pixels / np.float32(255), verbose=0)[:, 1].astype(float)
    label = (rng.random(n) < 0.2 + 0.6 * score).astype(int)
    tones = np.array(TONES)[np.searchsorted([4, 8], tone, side="right")]
    columns = {"label": label, "score": score, "tone": tone, "tones": tones, "light": light}
    return fairness.write_handover("08_fairness", pd.DataFrame({"picture": np.arange(n), **columns}), pixels, network)


def spread(network, pixels) -> None:
    """Let an untrained network say yes to half of these pictures, sometimes surely."""
    probabilities = network.predict(pixels / np.float32(255), verbose=0)
    margin = np.log(probabilities[:, 1] / probabilities[:, 0])
    layer = next(layer for layer in reversed(network.layers) if layer.weights)
    kernel, bias = layer.get_weights()
    scale = 1.5 / margin.std()
    layer.set_weights([kernel * scale, bias * scale - [0, np.median(margin) * scale]])
