"""Try the service end to end on the cluster that the current kubeconfig names: ``python -m deploy.check --help``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.check.check import Check, Settings
from deploy.check.kubectl import Kubectl, Thing
from deploy.check.removal import removed_at_the_end
from deploy.check.report import Patience, Report
from deploy.check.steps import run_steps
from deploy.images import ROOT
from deploy.manifests import WAYS, write_overlay
from helpers.cache import build_directory
from helpers.errors import CourseError
from helpers.scorecard.outcomes import NOT_GO

_ENDS = """
exit status: 0 every step passed; 1 one failed; 3 none failed, and some could not be tried on this cluster;
130 interrupted.
Everything lies in namespaces of the check's own, and goes with them at the end.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the check.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed; taken from the process if not given.

    Returns
    -------
    int
        As in :attr:`deploy.check.report.Report.status`; 130 after Ctrl-C or a signal.
    """
    options = _parser().parse_args(arguments)
    settings = Settings(
        options.image,
        options.bundle,
        options.key,
        options.least_serial,
        Patience(options.timeout, options.pause),
        options.rate,
        options.keep,
        options.despite_verdict,
    )
    kubectl, report = Kubectl(), Report(lambda line: print(line, flush=True))
    try:
        check = Check(settings, kubectl, rendered(settings, kubectl))
    except CourseError as error:
        print(f"cluster-check: {error}", file=sys.stderr)
        return 1
    print(f"{check.name}: image {settings.image}, bundle {settings.bundle}", flush=True)
    try:
        with removed_at_the_end(check, report):
            run_steps(check, report)
    except KeyboardInterrupt as why:
        print(f"cluster-check: interrupted ({why or 'Ctrl-C'})", file=sys.stderr)
        return 130
    counts = {state: sum(each.state == state for each in report.lines) for state in ("passed", "FAILED", "not tried")}
    print(f"{counts['passed']} passed, {counts['FAILED']} failed, {counts['not tried']} not tried")
    return report.status


def rendered(settings: Settings, kubectl: Kubectl) -> dict[str, list[Thing]]:
    """Render all that is sent.

    Parameters
    ----------
    settings : Settings
        Images, key and serial.
    kubectl : Kubectl
        Renders; no cluster is asked.

    Returns
    -------
    dict of str to list of dict
        Objects by where they come from.

    Raises
    ------
    CourseError
        If an image or the key is not set, or kubectl is not there.
    """
    found = {name: kubectl.rendered(ROOT / "deploy" / name) for name in ("monitoring", "argocd")}
    with tempfile.TemporaryDirectory() as folder:
        for way in WAYS:
            write_overlay(
                Path(folder) / way,
                way,
                image=settings.image,
                bundle=settings.bundle,
                key=settings.key,
                least_serial=settings.least_serial,
                despite_verdict=settings.despite_verdict,
                local=True,
            )
            found[way] = kubectl.rendered(Path(folder) / way)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.check",
        description=__doc__,
        epilog=_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--image", default="", help="the service's image, as the nodes pull it: by digest, or a tag")
    parser.add_argument("--bundle", default="", help="the bundle's image")
    parser.add_argument("--key", type=Path, default=build_directory() / "keys" / "public.pem", help="its public key")
    parser.add_argument("--least-serial", type=int, default=1, metavar="N", help="refuse bundles below (default: 1)")
    parser.add_argument(
        "--despite-verdict", choices=NOT_GO, help="serve a bundle whose release decision is this one, and no other"
    )
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds that each thing is waited for (300)")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two looks (1)")
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second of the load (20)")
    parser.add_argument("--keep", action="store_true", help="leave everything there, to look at it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
