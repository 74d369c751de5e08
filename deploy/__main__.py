"""Build the service's image, say what it holds, and write what Kubernetes is given: ``python -m deploy --help``."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.images import bill_of_materials, build_command, bundle_command
from deploy.manifests import WAYS, write_argocd, write_overlay, write_pipeline
from helpers.cache import build_directory
from helpers.errors import CourseError
from helpers.scorecard.outcomes import NOT_GO


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed; taken from the process if not given.

    Returns
    -------
    int
        0, 1 if it cannot be done, or what Docker or Podman gave back.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except CourseError as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    build = commands.add_parser("build", help="build the service's image")
    build.add_argument("base", help="Debian 12 by its digest: debian@sha256:...")
    build.add_argument("name", help="what to call the image")
    build.set_defaults(command=_build)
    bundle = commands.add_parser("bundle", help="make an image of a signed bundle")
    bundle.add_argument("bundle", type=Path, help="its folder, such as build/bundle")
    bundle.add_argument("service", help="the service's image")
    bundle.add_argument("name", help="what to call the image")
    bundle.set_defaults(command=_bundle)
    for each in (build, bundle):
        each.add_argument("--engine", choices=("docker", "podman"), default="docker")
    sbom = commands.add_parser("sbom", help="list what of Python the image holds (CycloneDX)")
    sbom.set_defaults(command=_sbom)
    manifests = commands.add_parser("manifests", help="write the overlay that kubectl apply -k takes")
    manifests.add_argument("way", choices=WAYS, help="plain objects, or KServe's")
    manifests.add_argument("--image", default="", help="the service's image, by digest")
    manifests.add_argument("--bundle", default="", help="the bundle's image, by digest")
    manifests.add_argument("--key", type=Path, default=build_directory() / "keys" / "public.pem", help="public key")
    manifests.add_argument("--least-serial", type=int, default=1, metavar="N", help="refuse bundles below (default: 1)")
    manifests.add_argument(
        "--despite-verdict", choices=NOT_GO, help="serve a bundle whose release decision is this one, and no other"
    )
    manifests.add_argument("--out", type=Path, metavar="FOLDER", help="where to (default: build/kubernetes/WAY)")
    manifests.set_defaults(command=_manifests)
    pipeline = commands.add_parser("pipeline", help="write the compiled pipeline with the course's image in it")
    pipeline.add_argument("--image", default="", help="the course's image, by digest")
    pipeline.add_argument("--out", type=Path, metavar="FILE", help="where to (default: build/pipeline/pipeline.yaml)")
    pipeline.set_defaults(command=_pipeline)
    argocd = commands.add_parser("argocd", help="write the overlay of what Argo CD follows")
    argocd.add_argument("--repository", default="", metavar="URL", help="your repository, which holds the overlay")
    argocd.add_argument("--revision", default="main", help="its branch (default: main)")
    argocd.add_argument("--path", default="releases/service", help="the overlay in it (default: releases/service)")
    argocd.add_argument("--out", type=Path, metavar="FOLDER", help="where to (default: build/argocd)")
    argocd.set_defaults(command=_argocd)
    for each in (build, manifests, pipeline):
        each.add_argument("--local", action="store_true", help="for this machine alone: a tag will do")
    return parser


def _build(options: argparse.Namespace) -> int:
    return _executed(build_command(options.engine, options.base, options.name, local=options.local))


def _bundle(options: argparse.Namespace) -> int:
    return _executed(bundle_command(options.engine, options.bundle, options.service, options.name))


def _executed(command: list[str]) -> int:
    print(shlex.join(command), flush=True)
    return subprocess.run(command, check=False).returncode


def _sbom(options: argparse.Namespace) -> int:
    print(bill_of_materials(), end="")
    return 0


def _manifests(options: argparse.Namespace) -> int:
    path = write_overlay(
        options.out or build_directory() / "kubernetes" / options.way,
        options.way,
        image=options.image,
        bundle=options.bundle,
        key=options.key,
        least_serial=options.least_serial,
        despite_verdict=options.despite_verdict,
        local=options.local,
    )
    print(f"written: {path}\nlook at it with 'kubectl kustomize {path.parent}', apply it with 'kubectl apply -k'")
    return 0


def _pipeline(options: argparse.Namespace) -> int:
    path = options.out or build_directory() / "pipeline" / "pipeline.yaml"
    print(f"written: {write_pipeline(path, image=options.image, local=options.local)}")
    return 0


def _argocd(options: argparse.Namespace) -> int:
    given = {name: getattr(options, name) for name in ("repository", "revision", "path")}
    path = write_argocd(options.out or build_directory() / "argocd", **given)
    print(f"written: {path}\nlook at it with 'kubectl kustomize {path.parent}', apply it once, with 'kubectl apply -k'")
    return 0


if __name__ == "__main__":
    sys.exit(main())
