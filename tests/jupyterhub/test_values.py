"""The hub on Kubernetes, as far as it can be judged without one: values, traits, roles, and the user's pod."""

import importlib
import importlib.metadata
import itertools
from copy import deepcopy

import jsonschema
import pytest
import yaml
from jupyterhub.app import JupyterHub
from jupyterhub.auth import Authenticator
from jupyterhub.scopes import scope_definitions
from jupyterhub.spawner import Spawner
from kubespawner import KubeSpawner
from traitlets import TraitError
from traitlets.config import Config

from tests.conftest import ROOT
from tests.definitions import definition
from tests.jupyterhub.chart import HUB, SETUPS, merged, unrestricted, user_pod, values_of

SCHEMA = definition("z2jh-4.4.0-values.schema.json")
KUBESPAWNER = values_of("workshop")["hub"]["config"]["KubeSpawner"]


def schema_problems(values: dict) -> list[str]:
    validator = jsonschema.Draft7Validator(SCHEMA)
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(values)]


def class_named(name: str):
    """Find the class that a section of hub.config sets, among those that a hub of the chart has."""
    known = {cls.__name__: cls for cls in (JupyterHub, Authenticator, Spawner, KubeSpawner)}
    for entry in importlib.metadata.entry_points(group="jupyterhub.authenticators"):
        if entry.value.rpartition(":")[2] == name:
            return entry.load()
    known["LTI13Authenticator"] = importlib.import_module("ltiauthenticator.lti13.auth").LTI13Authenticator
    return known[name]


def trait_problems(config: dict) -> list[str]:
    """Say which class or trait names in hub.config do not exist, or take no such value."""
    problems = []
    for section, traits in config.items():
        try:
            cls = class_named(section)
        except KeyError:
            problems.append(f"there is no class {section}")
            continue
        configurable = cls.class_traits(config=True)
        for name, value in traits.items():
            if name not in configurable:
                problems.append(f"{section} has no trait {name}")
                continue
            try:
                configurable[name].validate(cls.__new__(cls), value)
            except TraitError as error:
                problems.append(f"{section}.{name}: {error}")
    return problems


@pytest.mark.parametrize("setup", SETUPS)
def test_the_chart_takes_the_values(setup):
    assert schema_problems(values_of(setup)) == []


@pytest.mark.parametrize("setup", SETUPS)
def test_values_without_a_digest_do_not_render(setup):
    problems = schema_problems(values_of(setup, image={}))
    assert problems == [
        "singleuser/image: 'name' is a required property",
        "singleuser/image: 'tag' is a required property",
    ]


def test_a_mistyped_name_is_noticed_by_the_schema():
    assert schema_problems(values_of("workshop", singleuser={"memmory": {"limit": "2G"}})) != []


@pytest.mark.parametrize("setup", SETUPS)
def test_every_class_and_trait_exists(setup):
    assert trait_problems(values_of(setup)["hub"]["config"]) == []


@pytest.mark.parametrize(
    "config",
    [
        {"JupyterHub": {"admin_acess": False}},
        {"KubeSpawnr": {"privileged": False}},
        {"KubeSpawner": {"privileged": "never"}},
        {"GenericOAuthenticator": {"claim_name": "x"}},
    ],
)
def test_a_mistyped_trait_is_noticed(config):
    assert len(trait_problems(config)) == 1


@pytest.mark.parametrize("setup", SETUPS)
def test_the_authenticator_is_one_that_the_hub_has(setup):
    name = values_of(setup)["hub"]["config"]["JupyterHub"]["authenticator_class"]
    entries = {entry.name: entry for entry in importlib.metadata.entry_points(group="jupyterhub.authenticators")}
    if name in entries:
        cls = entries[name].load()
    else:
        module, _, attribute = name.rpartition(".")
        cls = getattr(importlib.import_module(module), attribute)
    assert issubclass(cls, Authenticator)
    # Its own section exists, so that the overlay sets up the one that it names.
    config = values_of(setup)["hub"]["config"]
    assert any(class_named(section) is cls for section in config)
    assert cls(config=Config(config)).admin_users == set()


