"""What Argo CD is given: valid, pinned to what is used, and what going back means while it follows. No Argo CD runs."""

import shutil
from copy import deepcopy

import pytest

from deploy.__main__ import main
from deploy.manifests import ARGOCD, WAYS, write_argocd, write_overlay
from helpers.errors import CourseError
from helpers.serving import make_keys
from tests.conftest import ROOT
from tests.deploy import gitops, monitored
from tests.deploy.kustomize import rendered
from tests.deploy.schemas import invalid

CRDS = {
    "Application": "argo-cd-v3.5.1-application-crd.yaml",
    "AppProject": "argo-cd-v3.5.1-appproject-crd.yaml",
}
DIGEST = "sha256:" + "0123456789abcdef" * 4
IMAGE, BUNDLE = f"registry.example.org/vision/service@{DIGEST}", f"registry.example.org/vision/bundle@{DIGEST}"
REPOSITORY = "https://git.example.org/you/vigilant-vision.git"


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    _, public = make_keys(tmp_path_factory.mktemp("argocd") / "keys")
    return public


@pytest.fixture(scope="module")
def followed(key, tmp_path_factory):
    """All that the two applications may bring: both ways of the service, and what watches it."""
    folder, objects = tmp_path_factory.mktemp("overlays"), monitored.objects()
    for way in WAYS:
        write_overlay(folder / way, way, image=IMAGE, bundle=BUNDLE, key=key, least_serial=1)
        objects += rendered(folder / way)
    return objects


@pytest.fixture(scope="module")
def committed():
    return rendered(ARGOCD)


@pytest.fixture
def objects(committed):
    return deepcopy(committed)


def problems(objects, followed):
    return [problem for rule in gitops.RULES for problem in rule(objects, followed)]


def one(objects, kind, name=""):
    return next(each for each in objects if each["kind"] == kind and each["metadata"]["name"].endswith(name))


def test_every_object_is_valid_to_the_last_field(objects):
    assert [each["kind"] for each in objects] == ["AppProject", "Application", "Application"]
    assert {each["metadata"]["name"]: invalid(each, CRDS) for each in objects if invalid(each, CRDS)} == {}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("AppProject", lambda spec: spec.update(sourceRepo=["https://example.org"])),
        ("AppProject", lambda spec: spec["namespaceResourceWhitelist"][0].pop("kind")),
        ("Application", lambda spec: spec["syncPolicy"]["automated"].update(selfheal=True)),
        ("Application", lambda spec: spec["syncPolicy"]["retry"].update(limit="five")),
        ("Application", lambda spec: spec.pop("project")),
    ],
)
def test_a_wrong_field_is_found(objects, kind, change):
    change(one(objects, kind)["spec"])
    assert invalid(one(objects, kind), CRDS) != []
    assert invalid(one(objects, kind) | {"kind": "ApplicationSit"}, CRDS) != []  # no schema: wrong


def test_every_rule_is_kept(objects, followed):
    assert problems(objects, followed) == []


def on_project(change):
    return lambda objects: change(one(objects, "AppProject")["spec"])


def on_application(change):
    return lambda objects: change(one(objects, "Application", "service"))


