"""A pipeline in miniature: models that are a line of JSON, scorecards that keep every threshold, bundles of nothing."""

import dataclasses
import json
import shutil
from dataclasses import asdict
from pathlib import Path

from helpers import serving
from helpers.pipeline import Step, publish_bundle, release_gate, sign_package
from helpers.scorecard import read_thresholds
from tests.scorecard.cards import CODE, beyond, good_card

THRESHOLDS = read_thresholds()
SEED = 10  # of the good cards
FIRST = THRESHOLDS[0]


def code_of(notebook: str) -> str:
    """What the records of these cards say they were made by, whatever the notebook."""
    return CODE


def card(digest: str, worse: bool = False) -> list[dict]:
    """Records that keep every threshold, or all but the first; the network's own are of these weights."""
    records = good_card(THRESHOLDS)
    if worse:
        records[0] = beyond(FIRST, "low", 0.01)
    named = {"course_cnn": digest}
    records = [dataclasses.replace(one, model_digest=named.get(one.model, one.model_digest)) for one in records]
    return json.loads(json.dumps([asdict(one) for one in records]))


def train(out: Path) -> None:
    """A good network."""
    write(out / "model.json", {"model": "course_cnn", "digest": "good", "budget": "quick", "seed": SEED})


def train_worse(out: Path) -> None:
    """A worse one."""
    write(out / "model.json", {"model": "course_cnn", "digest": "worse", "budget": "quick", "seed": SEED})


def measure(model: Path, out: Path) -> None:
    """What is on record of it."""
    digest = json.loads((model / "model.json").read_text())["digest"]
    write(out / "scorecard.json", card(digest, worse=digest == "worse"))


def put(model: Path, measured: Path, out: Path, *, place: Path) -> None:
    """Put it where the newest one lies."""
    place.mkdir(exist_ok=True)
    shutil.copy(model / "model.json", place)
    shutil.copy(measured / "scorecard.json", place)


def package(model: Path, verdict: Path, out: Path, *, serial: int) -> None:
    """A bundle of it, which does not ask of which network the verdict is."""
    digest = json.loads((model / "model.json").read_text())["digest"]
    keys = serving.make_keys(out / "keys")
    bundle(out / "bundle", keys[0], serial, digest)
    keys[1].rename(out / "public.pem")


def bundle(path: Path, private_key: Path, serial: int, what: str = "", name: str = "signs") -> Path:
    """A signed bundle whose model is a few letters."""
    manifest = {"format": 1, "name": name, "version": "1", "serial": serial, "shape": [1, 1, 3], "class_names": ["a"]}
    contents = dict.fromkeys(serving.FILES, what.encode()) | {"manifest.json": json.dumps(manifest).encode()}
    return serving.write_bundle(path, contents, private_key)


def steps(folder: Path, serial: int = 1) -> tuple[Step, ...]:
    """Train, measure, gate, package, sign, publish; the gate, the signing and the registry are the course's own."""
    keys = folder / "keys"
    if not keys.exists():
        serving.make_keys(keys)
    registry = {"registry": folder / "registry", "trusted_key": keys / "public.pem"}
    return (
        Step("train", train),
        Step("measure", measure, {"model": "train"}, cached=False),
        Step("gate", release_gate, {"model": "train", "measured": "measure"}, cached=False),
        Step("package", package, {"model": "train", "verdict": "gate"}, {"serial": serial}, cached=False),
        Step("sign", sign_package, {"package": "package"}, {"private_key": keys / "private.pem"}, cached=False),
        Step("publish", publish_bundle, {"signed": "sign"}, registry, cached=False),
    )


def changed(pipeline: tuple[Step, ...], name: str, **changes) -> tuple[Step, ...]:
    """The same pipeline with one step changed."""
    return tuple(dataclasses.replace(step, **changes) if step.name == name else step for step in pipeline)


def write(path: Path, value) -> None:
    """Write JSON."""
    path.write_text(json.dumps(value))
