"""Methods that need no gradient: hide a part of the picture, and see what the network says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from helpers.contracts import Predict, check_answers, check_count, check_labels
from helpers.explain.base import Explainer


def occlusion(predict_logits: Predict, patch: int = 8, stride: int = 4, value: float = 0.5) -> Explainer:
    """Occlusion: how far the logit falls when a square patch hides a part of the picture.

    The patch is moved over the picture; each pixel gets the mean fall over all patches that hid it. Everything stays in
    [0, 1], and nothing but a predict function is needed. It takes one prediction for each place of the patch and one
    more: 50 for 32x32 pictures with the defaults.

    Parameters
    ----------
    predict_logits : callable
        Pictures (N, H, W, C) in [0, 1] to logits (N, K): ``models.predict_function(models.logits_model(model))``.
    patch : int
        Side of the patch in pixels, at least 1 and at most the picture's shorter side.
    stride : int
        Pixels from one place of the patch to the next, from 1 to `patch`, so that no pixel is left out.
    value : float
        Grey of the patch, in [0, 1].

    Returns
    -------
    Explainer
        Signed. Higher: hiding this pixel and its neighbours costs the class more. Where the patch changes nothing, 0.

    Raises
    ------
    ValueError
        If patch, stride or value are out of range; on use, if the patch is larger than the picture, a class is out of
        range, or `predict_logits` does not give (N, K).

    References
    ----------
    M. D. Zeiler and R. Fergus (2014), "Visualizing and understanding convolutional networks".
    """
    check_count(patch, "patch")
    check_count(stride, "stride")
    if stride > patch:
        raise ValueError(
            f"stride must be at most patch, or pixels between two places are never hidden: {stride} > {patch}"
        )
    if not 0 <= value <= 1:
        raise ValueError(f"value must lie in [0, 1] like the pixels, got {value}")

    def attribute(images: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray[np.float32]:
        height, width = images.shape[1:3]
        if patch > min(height, width):
            raise ValueError(
                f"patch must be at most {min(height, width)} for pictures of {height}x{width}, got {patch}"
            )
        rows = np.arange(len(images))
        logits = _logits(predict_logits, images)
        check_labels(classes, len(images), logits.shape[1], "classes")
        falls = np.zeros(images.shape[:3], np.float64)
        times = np.zeros((height, width))
        hidden = images.copy()
        for top in _places(height, patch, stride):
            for left in _places(width, patch, stride):
                here = np.s_[:, top : top + patch, left : left + patch]
                hidden[here] = value
                fall = logits[rows, classes] - _logits(predict_logits, hidden)[rows, classes]
                falls[here] += fall[:, None, None]
                times[here[1:]] += 1
                hidden[here] = images[here]
        return (falls / times).astype(np.float32)

    return Explainer("occlusion", attribute, signed=True)


def _logits(predict_logits: Predict, images: NDArray[np.float32]) -> NDArray:
    return check_answers(predict_logits(images), len(images), "predict_logits")


def _places(side: int, patch: int, stride: int) -> range:
    # The last place may reach over the border, where the patch is cut off: every pixel is hidden at least once.
    return range(0, -(-(side - patch) // stride) * stride + 1, stride)