EVERYTHING = {"group": "*", "kind": "*"}
PLANTED = [
    ("kinds_are_those_that_are_used", on_project(lambda s: s["namespaceResourceWhitelist"].append(EVERYTHING))),
    ("kinds_are_those_that_are_used", on_project(lambda s: s["clusterResourceWhitelist"].append(EVERYTHING))),
    ("kinds_are_those_that_are_used", on_project(lambda s: s["clusterResourceWhitelist"][0].pop("name"))),
    ("kinds_are_those_that_are_used", on_project(lambda s: s.pop("namespaceResourceWhitelist"))),
    ("kinds_are_those_that_are_used", on_project(lambda s: s["namespaceResourceWhitelist"].pop())),
    (
        "kinds_are_those_that_are_used",
        on_project(lambda s: s["namespaceResourceWhitelist"].append({"group": "", "kind": "Secret"})),
    ),
    ("sources_are_pinned", on_project(lambda s: s.update(sourceRepos=["*"]))),
    ("sources_are_pinned", on_project(lambda s: s["sourceRepos"].append("https://foreign.example.org/x.git"))),
    (
        "sources_are_pinned",
        on_application(lambda a: a["spec"]["source"].update(repoURL="https://foreign.example.org/x.git")),
    ),
    ("destination_is_pinned", on_project(lambda s: s["destinations"][0].update(namespace="*"))),
    ("destination_is_pinned", on_project(lambda s: s["destinations"][0].update(server="*"))),
    ("destination_is_pinned", on_application(lambda a: a["spec"]["destination"].update(namespace="kube-system"))),
    ("nobody_else_uses_the_project", on_application(lambda a: a["spec"].update(project="default"))),
    ("nobody_else_uses_the_project", on_project(lambda s: s.update(sourceNamespaces=["*"]))),
    ("repository_is_followed", on_application(lambda a: a["spec"]["syncPolicy"].pop("automated"))),
    ("repository_is_followed", on_application(lambda a: a["spec"]["syncPolicy"]["automated"].update(enabled=False))),
    ("repository_is_followed", on_application(lambda a: a["spec"]["syncPolicy"]["automated"].pop("prune"))),
    ("repository_is_followed", on_application(lambda a: a["spec"]["syncPolicy"]["automated"].update(allowEmpty=True))),
    ("repository_is_followed", on_application(lambda a: a["spec"]["syncPolicy"].pop("retry"))),
    ("repository_is_followed", on_application(lambda a: a["spec"]["syncPolicy"]["syncOptions"].append("Force=true"))),
    (
        "deleting_ends_the_following_alone",
        on_application(lambda a: a["metadata"].update(finalizers=["resources-finalizer.argocd.argoproj.io"])),
    ),
]


@pytest.mark.parametrize(("rule", "change"), PLANTED)
def test_a_planted_violation_is_found(objects, followed, rule, change):
    change(objects)
    assert list(getattr(gitops, rule)(objects, followed)) != []


def test_every_rule_finds_something():
    assert {rule for rule, _ in PLANTED} == {rule.__name__ for rule in gitops.RULES}


# ---- what the project lets through


def test_all_that_is_ours_gets_through(objects, followed):
    project = one(objects, "AppProject")
    for each in gitops.applications_of(objects):
        assert list(gitops.refused(project, each, followed)) == []


def thing(kind, version="v1", name="planted", namespace="vigilant"):
    where = {"namespace": namespace} if namespace else {}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name} | where}


@pytest.mark.parametrize(
    "planted",
    [
        thing("Secret"),
        thing("CronJob", "batch/v1"),
        thing("Role", "rbac.authorization.k8s.io/v1"),
        thing("Deployment", "extensions/v1beta1"),
        thing("ConfigMap", namespace="kube-system"),
        thing("ClusterRole", "rbac.authorization.k8s.io/v1", namespace=""),
        thing("Namespace", name="kube-system", namespace=""),
    ],
    ids=lambda each: f"{each['kind']}-{each['metadata'].get('namespace', 'cluster')}",
)
def test_what_is_not_ours_does_not(objects, followed, planted):
    project, application = one(objects, "AppProject"), one(objects, "Application", "service")
    assert len(list(gitops.refused(project, application, [*followed, planted]))) == 1
    # A project that lists nothing but the wildcard lets all of it through: the model can say yes.
    everywhere = {"server": "*", "namespace": "*"}
    project["spec"] |= {"destinations": [everywhere], "clusterResourceWhitelist": [EVERYTHING]}
    project["spec"]["namespaceResourceWhitelist"] = [EVERYTHING]
    assert list(gitops.refused(project, application, [planted])) == []


def test_a_foreign_repository_does_not(objects, followed):
    project, application = one(objects, "AppProject"), one(objects, "Application", "service")
    application["spec"]["source"]["repoURL"] += "x"
    assert len(list(gitops.refused(project, application, followed))) == 1


# ---- the overlay that names the repository


