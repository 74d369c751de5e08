"""Argo CD in small: what its projects let through, when it follows, and what it refuses. Models, read off its source.

`refused` does what `AppProject.IsSourcePermitted`, `IsDestinationPermitted` and `IsGroupKindNamePermitted` do
(argo-cd v3.5.1, pkg/apis/application/v1alpha1/app_project_types.go), and `Following.rollback` what the server does
(server/application/application.go, line 2276). No Argo CD runs here.
"""

import os
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from tests.deploy.kustomize import rendered

IN_CLUSTER = "https://kubernetes.default.svc"
NAMESPACE = "vigilant"


def group_of(thing: dict) -> str:
    group, slash, _ = thing["apiVersion"].partition("/")
    return group if slash else ""


def used(objects: list[dict]) -> tuple[set, set]:
    """Kinds of namespaced objects, and kinds with names of those that lie in no namespace."""
    inside = {(group_of(each), each["kind"]) for each in objects if "namespace" in each["metadata"]}
    outside = {
        (group_of(each), each["kind"], each["metadata"]["name"])
        for each in objects
        if "namespace" not in each["metadata"]
    }
    return inside, outside


# ---- what a project lets through


def _listed(entries: list[dict], thing: dict) -> bool:
    name = thing["metadata"]["name"]
    return any(
        fnmatchcase(group_of(thing), each["group"])
        and fnmatchcase(thing["kind"], each["kind"])
        and fnmatchcase(name, each.get("name") or "*")
        for each in entries
    )


def refused(project: dict, application: dict, objects: list[dict]) -> Iterator[str]:
    """What of an application's objects its project does not let through."""
    said, source, to = project["spec"], application["spec"]["source"], application["spec"]["destination"]
    if not any(fnmatchcase(source["repoURL"], each) for each in said.get("sourceRepos", [])):
        yield f"source {source['repoURL']}"
    for each in objects:
        namespace = each["metadata"].get("namespace")
        if namespace:
            allowed = said.get("namespaceResourceWhitelist")  # none at all: every kind
            fits = allowed is None or _listed(allowed, each)
            place = any(
                fnmatchcase(to["server"], one["server"]) and fnmatchcase(namespace, one["namespace"])
                for one in said.get("destinations", [])
            )
        else:
            fits, place = _listed(said.get("clusterResourceWhitelist") or [], each), True
        if not fits or not place:
            yield f"{each['kind']} {each['metadata']['name']} in {namespace}"


# ---- what ours have to keep


def project_of(objects):
    return next(each for each in objects if each["kind"] == "AppProject")


def applications_of(objects):
    return [each for each in objects if each["kind"] == "Application"]


def sources_are_pinned(objects, followed):
    repositories = project_of(objects)["spec"].get("sourceRepos", [])
    if len(repositories) != 1 or set("*?[!") & set("".join(repositories)):
        yield f"the project takes {repositories}: one repository is wanted, and no pattern"
    for each in applications_of(objects):
        if each["spec"].get("source", {}).get("repoURL") not in repositories or "sources" in each["spec"]:
            yield f"{each['metadata']['name']} follows another repository"


def destination_is_pinned(objects, followed):
    wanted = {"server": IN_CLUSTER, "namespace": NAMESPACE}
    if project_of(objects)["spec"].get("destinations") != [wanted]:
        yield f"the project goes to other places than {wanted}"
    for each in applications_of(objects):
        if each["spec"]["destination"] != wanted:
            yield f"{each['metadata']['name']} goes to {each['spec']['destination']}"


def kinds_are_those_that_are_used(objects, followed):
    said, (inside, outside) = project_of(objects)["spec"], used(followed)
    listed = said.get("namespaceResourceWhitelist") or [{"group": "*", "kind": "*"}]
    yield from (f"{each} differs" for each in {(one["group"], one["kind"]) for one in listed} ^ inside)
    named = {(one["group"], one["kind"], one.get("name")) for one in said.get("clusterResourceWhitelist", [])}
    yield from (f"{each} differs" for each in named ^ outside)


def nobody_else_uses_the_project(objects, followed):
    said = project_of(objects)
    for each in applications_of(objects):
        if each["spec"]["project"] != said["metadata"]["name"]:
            yield f"{each['metadata']['name']} is in the project {each['spec']['project']}"
    if said["spec"].get("sourceNamespaces") or said["spec"].get("roles"):
        yield "applications of other namespaces, or roles, may use the project"


def repository_is_followed(objects, followed):
    for each in applications_of(objects):
        policy = each["spec"].get("syncPolicy", {})
        automated = policy.get("automated") or {"enabled": False}
        if not (automated.get("enabled", True) and automated.get("prune") and automated.get("selfHeal")):
            yield f"{each['metadata']['name']} does not follow: automated, prune and selfHeal are wanted"
        if automated.get("allowEmpty"):
            yield f"{each['metadata']['name']} takes an empty folder for an order to delete all"
        if not policy.get("retry", {}).get("limit"):
            yield f"{each['metadata']['name']} tries once"
        options = set(policy.get("syncOptions", []))
        if "ServerSideApply=true" not in options or options & {"Replace=true", "Force=true", "Validate=false"}:
            yield f"{each['metadata']['name']} applies in another way ({options})"


def deleting_ends_the_following_alone(objects, followed):
    for each in objects:
        if each["metadata"].get("finalizers"):
            yield f"{each['metadata']['name']} has finalizers: its objects go with it, or it hangs"


RULES = (
    sources_are_pinned,
    destination_is_pinned,
    kinds_are_those_that_are_used,
    nobody_else_uses_the_project,
    repository_is_followed,
    deleting_ends_the_following_alone,
)


# ---- following, and going back


class Refused(Exception):
    """What Argo CD's server answers (FailedPrecondition)."""


class Following:
    """One application that follows a folder of a repository: a model of the few things that going back hangs on."""

    def __init__(self, application: dict, repository: Path):
        self.policy = application["spec"]["syncPolicy"]
        self.folder = repository / application["spec"]["source"]["path"]
        self.repository = repository
        self.live: list[dict] = []
        self.history: list[tuple[str, list[dict]]] = []

    def head(self) -> str:
        return git(self.repository, "rev-parse", "HEAD")

    def wanted(self) -> list[dict]:
        return rendered(self.folder)

    @property
    def is_synced(self) -> bool:
        return self.live == self.wanted()

    def look(self) -> None:
        """What happens every few minutes by itself."""
        automated = self.policy.get("automated")
        if automated and not self.is_synced:
            known = self.history and self.history[-1][0] == self.head()
            if not known or automated.get("selfHeal"):
                self.live = self.wanted()
                self.history.append((self.head(), self.live))

    def rollback(self, number: int) -> None:
        if self.policy.get("automated"):
            raise Refused("rollback cannot be initiated when auto-sync is enabled")
        self.live = self.history[number][1]


def git(repository: Path, *arguments: str) -> str:
    """Git without any setting of this machine."""
    name = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    asked = ["git", "-C", str(repository), *name, *arguments]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
