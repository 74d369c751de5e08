"""Street crops with and without a pedestrian, 32x32 RGB, **drawn** here from a seed, to ask whom a detector misses.

Nobody in these pictures exists. They are flat drawings for learning how to find and explain a disparity: no number that
is measured on them says anything about real people, real cameras or a real detector, and the tones of the Monk scale
serve as ten colours with a name. What drawing buys is that the causes are known, because they were planted:

* **contrast**: by day everybody's skin stands out from the street behind it as much; at dusk and at night it gives back
  as much light as its tone does, and what dark skin gives back hardly differs from the street (``low_contrast``);
* **sample size**: the training split holds hardly anybody of the tones 6 to 10 at night (``thin``).

Nothing else hangs on the tone: whether somebody is there, light, clothes, hair, pose, distance, what hides him and the
street are drawn without a look at it. Each cause is a knob of :func:`load`, and any one attribute can be drawn again
with everything else equal (:func:`counterfactual_pairs`). With neither cause the course's network finds dark and light
tones equally often, to within two points: the measurement `planted_disparity`, over ten trainings.

What is decided about a picture is in `conditions`, the drawing in `scene` (with every constant that makes people hard
to see), `street`, `things`, `person` and `shapes`, the same scene with one attribute changed in `pairs`. The knobs are
read in `knobs`, and from stored arrays to a split it goes in `store`.
"""

from __future__ import annotations

import sys

from numpy.typing import NDArray

from helpers import cache as cached_files
from helpers.contracts import check_seed
from helpers.datasets import painting
from helpers.datasets import store as files
from helpers.datasets.base import Dataset, Split
from helpers.datasets.splits import check_size

from . import conditions, knobs, person, scene, shapes, store, street, things
from .conditions import CHUNK, CLASS_NAMES, CONDITIONS, SPLITS
from .pairs import CHANGES, counterfactual_pairs

__all__ = ["CHANGES", "CLASS_NAMES", "CONDITIONS", "counterfactual_pairs", "load"]

DEFAULTS = {"train": 9_600, "calibration": 2_400, "test": 8_400}
"""Sizes of the splits where none are given."""

_DRAWING_CODE = (sys.modules[__name__], painting, files, conditions, person, scene, shapes, store, street, things)


def load(
    train: int | None = None,
    calibration: int | None = None,
    test: int | None = None,
    seed: int = 0,
    *,
    thin: bool | float = True,
    low_contrast: bool = True,
    cache: bool = True,
) -> Dataset:
    """Draw streets with and without a pedestrian, or read them from the cache where they were drawn before.

    Parameters
    ----------
    train, calibration, test : int, optional
        Pictures in each split: 9,600, 2,400 and 8,400 if left out. A smaller split is the beginning of a larger one,
        and no split depends on the sizes of the others. Both classes come with each tone and each light equally often
        (exactly so in every 60 pictures), but for what `thin` takes from the training split.
    seed : int
        At least 0. Labels and attributes are the same on every machine, pixels within 1/255.
    thin : bool or float in [0, 1]
        Share of the training pictures of tones 6 to 10 at night that are missing: their tone is drawn anew from 1 to 5,
        and all else about them stays. True means 0.97, False 0. Calibration and test are never thin.
    low_contrast : bool
        Whether skin gives back as much light as its tone does at dusk and at night, so that dark skin has little
        contrast there. If not, everybody's skin differs from what is behind it as much as by day: light tones (1 to 5)
        are brighter than it by 55 to 75%, dark ones (6 to 10) darker by as much, in the hue of their tone.
    cache : bool
        Whether to keep what is drawn in :func:`helpers.cache.cache_directory`.

    Returns
    -------
    Dataset
        Classes: street, pedestrian. Attributes: ``tone`` (1 to 10 on the Monk scale), ``light`` (day, dusk, night),
        ``clothing`` (light, dark), ``distance`` (near, middle, far), ``occlusion`` (none, post, bush, car: what stands
        in front of the person's place), ``contrast`` (Weber contrast of the skin, its luminance over that of what is
        behind it, less 1; measured in the drawing, before lens and noise). Masks: ``person`` and ``skin``, the pixels
        that visibly show them.

        Where nobody is, tone and clothing are those of a person who could have been there: drawn in the same way and
        shown nowhere, so that each group has streets to raise false alarms on; they say nothing about the picture, and
        ``contrast`` is NaN. Distance is that of the place, where mostly something else stands (a sign, a bin, a tree);
        light and occluder are as with people.

    Raises
    ------
    DatasetError
        If a size or a knob cannot be.
    ValueError
        If `seed` is none, see :func:`helpers.contracts.check_seed`.
    helpers.errors.CacheError
        If the drawn pictures cannot be written to the cache.

    References
    ----------
    E. Monk, "The Monk Skin Tone Scale", 2023, https://skintone.google: the ten colours.
    """
    sizes = {"train": train, "calibration": calibration, "test": test}
    for name, size in sizes.items():
        check_size(name, size)
    check_seed(seed)
    lacking = knobs.lacking_share(thin)
    knobs.check_low_contrast(low_contrast)
    splits = {}
    for name, asked in sizes.items():
        size = DEFAULTS[name] if asked is None else int(asked)
        splits[name] = _split(name, size, int(seed), lacking if name == "train" else 0.0, bool(low_contrast), cache)
    return Dataset("pedestrians", CLASS_NAMES, splits["train"], splits["calibration"], splits["test"])


def _split(name: str, n: int, seed: int, lacking: float, low_contrast: bool, keep: bool) -> Split:
    """One split, from the cache or drawn now."""
    if not keep:
        return store.as_split(_draw(name, n, seed, lacking, low_contrast))
    asked = {"split": name, "n": n, "seed": seed, "lacking": lacking, "low_contrast": low_contrast}
    key = cached_files.key(**asked, code=cached_files.code_version(*_DRAWING_CODE))
    path = cached_files.cache_directory() / "pedestrians" / f"{name}-{n}-{key}.npz"
    arrays = files.read(path)
    if arrays is None:
        arrays = _draw(name, n, seed, lacking, low_contrast)
        files.write(path, arrays)
    return store.as_split(arrays)


def _draw(name: str, n: int, seed: int, lacking: float, low_contrast: bool) -> dict[str, NDArray]:
    """Draw `n` pictures in chunks with seeds of their own; arrays by name, as they are stored."""
    plans, drawn = [], []
    for chunk in range(-(-n // CHUNK)):
        decide, draw = conditions.seeds(SPLITS.index(name), chunk, seed)
        plans.append(conditions.plan(decide, lacking))
        drawn.append(scene.draw(plans[-1], draw, low_contrast))
    return {name: rows[:n] for name, rows in files.as_arrays(plans, drawn).items()}
