"""The bundle of the course's own network: what notebook 01 trains, packed with what the notebooks measured of it."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.contracts import LARGEST_RUN_SEED, check_seed
from helpers.serving.cards import data_card
from helpers.serving.packing import pack
from helpers.serving.release import NETWORK, JudgedRun, decision_on
from helpers.serving.release_card import release_card

if TYPE_CHECKING:
    from helpers.datasets import Dataset
    from helpers.scorecard import Record

REFERENCE = 1000
"""Training pictures that strangeness is measured from: every answer looks at all of them."""


def pack_spine(
    path: str | os.PathLike[str],
    private_key: str | os.PathLike[str],
    *,
    budget: str = "quick",
    seed: int = 0,
    version: str = "1.0.0",
    serial: int = 1,
    records: Iterable[Record] | None = None,
) -> Path:
    """Pack the network that goes through all notebooks, on road signs; it is trained first where none has done so.

    Parameters
    ----------
    path : path-like
        The bundle's folder, which must not exist.
    private_key : path-like
        PEM of the key to sign with.
    budget : {"quick", "full"}
        As in notebook 01.
    seed : int
        As in notebook 01.
    version : str
        Text for people.
    serial : int
        Larger than that of every bundle before it.
    records : iterable of Record, optional
        What was measured; what ``build/scorecard.json`` holds if not given. The bundle takes :func:`records_to_pack`.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    BundleError, ValueError
        As :func:`helpers.serving.pack`.
    """
    from helpers import datasets, models, scorecard

    data = datasets.load("signs", **datasets.split_sizes("signs", budget), seed=seed)
    model = models.spine(data, budget, seed=seed).model
    measured = scorecard.read() if records is None else records
    digest = models.digest(model)
    packed = records_to_pack(measured, digest, budget, seed)
    key = inspect.unwrap(scorecard.notebook_key)  # as it is now: not what this process keeps since its start
    code = {notebook: key(notebook) for notebook in sorted({one.notebook for one in packed})}
    run = JudgedRun(seed, budget, code)
    return pack(
        path,
        model,
        name=f"{data.name}-course-cnn",
        version=version,
        serial=serial,
        class_names=data.class_names,
        reference=data.train.take(slice(REFERENCE)).images,
        calibration=(data.calibration.images, data.calibration.labels),
        card=release_card(decision_on(packed, asdict(run) | {"model_digest": digest})),
        data=_data_card(data),
        scorecard=[asdict(record) for record in packed],
        private_key=private_key,
        run=run,
    )


def records_to_pack(records: Iterable[Record], digest: str, budget: str, seed: int) -> list[Record]:
    """Choose what a bundle of the course's network takes along: what was measured of it, and what its release hangs on.

    Some thresholds are on other networks: one that was made to cheat shows whether the maps would find it.

    Parameters
    ----------
    records : iterable of Record
        Of a scorecard.
    digest : str
        Its weights, of :func:`helpers.models.digest`.
    budget, seed : str, int
        Of its run.

    Returns
    -------
    list of Record
        Those of these weights; and of other networks, in this run, those that a threshold is on.

    Raises
    ------
    ValueError
        If `seed` is none.
    """
    from helpers.scorecard import read_thresholds

    run = (budget, check_seed(seed, LARGEST_RUN_SEED))
    asked = {threshold.key for threshold in read_thresholds() if threshold.model != NETWORK}
    return [
        one
        for one in records
        if one.model_digest == digest
        or ((one.axis, one.metric, one.dataset, one.model) in asked and (one.budget, one.seed) == run)
    ]


def _data_card(data: Dataset) -> dict[str, Any]:
    return data_card(
        data.name,
        "Small road signs of ten classes, 32 by 32 pixels, in all weathers.",
        data.class_names,
        {"train": len(data.train.labels), "calibration": len(data.calibration.labels), "test": len(data.test.labels)},
        version="1.0.0",
        published="2026-11-27",
        url="urn:vigilant-vision:dataset:signs",
        license="https://creativecommons.org/licenses/by/4.0/",
        creator="Vigilant Vision",
        collection="Drawn by helpers.datasets.signs from a seed: nobody was photographed.",
        limitations="Drawn pictures are easier than a camera's, and know only the weather that somebody thought of.",
    )