@pytest.mark.parametrize("setup", SETUPS)
def test_what_a_release_never_has(setup):
    config = values_of(setup)["hub"]["config"]
    assert config["JupyterHub"]["admin_access"] is False
    assert config["JupyterHub"]["authenticator_class"] != "dummy"
    assert not any(traits.get("admin_users") for traits in config.values())


# --- the user's pod


@pytest.mark.parametrize(("setup", "profile"), list(itertools.product(SETUPS, [None, "course", "full"])))
def test_the_pod_is_restricted(setup, profile):
    pod = user_pod(values_of(setup)["hub"]["config"]["KubeSpawner"], profile)
    assert unrestricted(pod) == []
    (container,) = pod["spec"]["containers"]
    assert "initContainers" not in pod["spec"] or pod["spec"]["initContainers"] == []
    assert pod["spec"]["enableServiceLinks"] is False
    assert "ephemeral-storage" in container["resources"]["limits"]


@pytest.mark.parametrize(
    ("trait", "value", "problem"),
    [
        ("privileged", True, "notebook: privileged"),
        ("container_security_context", {}, "notebook: capabilities"),
        ("pod_security_context", {}, "notebook: no seccomp profile"),
        ("automount_service_account_token", True, "a service account's token is mounted"),
        ("allow_privilege_escalation", True, "notebook: privilege escalation"),
        ("uid", 0, "notebook: may be root"),
        ("extra_pod_config", {"hostNetwork": True}, "hostNetwork"),
        ("volumes", [{"name": "root", "hostPath": {"path": "/"}}], "volume root"),
        (
            "init_containers",
            [{"name": "block", "image": "x", "securityContext": {"privileged": True, "runAsUser": 0}}],
            "block: privileged",
        ),
    ],
)
def test_each_setting_is_needed(trait, value, problem):
    # The container's own context would hide a change of what stands below it.
    bare = {key: item for key, item in KUBESPAWNER.items() if key != "container_security_context"}
    needs_bare = trait in ("privileged", "allow_privilege_escalation", "uid", "pod_security_context")
    assert problem in unrestricted(user_pod({**(bare if needs_bare else KUBESPAWNER), trait: value}))


def test_the_container_context_wins_over_what_the_chart_sets():
    # singleuser.uid and allowPrivilegeEscalation become these traits; an overlay that loosens them changes nothing.
    loose = {"uid": 0, "privileged": True, "allow_privilege_escalation": True}
    assert unrestricted(user_pod({**KUBESPAWNER, **loose})) == []


def bytes_of(text) -> int:
    return KubeSpawner.mem_limit._validate(KubeSpawner.__new__(KubeSpawner), text)


def test_memory_is_what_the_notebooks_need():
    quick_budget, server = 1.8e9, 0.15e9
    for setup in SETUPS:
        for profile in values_of(setup)["hub"]["config"]["KubeSpawner"]["profile_list"]:
            got = profile["kubespawner_override"]
            assert bytes_of(got["mem_limit"]) >= quick_budget + server
            assert bytes_of(got["mem_guarantee"]) >= 0.85 * bytes_of(got["mem_limit"])
            assert got["cpu_guarantee"] == 0.05
            assert got["cpu_limit"] >= 2


def test_placeholders_are_as_large_as_students():
    values = values_of("workshop")
    profile = KUBESPAWNER["profile_list"][0]["kubespawner_override"]
    assert values["singleuser"]["memory"] == {"guarantee": profile["mem_guarantee"], "limit": profile["mem_limit"]}
    assert values["singleuser"]["cpu"] == {"guarantee": profile["cpu_guarantee"], "limit": profile["cpu_limit"]}
    assert values["scheduling"]["podPriority"]["enabled"]
    assert values["scheduling"]["userPlaceholder"]["replicas"] == 30
    assert values["prePuller"]["hook"]["enabled"]
    assert values["prePuller"]["continuous"]["enabled"]


