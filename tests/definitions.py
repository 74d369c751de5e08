"""Definitions that other projects publish (schemas, default values), which the tests check our files against.

They are looked for in the cache, then in ``../shared/schemas`` beside the checkout, then on the network at the
projects' release tags. Wherever they come from, what they say must have the digest that stands here.
"""

import functools
import hashlib
import json
from copy import deepcopy
from pathlib import Path

import yaml

from helpers.cache import cache_directory
from helpers.datasets import DatasetUnavailable, sources
from tests.conftest import ROOT, missing

_Z2JH = "https://raw.githubusercontent.com/jupyterhub/zero-to-jupyterhub-k8s/4.4.0/jupyterhub"
_KSERVE = "https://raw.githubusercontent.com/kserve/kserve/v0.20.0"
_ARGO = "https://raw.githubusercontent.com/argoproj/argo-cd/v3.5.1/manifests/crds"
_PROMETHEUS = (
    "https://raw.githubusercontent.com/prometheus-community/helm-charts/kube-prometheus-stack-88.5.3"
    "/charts/kube-prometheus-stack/charts/crds/crds"
)
# File name beside the checkout: digest of its meaning, and the file at the release tag with the digest of its bytes.
PUBLISHED = {
    "argo-cd-v3.5.1-application-crd.yaml": (
        "0711847ea6a03b759b7fd3c8166d7154dba698499d7c278c39293c3892bcaab1",
        f"{_ARGO}/application-crd.yaml",
        "5dde0e229249b6b707beb98674c1deae3949d5c319a6c45b9f5a80c99618e40c",
    ),
    "argo-cd-v3.5.1-appproject-crd.yaml": (
        "af30929c5895ddeff1f74bdcabc9e5b85f26602391da1ff243e53d3c881bab9a",
        f"{_ARGO}/appproject-crd.yaml",
        "ab225266944322750136f1198d93786e4a79a0e43c8d149abfba44da30a3eac8",
    ),
    "z2jh-4.4.0-values.schema.json": (
        "bdce1b50e8fd35b684e0a403d08509390d419d4029fe9a914f8df3c744e83227",
        f"{_Z2JH}/values.schema.yaml",
        "1d9d48ee343efda1140edfc3de4d8ec4113ae9173bf9e44b83f19c2ca335a0dc",
    ),
    "z2jh-4.4.0-values.yaml": (
        "5eb403e77c2ecf843b12801fcb82acb94c13e4f5681af890cdc31367837f3c50",
        f"{_Z2JH}/values.yaml",
        "d61742ce43e33262bb8fa0d68b6b9e7a7b229a3c7ce6d5a08cf97788c0ba796b",
    ),
    "kserve-v0.20.0-inferenceservice-crd.yaml": (
        "edb67087f53155aa06b3ef762c6109043fa6b0315e4f7b8239dc1590bfc9f063",
        f"{_KSERVE}/config/crd/full/serving.kserve.io_inferenceservices.yaml",
        "57c3bf13f77de94678bf2ae3748056ec071ad2b9e88d6a28f44fb4710758fcff",
    ),
    "kube-prometheus-stack-88.5.3-crd-prometheusrules.yaml": (
        "04dbb40321c37dfd7aceab0ce5aa93d585864e7162c2f78d80ecc6a968506da0",
        f"{_PROMETHEUS}/crd-prometheusrules.yaml",
        "72b1e5f9959e67990d1598eb31b24ca4415007e31df3916356ef216316b2bf40",
    ),
    "kube-prometheus-stack-88.5.3-crd-servicemonitors.yaml": (
        "8133963d69da051a5ffc6be64d1539fa235267c49d62cd6c8ddf12b3d19e1a53",
        f"{_PROMETHEUS}/crd-servicemonitors.yaml",
        "3322d612f23bf144c887c94bf247b0b4a69189adf37c0d482d2c6267ffe906ab",
    ),
}


def without_prose(value):
    """Leave the descriptions out: the packaged chart carries its schema without them."""
    if isinstance(value, dict):
        return {
            key: without_prose(item)
            for key, item in value.items()
            if not (key == "description" and isinstance(item, str))
        }
    return [without_prose(item) for item in value] if isinstance(value, list) else value


def meaning(content) -> str:
    """Digest what a YAML or JSON file says, whatever its spelling."""
    return hashlib.sha256(json.dumps(without_prose(content), sort_keys=True).encode()).hexdigest()


def definition(name: str):
    """Read a published definition as plain objects."""
    return deepcopy(_read(name))


@functools.cache
def _read(name: str):
    digest, url, of_bytes = PUBLISHED[name]
    cached = cache_directory() / "definitions" / name
    beside = ROOT.parent / "shared" / "schemas" / name
    path = next((path for path in (cached, beside) if path.is_file()), cached)
    if not path.is_file():
        try:
            sources.download(url, path, of_bytes, most_bytes=5_000_000)
        except (OSError, DatasetUnavailable) as error:
            missing(f"{name}, which is neither in {beside.parent} nor to be had from {url} ({error})")
    text = Path(path).read_text()
    try:
        content = json.loads(text)
    except ValueError:
        # KServe's is 2 MB: 3 s by the loader in Python, 0.6 by the one in C.
        content = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    assert meaning(content) == digest, f"{path} is not the {name} that was published"
    return content
