"""What the chart makes of our values: Helm's merge, and the user's pod from the real KubeSpawner."""

import asyncio
import functools
from copy import deepcopy
from unittest.mock import Mock, patch

import yaml
from jupyterhub import orm
from kubernetes_asyncio.client import ApiClient
from kubespawner import KubeSpawner
from traitlets.config import Config

from tests.conftest import ROOT
from tests.definitions import definition

HUB = ROOT / "jupyterhub"
# What 'vigilant release' writes, with a digest of nothing.
IMAGE = {"singleuser": {"image": {"name": "registry.example/course@sha256", "tag": "0" * 64}}}
_SECRETS = {"api_token": "none", "oauth_client_id": "none"}
SETUPS = {
    "workshop": ("overlays/workshop.yaml", "site.example.yaml"),
    "course": ("overlays/course.yaml", "site.example.yaml"),
    "course-lti": ("overlays/course.yaml", "overlays/course-lti.yaml", "site-lti.example.yaml"),
    "staging": ("overlays/workshop.yaml", "overlays/staging.yaml", "site.example.yaml"),
}


@functools.cache
def _read(name: str) -> dict:
    return yaml.safe_load((HUB / name).read_text())


def merged(below: dict, above: dict) -> dict:
    """Lay values over values as Helm does: maps are merged, lists replaced, and null removes the key."""
    result = deepcopy(below)
    for key, value in above.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            old = result.get(key)
            result[key] = merged(old if isinstance(old, dict) else {}, value)
        else:
            result[key] = deepcopy(value)
    return result


def values_of(setup: str, image: dict = IMAGE, **changes: dict) -> dict:
    """Merge the chart's defaults, our values, the overlays of a setup, the image and some changes."""
    result = definition("z2jh-4.4.0-values.yaml")
    for name in ("values.yaml", *SETUPS[setup]):
        result = merged(result, _read(name))
    return merged(merged(result, image), changes)


def user_pod(traits: dict, profile: str | None = None) -> dict:
    """Build a student's pod from ``hub.config`` alone, as the API of Kubernetes would get it."""
    # What the chart would add from singleuser.*: an image, and nothing that matters for security.
    config = Config({"KubeSpawner": {"image": "registry.example/course@sha256:" + "0" * 64, **traits}})
    hub = Mock(spec_set=["public_host", "url", "base_url", "api_url"])
    hub.public_host, hub.url, hub.base_url, hub.api_url = "", "/hub/", "/hub/", "http://hub:8081/hub/api"
    user = Mock()
    user.name, user.url, user.id, user.groups = "ada", "/user/ada/", 1, []
    user.escaped_name = "ada"

    async def build():
        spawner = KubeSpawner(
            _mock=True, config=config, hub=hub, user=user, orm_spawner=orm.Spawner(name=""), **_SECRETS
        )
        spawner.user_options = {"profile": profile} if profile else {}
        await spawner.load_user_options()
        pod = await spawner.get_pod_manifest()
        async with ApiClient() as api:  # only to turn objects into what would be sent
            return api.sanitize_for_serialization(pod)

    api = "kubespawner.spawner"  # there is no Kubernetes to ask
    with patch(f"{api}.load_config"), patch(f"{api}.shared_client"):
        return asyncio.run(build())


_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def unrestricted(pod: dict) -> list[str]:
    """Say what in a pod breaks the restricted Pod Security standard (Kubernetes 1.28), and whether it holds a token."""
    spec = pod["spec"]
    shared = spec.get("securityContext", {})
    problems = [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    problems += [
        f"volume {volume['name']}" for volume in spec.get("volumes", []) if not (set(volume) - {"name"}) <= _VOLUMES
    ]
    if spec.get("automountServiceAccountToken") is not False:
        problems.append("a service account's token is mounted")
    if spec.get("serviceAccountName", "default") != "default":
        problems.append("a service account of its own")
    for container in spec["containers"] + spec.get("initContainers", []) + spec.get("ephemeralContainers", []):
        own = container.get("securityContext", {})
        name = container["name"]
        capabilities = own.get("capabilities", {})
        if own.get("privileged"):
            problems.append(f"{name}: privileged")
        if own.get("allowPrivilegeEscalation") is not False:
            problems.append(f"{name}: privilege escalation")
        if capabilities.get("drop") != ["ALL"] or set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"}:
            problems.append(f"{name}: capabilities")
        if not own.get("runAsNonRoot", shared.get("runAsNonRoot")) or 0 in (
            own.get("runAsUser"),
            shared.get("runAsUser"),
        ):
            problems.append(f"{name}: may be root")
        seccomp = own.get("seccompProfile", shared.get("seccompProfile", {}))
        if seccomp.get("type") not in ("RuntimeDefault", "Localhost"):
            problems.append(f"{name}: no seccomp profile")
        if own.get("procMount", "Default") != "Default":
            problems.append(f"{name}: /proc unmasked")
        if any(port.get("hostPort") for port in container.get("ports", [])):
            problems.append(f"{name}: a port of the machine")
    return problems
