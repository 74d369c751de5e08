"""The order in which the course's own network is released."""

from __future__ import annotations

from pathlib import Path

from helpers.contracts import LARGEST_RUN_SEED, check_seed
from helpers.pipeline.registry import publish_bundle
from helpers.pipeline.running import Step
from helpers.pipeline.steps import draw_data, measure_model, package_model, sign_package, train_model
from helpers.pipeline.verdicts import release_gate


def release_steps(
    *,
    registry: Path,
    private_key: Path,
    public_key: Path,
    budget: str = "quick",
    seed: int = 0,
    notebooks: str = "",
    version: str = "1.0.0",
    serial: int = 1,
) -> tuple[Step, ...]:
    """Data, train, measure, gate, package, sign, publish: for :func:`helpers.pipeline.run_pipeline`.

    ``deploy/pipeline/pipeline.yaml`` is the same for Kubeflow, and a test holds the two against each other.

    Parameters
    ----------
    registry : pathlib.Path
        Where bundles are published.
    private_key, public_key : pathlib.Path
        PEM of the release's keys.
    budget : {"quick", "full"}
        As in the notebooks.
    seed : int
        As in the notebooks.
    notebooks : str
        Which are executed besides 01 to measure the network, such as ``"02 03"``.
    version, serial
        As for :func:`helpers.serving.pack`.

    Returns
    -------
    tuple of Step
        Seven. A cache may answer in place of ``data`` alone, whose parameters say all that it depends on. The gate asks
        what no key says; the others read or change what lies outside their folders; and to train twice is saved by the
        course's own cache, which knows a network by its recipe, its pictures and its code.

    Raises
    ------
    ValueError
        If `seed` is none.
    """
    of_run = {"budget": budget, "seed": check_seed(seed, LARGEST_RUN_SEED)}
    judged = {"model": "train", "measured": "measure"}
    keys = {"registry": registry, "trusted_key": public_key}
    return (
        Step("data", draw_data, {}, of_run),
        Step("train", train_model, {"data": "data"}, cached=False),
        Step("measure", measure_model, {"model": "train"}, {"notebooks": notebooks}, cached=False),
        Step("gate", release_gate, judged, cached=False),
        Step(
            "package", package_model, judged | {"verdict": "gate"}, {"version": version, "serial": serial}, cached=False
        ),
        Step("sign", sign_package, {"package": "package"}, {"private_key": private_key}, cached=False),
        Step("publish", publish_bundle, {"signed": "sign"}, keys, cached=False),
    )