def test_the_overlay_puts_your_repository_in(followed, tmp_path):
    write_argocd(tmp_path, repository=REPOSITORY, revision="release", path="clusters/one")
    objects = rendered(tmp_path)
    assert problems(objects, followed) == []
    assert [each for each in objects if invalid(each, CRDS)] == []
    assert one(objects, "AppProject")["spec"]["sourceRepos"] == [REPOSITORY]
    sources = {each["metadata"]["name"]: each["spec"]["source"] for each in gitops.applications_of(objects)}
    ours = {"repoURL": REPOSITORY, "targetRevision": "release"}
    assert sources == {
        "vigilant-service": ours | {"path": "clusters/one"},
        "vigilant-monitoring": ours | {"path": "deploy/monitoring"},
    }
    assert (ROOT / sources["vigilant-monitoring"]["path"] / "kustomization.yaml").is_file()


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "*",
        "https://git.example.org/*",
        "https://vigilant-repository.invalid/yours.git",
        "example.org",
        "../here",
    ],
)
def test_a_repository_that_is_none_is_refused(capsys, tmp_path, wrong):
    with pytest.raises(CourseError, match="the address of one of yours is wanted"):
        write_argocd(tmp_path / "out", repository=wrong)
    assert main(["argocd", "--repository", wrong, "--out", str(tmp_path / "out")]) == 1
    assert "no address is made up" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "good", [REPOSITORY, "git@git.example.org:you/v.git", "ssh://git@git.example.org:22/you/v.git"]
)
def test_the_command_writes_where_it_says(capsys, tmp_path, good):
    assert main(["argocd", "--repository", good, "--out", str(tmp_path)]) == 0
    assert str(tmp_path / "kustomization.yaml") in capsys.readouterr().out


# ---- going back


@pytest.fixture
def repository(key, tmp_path):
    """Somebody's repository: our objects, and an overlay, committed twice, the second time with another image."""
    place = tmp_path / "yours"
    shutil.copytree(ROOT / "deploy" / "kubernetes", place / "deploy" / "kubernetes")
    gitops.git(tmp_path, "init", str(place))

    def release(image, serial):
        overlay = place / "releases" / "service"
        path = write_overlay(overlay, "service", image=image, bundle=BUNDLE, key=key, least_serial=serial)
        # Written in this checkout, it names this checkout's folder; in theirs it names theirs.
        text = path.read_text()
        start = text.index('"resources": [') + len('"resources": [')
        path.write_text(f'{text[:start]}"../../deploy/kubernetes/service"{text[text.index("]", start) :]}')
        gitops.git(place, "add", ".")
        gitops.git(place, "commit", "-m", f"serial {serial}")

    release(IMAGE, 1)
    return place, release


def test_rollback_is_refused_and_a_revert_is_a_new_commit_with_the_old_objects(objects, repository):
    place, release = repository
    following = gitops.Following(one(objects, "Application", "service"), place)
    following.look()
    first, before = following.head(), following.live
    release(IMAGE.replace("service@", "other@"), 2)
    following.look()
    second, after = following.head(), following.live
    assert after != before

    with pytest.raises(gitops.Refused, match="auto-sync is enabled"):
        following.rollback(0)
    assert following.live == after

    gitops.git(place, "revert", "--no-edit", "HEAD")
    following.look()
    assert following.live == before
    assert following.head() not in (first, second)
    assert gitops.git(place, "rev-parse", "HEAD^") == second  # what was released stays in the history
    assert [commit for commit, _ in following.history] == [first, second, following.head()]


def test_why_it_has_to_be_refused(objects, repository):
    """With automated sync switched off a rollback works, and is undone as soon as somebody switches it on again."""
    place, release = repository
    following = gitops.Following(one(objects, "Application", "service"), place)
    following.look()
    before = following.live
    release(IMAGE.replace("service@", "other@"), 2)
    following.look()
    after, automated = following.live, following.policy.pop("automated")
    following.rollback(0)
    assert following.live == before
    assert not following.is_synced  # the repository says something else than what runs
    following.look()
    assert following.live == before
    following.policy["automated"] = automated
    following.look()
    assert following.live == after
