"""Several opinions on the same pictures: their average, and the two kinds of not knowing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from helpers.contracts import check_probabilities


@dataclass(frozen=True)
class Decomposition:
    """The entropy of the average opinion, split into its two parts.

    Attributes
    ----------
    total : numpy.ndarray of float64, shape (N,)
        Entropy of the mean probabilities, in nats, 0 to ln K.
    aleatoric : numpy.ndarray of float64, shape (N,)
        Mean entropy of the members: what they agree cannot be known.
    epistemic : numpy.ndarray of float64, shape (N,)
        The rest, never negative: the mutual information between label and member, how much the members disagree.
    """

    total: NDArray[np.float64]
    aleatoric: NDArray[np.float64]
    epistemic: NDArray[np.float64]


def decompose(members: NDArray) -> Decomposition:
    """Split the uncertainty of each picture into an aleatoric and an epistemic part.

    Parameters
    ----------
    members : numpy.ndarray of float, shape (S, N, K)
        Probabilities of S members of an ensemble, or of S passes with dropout left on; S of at least 2.

    Returns
    -------
    Decomposition
        Total, aleatoric and epistemic uncertainty of each picture, in nats.

    Notes
    -----
    The epistemic part sees only what the members disagree about. If all are wrong in the same way, it is small.

    References
    ----------
    N. Houlsby, F. Huszár, Z. Ghahramani and M. Lengyel (2011), "Bayesian active learning for classification and
    preference learning". S. Depeweg, J. M. Hernández-Lobato, F. Doshi-Velez and S. Udluft (2018), "Decomposition of
    uncertainty in Bayesian deep learning for efficient and risk-sensitive learning".
    """
    array = np.asarray(members)
    if array.ndim != 3 or array.shape[0] < 2 or array.shape[1] == 0:
        raise ValueError(
            f"members must have shape (S, N, K) with at least 2 members and 1 picture, got {array.shape}. "
            "From a list of predictions: np.stack(predictions)."
        )
    check_probabilities(array.reshape(-1, array.shape[2]), "members")
    total = entr(array.mean(axis=0, dtype=np.float64)).sum(axis=1)
    aleatoric = entr(array.astype(np.float64)).sum(axis=2).mean(axis=0)
    # Jensen's inequality makes the difference at least 0; rounding can push it below by 1e-16, float32 rows by 1e-7.
    return Decomposition(total, aleatoric, np.maximum(total - aleatoric, 0))
