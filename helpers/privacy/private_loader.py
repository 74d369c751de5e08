"""Batches as the accountants assume them: each picture in or out by a coin of its own, in every step anew."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from opacus.data_loader import DPDataLoader
from opacus.utils.uniform_sampler import UniformWithReplacementSampler
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

from helpers.contracts import check_count, check_images, check_labels, check_seed


def private_loader(
    images: NDArray[np.float32], labels: NDArray[np.int64], expected_batch: int, seed: int = 0
) -> DPDataLoader:
    """Poisson sampling: every picture is in a batch with the same probability, whatever happens to the others.

    Parameters
    ----------
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    labels : numpy.ndarray of int64, shape (N,)
        Their classes.
    expected_batch : int
        Pictures in a batch on average, at most N. The sampling rate is ``expected_batch / N``; a batch can be empty.
    seed : int
        Seed of the draws.

    Returns
    -------
    opacus.data_loader.DPDataLoader
        A new pass draws anew. It has :func:`steps_in_a_pass` batches.

    Raises
    ------
    TypeError, ValueError
        If pictures, labels or seed are none, or `expected_batch` is out of range.

    References
    ----------
    Abadi et al., "Deep Learning with Differential Privacy", 2016: lots, drawn so.
    """
    check_seed(seed)
    checked = check_images(images)
    classes = check_labels(labels, len(checked))
    if check_count(expected_batch, "expected_batch") > len(checked):
        raise ValueError(
            f"expected_batch must be at most the {len(checked):,} pictures there are, got {expected_batch}"
        )
    pictures = TensorDataset(torch.tensor(checked), torch.tensor(classes))
    generator = torch.Generator().manual_seed(seed)
    # Not by PrivacyEngine: it rounds a pass to whole batches twice, and takes 104 of 105 with the rate of 104.
    return DPDataLoader(pictures, sample_rate=expected_batch / len(checked), generator=generator)


def steps_in_a_pass(n: int, expected_batch: int) -> int:
    """How many batches a private loader has.

    Parameters
    ----------
    n : int
        Pictures.
    expected_batch : int
        Pictures in a batch on average.

    Returns
    -------
    int
        As Opacus counts them: now and then one less than ``n // expected_batch``, by rounding.
    """
    return int(1 / (expected_batch / n))


def check_private_loader(loader: DataLoader) -> float:
    """Refuse batches that the accountants' epsilon does not hold for.

    Parameters
    ----------
    loader : torch.utils.data.DataLoader
        What is to be trained with.

    Returns
    -------
    float
        The sampling rate, in (0, 1].

    Raises
    ------
    TypeError
        If it is no loader.
    ValueError
        If it does not sample by Poisson: a shuffled one, a weighted one, one that is not over all its pictures.
    """
    if not isinstance(loader, DataLoader):
        raise TypeError(f"loader must be a DataLoader from private_loader(...), got {type(loader).__name__}")
    sampler = loader.batch_sampler
    single = getattr(sampler, "sampler", loader.sampler)  # what a sampler of batches takes its pictures from
    if isinstance(single, WeightedRandomSampler):
        raise ValueError(
            "a WeightedRandomSampler draws some pictures more often than the sampling rate says, so their epsilon is "
            "larger than the one reported, and nothing would tell. Weights against an imbalance and this guarantee do "
            "not go together: use private_loader(...), and weigh neither the draws nor the loss."
        )
    if not isinstance(sampler, UniformWithReplacementSampler):
        raise ValueError(
            f"the accountants assume Poisson sampling, and this loader draws by {type(sampler).__name__} (fixed "
            "batches, shuffled or not): its epsilon would be another one. Use private_loader(...)."
        )
    if sampler.num_samples != len(loader.dataset):
        raise ValueError(
            f"the loader draws from {sampler.num_samples} of its {len(loader.dataset)} pictures; make it by "
            "private_loader(...)"
        )
    return float(sampler.sample_rate)
