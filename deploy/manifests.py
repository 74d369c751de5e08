"""The last step before Kubernetes: overlays with images, key, least serial or repository; a pipeline with its image."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from deploy.images import ROOT, checked
from helpers.cache import written_whole
from helpers.errors import CourseError
from helpers.scorecard.outcomes import NOT_GO

ARGOCD = ROOT / "deploy" / "argocd"
KUBERNETES = ROOT / "deploy" / "kubernetes"
PIPELINE = ROOT / "deploy" / "pipeline" / "pipeline.yaml"
WAYS = ("service", "kserve")
"""Plain Kubernetes objects, or KServe's."""

_HEAD: dict[str, Any] = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_REPOSITORY = re.compile(r"(https|ssh)://[\w.@:-]+/[\w./~-]+|git@[\w.-]+:[\w./~-]+")


def write_overlay(
    folder: Path,
    way: str,
    *,
    image: str,
    bundle: str,
    key: Path,
    least_serial: int,
    despite_verdict: str | None = None,
    local: bool = False,
) -> Path:
    """Write a kustomization that ``kubectl apply -k`` takes.

    Parameters
    ----------
    folder : pathlib.Path
        Where to; made if needed, and what it held of an earlier overlay is replaced.
    way : {"service", "kserve"}
        Which objects.
    image, bundle : str
        The service's image and the bundle's, by digest.
    key : pathlib.Path
        PEM of the public key whose owner's bundles are trusted.
    least_serial : int
        Bundles below it are refused: what was once served is not served again in a newer one's place. Pods forget, so
        it stands here, where a change is seen.
    despite_verdict : str, optional
        The verdict of the release decision in spite of which the bundle is served: it stands here, where it is seen.
    local : bool
        Whether the images stay on this machine, as for :func:`deploy.images.checked`.

    Returns
    -------
    pathlib.Path
        The ``kustomization.yaml``.

    Raises
    ------
    CourseError
        If an address is not set or has no digest, there is no such key, what is given is a private one, or the verdict
        is none that needs to be named.
    """
    if way not in WAYS or least_serial < 1:
        raise CourseError(f"wanted: one of {', '.join(WAYS)}, and a serial from 1; got {way!r} and {least_serial}")
    if despite_verdict not in (None, *NOT_GO):
        raise CourseError(f"the verdict is one of {', '.join(NOT_GO)}, or not named; got {despite_verdict!r}")
    names = {"vigilant-service": checked(image, "the service's image", local=local)}
    names["vigilant-bundle"] = checked(bundle, "the bundle's image", local=local)
    _check_key(key)
    settings = {"VIGILANT_LEAST_SERIAL": str(least_serial)}
    settings |= {} if despite_verdict is None else {"VIGILANT_DESPITE_VERDICT": despite_verdict}
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(key, folder / "public.pem")
    return _written(folder, "manifests", _kustomization(folder, way, names, settings))


def write_argocd(folder: Path, *, repository: str, revision: str = "main", path: str = "releases/service") -> Path:
    """Write a kustomization of Argo CD's objects that follow a repository of yours.

    Parameters
    ----------
    folder : pathlib.Path
        Where to; made if needed.
    repository : str
        The repository that is followed: the project takes no other.
    revision : str
        Its branch.
    path : str
        The folder in it that :func:`write_overlay` wrote.

    Returns
    -------
    pathlib.Path
        The ``kustomization.yaml``.

    Raises
    ------
    CourseError
        If the repository is not set, or is a pattern: a pattern takes others, too.
    """
    if not _REPOSITORY.fullmatch(repository) or ".invalid/" in repository:
        raise CourseError(
            f"the repository is {repository!r}, and the address of one of yours is wanted, as 'git clone' takes it, "
            "such as https://git.example.org/you/vigilant.git: nothing has been published, and no address is made up"
        )
    source = {"repoURL": repository, "targetRevision": revision}
    patches = [
        _patch("AppProject", "vigilant", {"/spec/sourceRepos": [repository]}),
        _patch("Application", ".*", {f"/spec/source/{name}": value for name, value in source.items()}),
        _patch("Application", "vigilant-service", {"/spec/source/path": path}),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    said = _HEAD | {"resources": [os.path.relpath(ARGOCD, folder.resolve())], "patches": patches}
    return _written(folder, "argocd", said)


def _patch(kind: str, name: str, values: dict[str, Any]) -> dict[str, Any]:
    steps = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
    return {"target": {"kind": kind, "name": name}, "patch": json.dumps(steps)}


def _written(folder: Path, command: str, kustomization: dict[str, Any]) -> Path:
    path, said = folder / "kustomization.yaml", json.dumps(kustomization, indent=2)
    with written_whole(path) as temporary:  # JSON is YAML
        temporary.write_text(f"# Written by 'python -m deploy {command}'.\n{said}\n", encoding="utf-8")
    return path


def write_pipeline(path: Path, *, image: str, local: bool = False) -> Path:
    """Write the compiled pipeline as Kubeflow takes it: with the address of the image that its steps run in.

    Parameters
    ----------
    path : pathlib.Path
        Where to.
    image : str
        The course's image, by digest.
    local : bool
        Whether it stays on this machine, as for :func:`deploy.images.checked`.

    Returns
    -------
    pathlib.Path
        The same.

    Raises
    ------
    CourseError
        If the address is not set or has no digest.
    """
    address = checked(image, "the course's image", local=local)
    text = PIPELINE.read_text(encoding="utf-8")
    with written_whole(path) as temporary:
        temporary.write_text(text.replace("image: vigilant-course\n", f"image: {address}\n"), encoding="utf-8")
    return path


def _kustomization(folder: Path, way: str, names: dict[str, str], settings: dict[str, str]) -> dict[str, Any]:
    literals = [f"{name}={value}" for name, value in settings.items()]
    maps: list[dict[str, Any]] = [
        {"name": "vigilant-settings", "literals": literals},
        {"name": "vigilant-key", "files": ["public.pem"]},
    ]
    return _HEAD | {
        "resources": [os.path.relpath(KUBERNETES / way, folder.resolve())],
        "images": [_renamed(name, image) for name, image in names.items()],
        "configMapGenerator": [each | {"namespace": "vigilant"} for each in maps],
    }


def _renamed(name: str, image: str) -> dict[str, str]:
    called, _, digest = image.partition("@")
    if digest:
        return {"name": name, "newName": called, "digest": digest}
    called, _, tag = image.rpartition(":")
    return {"name": name, "newName": called, "newTag": tag}


def _check_key(key: Path) -> None:
    text = key.read_text(encoding="utf-8", errors="replace") if key.is_file() else ""
    if "PRIVATE" in text or "PUBLIC KEY" not in text:
        raise CourseError(
            f"{key} is no public key in PEM. A cluster gets the public one alone ('vigilant serve' leaves it in "
            "build/keys/public.pem); the private one stays where bundles are signed"
        )
