"""kubectl as a subprocess, JSON in and out: whatever cluster the current kubeconfig names."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from helpers.errors import CourseError

Thing = dict[str, Any]
"""A Kubernetes object."""

_REQUEST = 30  # seconds that one request may take
_KILLED = 90  # seconds until a kubectl that hangs is ended


class KubectlError(CourseError):
    """What kubectl, or the cluster behind it, refused."""

    @property
    def is_missing(self) -> bool:
        """Whether the cluster says that there is no such thing, and not that it is in trouble."""
        return "(NotFound)" in str(self) or "the server doesn't have a resource type" in str(self)


class Kubectl:
    """One cluster's kubectl.

    Parameters
    ----------
    program : str
        Its name or path.
    """

    def __init__(self, program: str = "kubectl") -> None:
        self._program = program

    def said(self, *arguments: str, given: Sequence[Thing] = ()) -> tuple[str, str]:
        """Run it.

        Parameters
        ----------
        *arguments : str
            What follows ``kubectl``.
        given : sequence of dict
            Sent to its standard input, a document each. (A List is validated in another way, and not strictly.)

        Returns
        -------
        tuple of str
            Its output, and what it wrote to its standard error: warnings, and noise of login helpers.

        Raises
        ------
        KubectlError
            If there is no such program, it does not end, or it (or the cluster) refuses.
        """
        command = [self._program, *arguments]
        sent = "\n".join(map(json.dumps, given))
        try:
            status, output, errors = _ended(command, sent)
        except FileNotFoundError:
            raise KubectlError(
                f"there is no program {self._program!r} here. Install it (https://kubernetes.io/docs/tasks/tools/)"
            ) from None
        except subprocess.TimeoutExpired:
            raise KubectlError(f"'kubectl {' '.join(arguments[:3])}' has not ended after {_KILLED} s") from None
        if status:
            raise KubectlError(" ".join(errors.split()) or f"kubectl ended with status {status}")
        return output, errors

    def json(self, *arguments: str, given: Sequence[Thing] = ()) -> Any:
        """Run it for an object, as :meth:`said` does.

        Parameters
        ----------
        *arguments : str
            What follows ``kubectl``; ``-o json`` is added.
        given : sequence of dict
            Sent to its standard input.

        Returns
        -------
        object
            What it wrote.

        Raises
        ------
        KubectlError
            As :meth:`said`, or if what it wrote is not JSON.
        """
        return _read(self.said(*arguments, "-o", "json", f"--request-timeout={_REQUEST}s", given=given)[0], arguments)

    def get(self, kind: str, name: str, namespace: str) -> Thing:
        """Read one object.

        Parameters
        ----------
        kind, name, namespace : str
            Which.

        Returns
        -------
        dict
            The object.

        Raises
        ------
        KubectlError
            If it is not there (``is_missing``), or cannot be read.
        """
        found: Thing = self.json("get", kind, name, f"--namespace={namespace}")
        return found

    def pods(self, namespace: str, labels: Mapping[str, str]) -> list[Thing]:
        """List pods.

        Parameters
        ----------
        namespace : str
            Where.
        labels : mapping of str to str
            All of which they have.

        Returns
        -------
        list of dict
            The pods, those that are ending included.
        """
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        found: list[Thing] = self.json("get", "pods", f"--namespace={namespace}", f"--selector={selector}")["items"]
        return found

    def apply(self, things: Sequence[Thing], *, dry: bool = False) -> tuple[list[Thing], str]:
        """Apply objects, the server's side deciding: admission, defaults and unknown fields included.

        Parameters
        ----------
        things : sequence of dict
            Which.
        dry : bool
            Whether everything but storing is done.

        Returns
        -------
        tuple of list of dict and str
            The objects as the cluster has (or would have) them, and its warnings.

        Raises
        ------
        KubectlError
            If one was refused, or did not come back.
        """
        flags = ["--server-side", "--validate=strict", "--field-manager=vigilant-check"]
        flags += ["--dry-run=server"] if dry else []
        asked = ["apply", *flags, "-f", "-", "-o", "json", f"--request-timeout={_REQUEST}s"]
        output, warnings = self.said(*asked, given=things)
        answered = _read(output, asked)
        warnings = " ".join(line for line in warnings.splitlines() if line.startswith("Warning:"))
        back: list[Thing] = answered["items"] if answered["kind"] == "List" else [answered]
        lost = {_named(each) for each in things} - {_named(each) for each in back}
        if lost:
            raise KubectlError(f"applied without an error, and not there: {', '.join(sorted(lost))}")
        return back, warnings

    def try_pod(self, pod: Thing) -> None:
        """Ask whether a pod would be let in; none is made.

        Parameters
        ----------
        pod : dict
            With its namespace.

        Raises
        ------
        KubectlError
            If it is refused.
        """
        self.json("create", "--dry-run=server", "-f", "-", given=[pod])

    def serves(self, group: str, version: str) -> bool:
        """Ask whether the cluster knows an interface, such as ``serving.kserve.io`` in ``v1beta1``.

        Parameters
        ----------
        group, version : str
            Which.

        Returns
        -------
        bool
            False where there is none, or nobody answers for it.

        Raises
        ------
        KubectlError
            If the cluster itself does not answer.
        """
        try:
            self.said("get", "--raw", f"/apis/{group}/{version}", f"--request-timeout={_REQUEST}s")
        except KubectlError as error:
            if error.is_missing or "(ServiceUnavailable)" in str(error):
                return False
            raise
        return True

    def log(self, pod: str, namespace: str) -> list[Thing]:
        """Read the JSON lines that a pod has written.

        Parameters
        ----------
        pod, namespace : str
            Which.

        Returns
        -------
        list of dict
            A line each; none where it has not begun.
        """
        try:
            text, _ = self.said("logs", pod, f"--namespace={namespace}", f"--request-timeout={_REQUEST}s")
        except KubectlError as error:
            if "BadRequest" in str(error):  # its container has not begun
                return []
            raise
        whole = text[: text.rfind("\n") + 1].splitlines()
        return [json.loads(line) for line in whole if line.startswith("{")]

    def rendered(self, folder: Path) -> list[Thing]:
        """Render a kustomization, as ``kubectl apply -k`` would.

        Parameters
        ----------
        folder : pathlib.Path
            Where its ``kustomization.yaml`` lies.

        Returns
        -------
        list of dict
            The objects.
        """
        return list(yaml.safe_load_all(self.said("kustomize", str(folder))[0]))


def _ended(command: list[str], sent: str) -> tuple[int, str, str]:
    # A session of its own: Ctrl-C is for us, who then clean up through kubectl. (subprocess.run would leave a zombie.)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8", start_new_session=True
    ) as process:
        try:
            output, errors = process.communicate(sent, timeout=_KILLED)
        except BaseException:
            process.kill()
            process.wait()
            raise
    return process.returncode, output, errors


def _named(thing: Thing) -> str:
    return f"{thing['kind']} {thing['metadata']['name']}"


def _read(output: str, arguments: Sequence[str]) -> Any:
    try:
        return json.loads(output)
    except ValueError:
        raise KubectlError(f"'kubectl {' '.join(arguments[:3])}' wrote no JSON: {output[:200]!r}") from None
