"""The steps of the course's pipeline: each takes folders that earlier steps have filled, and fills one of its own.

They run here, one after the other, and as containers of a Kubeflow pipeline, each in a pod that shares nothing with the
others but these folders and a volume with the course's build folder. So each looks at what it was handed before it
works with it: pictures that are drawn again must be those that were drawn, what is packed the network that was judged.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.contracts import LARGEST_RUN_SEED, check_seed
from helpers.pipeline.files import DATA, MODEL, SCORECARD, VERDICT, PipelineError, read_json, write_json
from helpers.serving.release import NETWORK

if TYPE_CHECKING:
    from helpers.datasets import Dataset

BUNDLE = "bundle"
"""The folder of a bundle in what a step hands on."""

_DATASET = "signs"
_NOTEBOOK = "01"


def draw_data(out: Path, *, budget: str = "quick", seed: int = 0) -> None:
    """Draw the road signs, and name them by their digest.

    The pictures themselves stay in the cache: they come again from the seed, wherever a later step runs, and that step
    compares digests.

    Parameters
    ----------
    out : pathlib.Path
        Gets ``data.json``: data set, budget, seed, and the SHA-256 of each split's pixels and labels.
    budget : {"quick", "full"}
        As in the notebooks.
    seed : int
        As in the notebooks.

    Raises
    ------
    ValueError
        If `seed` or `budget` is none.
    """
    write_json(out / DATA, _said_of_data(budget, check_seed(seed, LARGEST_RUN_SEED)))


def train_model(data: Path, out: Path) -> None:
    """Execute notebook 01, and hand on the network that it has trained.

    Parameters
    ----------
    data : pathlib.Path
        Of :func:`draw_data`.
    out : pathlib.Path
        Gets the executed notebook, ``model.keras`` and ``model.json``, which names the weights. The notebook's records
        go to the course's scorecard, as always.

    Raises
    ------
    PipelineError
        If the notebook fails, or the pictures are not the ones that were drawn.
    """
    from helpers import datasets, models

    said = read_json(data / DATA)
    budget, seed = said["budget"], said["seed"]
    if _said_of_data(budget, seed) != said:
        raise PipelineError(
            f"the pictures of seed {seed} are not the ones that {data / DATA} names: it was changed, or other code "
            "drew them. Run the step 'data' with this version of helpers"
        )
    _execute([_NOTEBOOK], budget, seed, out)
    drawn = datasets.load(_DATASET, **datasets.split_sizes(_DATASET, budget), seed=seed)
    model = models.spine(drawn, budget, seed=seed).model
    models.save_keras(model, out / "model.keras")
    write_json(out / MODEL, {"model": NETWORK, "digest": models.digest(model), "budget": budget, "seed": seed})


def measure_model(model: Path, out: Path, *, notebooks: str = "") -> None:
    """Execute the notebooks that measure the network, and hand on what is on record of this seed and budget.

    Parameters
    ----------
    model : pathlib.Path
        Of :func:`train_model`.
    out : pathlib.Path
        Gets ``scorecard.json``, and the executed notebooks.
    notebooks : str
        Numbers with a space between, such as ``"02 03"``; where none is given, nothing runs and the records are those
        that there are. The gate says which are missing or of older code.

    Raises
    ------
    PipelineError
        If a notebook fails.
    """
    from helpers import scorecard

    said = read_json(model / MODEL)
    budget, seed = said["budget"], said["seed"]
    if notebooks.split():
        _execute(notebooks.split(), budget, seed, out)
    records = [record for record in scorecard.read() if (record.seed, record.budget) == (seed, budget)]
    write_json(out / SCORECARD, [asdict(record) for record in records])


def package_model(
    model: Path, measured: Path, verdict: Path, out: Path, *, version: str = "1.0.0", serial: int = 1
) -> None:
    """Pack the network that was judged, with what was measured of it, and no key of the release at hand.

    It is signed by a key that is thrown away when this step ends: so that the step that signs can see that nothing was
    lost on the way. Who packed it, that signature does not say.

    Parameters
    ----------
    model, measured, verdict : pathlib.Path
        Of :func:`train_model`, :func:`measure_model` and :func:`helpers.pipeline.release_gate`.
    out : pathlib.Path
        Gets ``bundle`` and ``public.pem``.
    version : str
        Text for people.
    serial : int
        Larger than that of every bundle before it.

    Raises
    ------
    PipelineError
        If the verdict is not *go* or of other weights (a gate that was answered from a cache gives yesterday's), or
        what would be packed is not what was judged.
    BundleError, ValueError
        As :func:`helpers.serving.pack`.
    """
    from helpers.serving import make_keys, pack_spine

    said, allowed = read_json(model / MODEL), read_json(verdict / VERDICT)
    _check_verdict(said, allowed)
    _check_weights(said)
    with tempfile.TemporaryDirectory(prefix="package-") as folder:
        private, public = make_keys(folder)
        settings: dict[str, Any] = {"budget": said["budget"], "seed": said["seed"]}
        bundle = pack_spine(out / BUNDLE, private, version=version, serial=serial, **settings)
        (out / "public.pem").write_bytes(public.read_bytes())
    _check_records(said, measured, bundle)


def sign_package(package: Path, out: Path, *, private_key: Path) -> None:
    """Sign a package with the key of the release. No other step needs that key.

    Parameters
    ----------
    package : pathlib.Path
        Of :func:`package_model`.
    out : pathlib.Path
        Gets ``bundle``.
    private_key : pathlib.Path
        PEM of the key.

    Raises
    ------
    PipelineError
        If there is no such key.
    BundleError
        If the package is not whole.
    """
    from helpers.serving import verified, write_bundle

    if not private_key.is_file():
        raise PipelineError(f"there is no key at {private_key}; helpers.serving.make_keys makes a pair")
    contents = verified(package / BUNDLE, package / "public.pem").contents
    write_bundle(out / BUNDLE, contents, private_key)


# ---- what is looked at before it is worked with


def _said_of_data(budget: str, seed: int) -> dict[str, Any]:
    from helpers import datasets

    drawn = datasets.load(_DATASET, **datasets.split_sizes(_DATASET, budget), seed=seed)
    return {"dataset": _DATASET, "budget": budget, "seed": seed, "digests": _digests(drawn)}


def _digests(drawn: Dataset) -> dict[str, str]:
    splits = {"train": drawn.train, "calibration": drawn.calibration, "test": drawn.test}
    return {
        name: hashlib.sha256(split.pixels.tobytes() + split.labels.tobytes()).hexdigest()
        for name, split in splits.items()
    }


def _execute(numbers: list[str], budget: str, seed: int, folder: Path) -> None:
    from helpers.course.layout import select, student_path
    from helpers.course.run import run_notebooks

    given = {"budget": budget, "seed": seed}
    for outcome in run_notebooks([student_path(source) for source in select(numbers)], given=given, folder=folder):
        if outcome.status != "ok":
            raise PipelineError(f"{outcome}. What it did until then lies in {folder / 'notebooks'}")


def _check_verdict(said: dict[str, Any], allowed: dict[str, Any]) -> None:
    if allowed.get("go") is not True or allowed.get("model_digest") != said["digest"]:
        raise PipelineError(
            f"the verdict is {allowed.get('verdict')!r} of weights {allowed.get('model_digest')}, and a 'go' of "
            f"{said['digest']} is wanted: nothing is packed that was not judged. Run the gate again, not from a cache"
        )


def _check_weights(said: dict[str, Any]) -> None:
    from helpers import datasets, models

    drawn = datasets.load(_DATASET, **datasets.split_sizes(_DATASET, said["budget"]), seed=said["seed"])
    digest = models.digest(models.spine(drawn, said["budget"], seed=said["seed"]).model)
    if digest != said["digest"]:
        raise PipelineError(
            f"the network here has weights {digest}, and {said['digest']} were judged. Do the steps share the "
            "course's cache (VIGILANT_CACHE)?"
        )


def _check_records(said: dict[str, Any], measured: Path, bundle: Path) -> None:
    from helpers.scorecard import read
    from helpers.serving import records_to_pack

    judged = records_to_pack(read(measured / SCORECARD), said["digest"], said["budget"], said["seed"])
    if read(bundle / SCORECARD) != judged:
        raise PipelineError(
            "the scorecard in the bundle is not the one that was judged: something was measured in between. Run the "
            "pipeline from the step 'measure' on"
        )