@pytest.mark.parametrize("setup", SETUPS)
def test_the_network_is_closed(setup):
    singleuser = values_of(setup)["singleuser"]
    assert singleuser["cloudMetadata"]["blockWithIptables"] is False
    policy = singleuser["networkPolicy"]
    assert policy["enabled"]
    assert policy["ingress"] == policy["egress"] == policy["allowedIngressPorts"] == []
    allowed = {name for name, allow in policy["egressAllowRules"].items() if allow}
    assert not allowed & {"cloudMetadataServer", "privateIPs", "nonPrivateIPs"}


@pytest.mark.parametrize("setup", SETUPS)
def test_servers_end_when_nobody_uses_them(setup):
    cull = values_of(setup)["cull"]
    assert cull["enabled"]
    assert 0 < cull["timeout"] < cull["maxAge"] <= 86400


# --- roles


def test_the_instructor_is_no_admin():
    role = values_of("course")["hub"]["loadRoles"]["instructor"]
    assert {scope.partition("!")[0] for scope in role["scopes"]} <= set(scope_definitions)
    for scope in role["scopes"]:
        assert scope == "admin-ui" or scope.endswith("!group=students")
        # Filtered admin scopes are what the advisory GHSA-69wv-m5fw-2fhp is about.
        assert not scope.startswith(("admin:", "admin!", "inherit", "self", "shares", "tokens"))
    assert role["groups"] == ["instructors"]


# --- extraConfig


EXTRA = [(setup, name) for setup in SETUPS for name in values_of(setup)["hub"]["extraConfig"]]


@pytest.mark.parametrize(("setup", "name"), EXTRA)
def test_extra_config_compiles_and_accepts_its_setup(setup, name):
    hub = values_of(setup)["hub"]
    exec(compile(hub["extraConfig"][name], name, "exec"), {"c": Config(hub["config"])})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"JupyterHub": {"authenticator_class": "dummy"}}, "dummy authenticator"),
        ({"JupyterHub": {"authenticator_class": "jupyterhub.auth.DummyAuthenticator"}}, "dummy authenticator"),
        ({"JupyterHub": {"admin_access": True}}, "admin_access"),
        ({"Authenticator": {"admin_users": ["ada"]}}, "administrators together"),
        ({"SharedPasswordAuthenticator": {"admin_users": ["ada"]}}, "administrators together"),
        ({"JupyterHub": {"authenticator_class": "tmp", "admin_users": ["ada"]}}, "administrators together"),
    ],
)
def test_the_hub_refuses_to_start(changes, message):
    hub = values_of("workshop")["hub"]
    config = Config(merged(hub["config"], changes))
    with pytest.raises(SystemExit, match=f"refused: .*{message}"):
        exec(hub["extraConfig"]["90-refuse"], {"c": config})


def test_a_config_without_admin_access_is_refused():
    hub = deepcopy(values_of("workshop")["hub"])
    del hub["config"]["JupyterHub"]["admin_access"]
    with pytest.raises(SystemExit, match="admin_access"):
        exec(hub["extraConfig"]["90-refuse"], {"c": Config(hub["config"])})


# --- secrets


def test_secrets_stay_outside_git():
    assert "jupyterhub/site.yaml" in (ROOT / ".gitignore").read_text().splitlines()
    secret = ("password", "secret", "token", "client_id", "cookie")
    for file in [HUB / "values.yaml", *(HUB / "overlays").glob("*.yaml")]:
        found = [
            path
            for path, value in leaves(yaml.safe_load(file.read_text()))
            if not isinstance(value, bool) and any(word in path[-1].lower() for word in secret)
        ]
        assert found == [], file


def leaves(value, path=()):
    if not isinstance(value, dict):
        yield path, value
        return
    for key, item in value.items():
        yield from leaves(item, (*path, str(key)))


@pytest.mark.parametrize("file", [*(HUB / "overlays").glob("*.yaml"), HUB / "values.yaml"], ids=lambda file: file.stem)
def test_files_are_short_enough_to_read(file):
    assert len(file.read_text().splitlines()) <= (130 if file.stem == "values" else 30)
