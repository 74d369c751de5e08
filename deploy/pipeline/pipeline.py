"""The course's pipeline for Kubeflow: the steps of :mod:`helpers.pipeline`, each as a container of the course's image.

``pipeline.yaml`` beside it is what kfp's compiler makes of this file; the companion *pipeline* holds kfp::

    .venv/companions/pipeline/bin/python deploy/pipeline/pipeline.py

The containers run ``python -m helpers.pipeline STEP``: the image needs nothing of kfp, and no step installs anything.
"""
# No annotations from the future: kfp reads them, as they are.

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kfp import compiler, dsl, kubernetes  # type: ignore[import-not-found]

IMAGE = "vigilant-course"
"""Stands for the image until ``python -m deploy pipeline --image NAME@sha256:...`` puts its address there."""

COMPILED = Path(__file__).with_name("pipeline.yaml")
NOTEBOOKS = "02 03 04 05 06 07 08 09"
"""Those whose records the gate asks for, besides 01, which the step ``train`` executes."""


def _step(name: str, **given: Any) -> dsl.ContainerSpec:
    typed = [part for option, value in given.items() for part in (f"--{option.replace('_', '-')}", value)]
    return dsl.ContainerSpec(image=IMAGE, command=["python", "-m", "helpers.pipeline", name], args=typed)


@dsl.container_component
def data(budget: str, seed: int, out: dsl.Output[dsl.Artifact]):  # type: ignore[no-untyped-def]
    """Draw the road signs, and name them by their digest."""
    return _step("data", budget=budget, seed=seed, out=out.path)


@dsl.container_component
def train(data: dsl.Input[dsl.Artifact], out: dsl.Output[dsl.Model]):  # type: ignore[no-untyped-def]
    """Execute notebook 01, and hand on the network that it has trained."""
    return _step("train", data=data.path, out=out.path)


@dsl.container_component
def measure(model: dsl.Input[dsl.Model], notebooks: str, out: dsl.Output[dsl.Artifact]):  # type: ignore[no-untyped-def]
    """Execute the notebooks that measure it."""
    return _step("measure", model=model.path, notebooks=notebooks, out=out.path)


@dsl.container_component
def gate(  # type: ignore[no-untyped-def]
    model: dsl.Input[dsl.Model], measured: dsl.Input[dsl.Artifact], out: dsl.Output[dsl.Artifact]
):
    """Ask for the verdict; anything but a go ends the run here."""
    return _step("gate", model=model.path, measured=measured.path, out=out.path)


@dsl.container_component
def package(  # type: ignore[no-untyped-def]
    model: dsl.Input[dsl.Model],
    measured: dsl.Input[dsl.Artifact],
    verdict: dsl.Input[dsl.Artifact],
    version: str,
    serial: int,
    out: dsl.Output[dsl.Artifact],
):
    """Pack the network that was judged, with its cards and what was measured of it."""
    handed = {"model": model.path, "measured": measured.path, "verdict": verdict.path}
    return _step("package", **handed, version=version, serial=serial, out=out.path)


@dsl.container_component
def sign(package: dsl.Input[dsl.Artifact], out: dsl.Output[dsl.Artifact]):  # type: ignore[no-untyped-def]
    """Sign it with the key of the release."""
    return _step("sign", package=package.path, private_key="/keys/private.pem", out=out.path)


@dsl.container_component
def publish(signed: dsl.Input[dsl.Artifact], out: dsl.Output[dsl.Artifact]):  # type: ignore[no-untyped-def]
    """Put it into the registry, never an older one after a newer."""
    there = {"registry": "/registry", "trusted_key": "/trusted/public.pem"}
    return _step("publish", signed=signed.path, **there, out=out.path)


CONTAINERS: Mapping[str, Any] = {each.name: each for each in (data, train, measure, gate, package, sign, publish)}


def on_cluster(name: str, task: dsl.PipelineTask) -> None:
    """What a step needs of the cluster beside its image.

    Parameters
    ----------
    name : str
        Of the step.
    task : kfp.dsl.PipelineTask
        It; changed in place. Of the volumes, the secret and the map ``docs/pipeline.md`` says what they hold.
    """
    kubernetes.set_security_context(task, run_as_non_root=True)
    if name in ("data", "train", "measure", "package"):
        kubernetes.mount_pvc(task, pvc_name="vigilant-build", mount_path="/build")
        task.set_env_variable("VIGILANT_BUILD", "/build")
        task.set_memory_limit("4G").set_cpu_limit("2")
    if name == "sign":
        kubernetes.use_secret_as_volume(task, secret_name="vigilant-signing-key", mount_path="/keys")
    if name == "publish":
        kubernetes.mount_pvc(task, pvc_name="vigilant-registry", mount_path="/registry")
        kubernetes.use_config_map_as_volume(task, config_map_name="vigilant-release-key", mount_path="/trusted")


def release(steps: Mapping[str, Any], settle: Callable[[str, dsl.PipelineTask], None] | None = None) -> Any:
    """Connect steps to the pipeline.

    Parameters
    ----------
    steps : mapping of str to component
        ``data``, ``train``, ``measure``, ``gate``, ``package``, ``sign`` and ``publish``: :data:`CONTAINERS`, or others
        with the same inputs and outputs.
    settle : callable, optional
        Takes the name and the task of each step, such as :func:`on_cluster`.

    Returns
    -------
    kfp.dsl.graph_component.GraphComponent
        The pipeline. A cache may answer in place of ``data`` alone; every other step is asked anew, the gate above all.
    """

    @dsl.pipeline(name="vigilant-release", description="Data, train, measure, gate, package, sign, publish.")
    def vigilant_release(  # type: ignore[no-untyped-def]
        budget: str = "quick", seed: int = 0, notebooks: str = NOTEBOOKS, version: str = "1.0.0", serial: int = 1
    ):
        made: dict[str, Any] = {}

        def add(name: str, **given: Any) -> Any:
            made[name] = steps[name](**given)
            made[name].set_caching_options(name == "data")
            if settle is not None:
                settle(name, made[name])
            return made[name].output

        pictures = add("data", budget=budget, seed=seed)
        model = add("train", data=pictures)
        measured = add("measure", model=model, notebooks=notebooks)
        verdict = add("gate", model=model, measured=measured)
        packed = add("package", model=model, measured=measured, verdict=verdict, version=version, serial=serial)
        add("publish", signed=add("sign", package=packed))

    return vigilant_release


def compile_to(path: Path) -> Path:
    """Compile the pipeline, as it is for a cluster.

    Parameters
    ----------
    path : pathlib.Path
        Where the YAML goes.

    Returns
    -------
    pathlib.Path
        The same.
    """
    compiler.Compiler().compile(release(CONTAINERS, on_cluster), str(path))
    return path


if __name__ == "__main__":
    print(f"written: {compile_to(COMPILED)}")
