"""Counterfactual pairs: a scene drawn twice from the same seeds, with one attribute changed and everything else equal.

Every random number of a picture is drawn whether it is used or not, so a scene in which one thing was decided otherwise
keeps its background, its place, its paint and the very same noise: what differs was caused by the change.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.contracts import check_seed
from helpers.datasets.base import Pairs, Split
from helpers.datasets.checks import check_change, check_rows, check_split_name
from helpers.datasets.store import as_arrays

from . import conditions, occluders, scene, store
from .conditions import CHUNK, CONDITIONS, DIFFICULTY, SPLITS, Plan
from .templates import CLASS_NAMES

CHANGES: dict[str, tuple[str, ...]] = {
    **{name: tuple(values) for name, values in CONDITIONS.items()},
    "occlusion": ("none", *occluders.KINDS),
    "class": CLASS_NAMES,
}
"""What can be changed, and to which values."""

_SPLITS = SPLITS[:3]


def counterfactual_pairs(attribute: str, value: str, rows: ArrayLike, *, split: str = "test", seed: int = 0) -> Pairs:
    """Draw pictures of a split again, with one attribute changed and everything else equal.

    What the attribute brings with it changes, too, as it does in every picture of the data set. Rain blurs the lens.
    Distance makes the sign smaller (it keeps its place as far as the picture has room for it), takes contrast in fog
    and softens the lens. A board of another outline keeps its share of the picture; one of the same outline (the speed
    limits, the turns, the roundabout) keeps its place to the pixel. An occluder covers its share of whatever sign it
    is in front of.

    Parameters
    ----------
    attribute : {"light", "weather", "distance", "occlusion", "class"}
        What to change.
    value : str
        What to change it to, one of ``CHANGES[attribute]``; ``"none"`` takes away what hides the sign. A picture that
        has the value already comes out the same, to the byte.
    rows : array_like of int, shape (N,)
        Which pictures of the split.
    split : {"test", "calibration", "train"}
        Whose pictures, as :func:`helpers.datasets.signs.load` draws them where no knob is turned.
    seed : int
        The seed that the data set was loaded with.

    Returns
    -------
    Pairs
        ``before`` is ``load(seed=seed).test.take(rows)``; in ``after``, attributes, labels and masks are those of the
        changed pictures.

    Raises
    ------
    DatasetError
        If there is no such attribute, value, split or row.
    ValueError
        If `seed` is none, see :func:`helpers.contracts.check_seed`.

    References
    ----------
    J. Pearl, "Causality", 2nd edition, 2009, section 7.1: counterfactuals as the same noise under another intervention.
    """
    check_change(attribute, value, CHANGES)
    check_split_name(split, _SPLITS)
    chosen = check_rows(rows)
    check_seed(seed)
    chunks, place = np.unique(chosen // CHUNK, return_inverse=True)
    seeds = [conditions.seeds(SPLITS.index(split), int(chunk), seed) for chunk in chunks]
    usual, classes = conditions.shares(None), np.arange(len(CLASS_NAMES))
    plans = [conditions.plan(decide, classes, usual, 0.0) for decide, _ in seeds]
    changed = [_changed(plan, attribute, value, decide) for plan, (decide, _) in zip(plans, seeds, strict=True)]
    at = place * CHUNK + chosen % CHUNK
    before, after = (_drawn(each, [draw for _, draw in seeds], at) for each in (plans, changed))
    return Pairs(attribute, value, before, after)


def _drawn(plans: list[Plan], seeds: list[np.random.SeedSequence], at: NDArray[np.intp]) -> Split:
    arrays = as_arrays(plans, scene.draw_all(plans, seeds))
    return store.as_split({name: rows[at] for name, rows in arrays.items()})


def _changed(plan: Plan, attribute: str, value: str, seed: np.random.SeedSequence) -> Plan:
    """The same decisions, but for one and what follows from it."""
    if attribute == "class":
        label = np.full_like(plan.labels, CLASS_NAMES.index(value))
        plan = replace(plan, labels=label, faces=label.astype(plan.faces.dtype))
    elif attribute == "occlusion":
        plan = replace(plan, occluder=_occluders(plan, value, seed))
    else:
        code = list(CONDITIONS[attribute]).index(value)
        if attribute == "distance":
            plan = replace(plan, size=np.where(plan.distance == code, plan.size, _size_at(plan, code)))
        plan = replace(plan, **{attribute: np.full_like(getattr(plan, attribute), code)})
    return replace(plan, occlusion=conditions.hidden_share(plan.faces, plan.occluder))


def _occluders(plan: Plan, value: str, seed: np.random.SeedSequence) -> NDArray[np.intp]:
    if value == "none":
        return np.full_like(plan.occluder, -1)
    # The library holds the kinds in turn. Which of a kind: drawn for all pictures of the chunk from a seed of its own.
    kinds, kind = len(occluders.KINDS), occluders.KINDS.index(value)
    own = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 1))
    drawn = np.random.default_rng(own).integers(0, occluders.COUNT // kinds, len(plan.labels)) * kinds + kind
    has_it = (plan.occluder >= 0) & (plan.occluder % kinds == kind)
    return np.where(has_it, plan.occluder, drawn)


def _size_at(plan: Plan, distance: int) -> NDArray[np.float64]:
    """How large each sign is at another distance: at the same place between that distance's smallest and largest."""
    ranges = np.asarray(DIFFICULTY.size)
    low, high = ranges[plan.distance].T
    return ranges[distance, 0] + (plan.size - low) / (high - low) * (ranges[distance, 1] - ranges[distance, 0])
