"""Counterfactual pairs: a scene drawn twice from the same seeds, with one attribute changed and everything else equal.

Every random number of a picture is drawn whether it is used or not, so a scene in which one thing was decided otherwise
keeps its street, its pose, its clothes and the very same noise: what differs was caused by the change.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.contracts import check_seed
from helpers.datasets.base import Pairs, Split
from helpers.datasets.checks import check_change, check_rows, check_split_name
from helpers.datasets.store import as_arrays

from . import conditions, scene
from .conditions import CHUNK, CONDITIONS, SPLITS, TONES, Plan
from .knobs import check_low_contrast, lacking_share
from .store import as_split

EQUAL_CONTRAST = "tone at equal contrast"
_TONES = tuple(str(tone) for tone in range(1, TONES + 1))

CHANGES: dict[str, tuple[str, ...]] = {
    "tone": _TONES,
    EQUAL_CONTRAST: _TONES,
    **{name: tuple(values) for name, values in CONDITIONS.items()},
}
"""What can be changed, and to which values."""


def counterfactual_pairs(
    attribute: str,
    value: str | int,
    rows: ArrayLike,
    *,
    split: str = "test",
    seed: int = 0,
    thin: bool | float = True,
    low_contrast: bool = True,
) -> Pairs:
    """Draw pictures of a split again, with one attribute changed and everything else equal.

    Two changes of tone answer two questions. ``"tone"`` gives skin the colour and the brightness of another tone, as
    the data set draws them, so that its contrast changes as well: the whole effect. ``"tone at equal contrast"`` gives
    it the other tone's colour at the luminance that it has, so that `contrast` stays what it is: what is left of the
    effect when none of it can go through contrast.

    Parameters
    ----------
    attribute : {"tone", "tone at equal contrast", "light", "clothing", "distance", "occlusion"}
        What to change. Distance makes a person smaller and moves his feet up the street; he keeps his column.
    value : str or int
        What to change it to, one of ``CHANGES[attribute]``; a tone may be given as a number. A picture that has the
        value already comes out the same, to the byte; so does a street without anybody whose tone or clothing changes.
    rows : array_like of int, shape (N,)
        Which pictures of the split.
    split : {"test", "calibration", "train"}
        Whose pictures.
    seed, thin, low_contrast
        What the data set was loaded with, see :func:`helpers.datasets.pedestrians.load`.

    Returns
    -------
    Pairs
        ``before`` is ``load(seed=seed).test.take(rows)``; in ``after``, attributes and masks are those of the changed
        pictures. Its `attribute` is as given, the column of the table is ``tone`` for both changes of tone.

    Raises
    ------
    DatasetError
        If there is no such attribute, value, split, row or knob.
    ValueError
        If `seed` is none, see :func:`helpers.contracts.check_seed`.

    References
    ----------
    J. Pearl, "Causality", 2nd edition, 2009, sections 4.5 (direct and indirect effects) and 7.1 (counterfactuals as the
    same noise under another intervention).
    """
    value = str(value)
    check_change(attribute, value, CHANGES)
    check_split_name(split, SPLITS)
    chosen = check_rows(rows)
    check_seed(seed)
    lacking = lacking_share(thin)
    check_low_contrast(low_contrast)
    chunks, place = np.unique(chosen // CHUNK, return_inverse=True)
    seeds = [conditions.seeds(SPLITS.index(split), int(chunk), seed) for chunk in chunks]
    plans = [conditions.plan(decide, lacking if split == "train" else 0.0) for decide, _ in seeds]
    changed = [_changed(plan, attribute, value) for plan in plans]
    at = place * CHUNK + chosen % CHUNK
    before, after = (_drawn(each, [draw for _, draw in seeds], low_contrast, at) for each in (plans, changed))
    return Pairs(attribute, value, before, after)


def _drawn(plans: list[Plan], seeds: list[np.random.SeedSequence], low_contrast: bool, at: NDArray[np.intp]) -> Split:
    drawn = [scene.draw(plan, seed, low_contrast) for plan, seed in zip(plans, seeds, strict=True)]
    return as_split({name: rows[at] for name, rows in as_arrays(plans, drawn).items()})


def _changed(plan: Plan, attribute: str, value: str) -> Plan:
    """The same decisions, but for one."""
    if attribute in ("tone", EQUAL_CONTRAST):
        tone = np.full_like(plan.tone, int(value))
        return replace(plan, tone=tone, brightness=tone if attribute == "tone" else plan.brightness)
    code = list(CONDITIONS[attribute]).index(value)
    return replace(plan, **{attribute: np.full_like(getattr(plan, attribute), code)})
