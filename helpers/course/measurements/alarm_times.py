"""Which alarm rings first, which never? The simulated month many times, every detector set to a run of 30 days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from helpers import monitoring, uncertainty
from helpers.contracts import Images
from helpers.course.measurements.base import Given, Measurement
from helpers.datasets import Dataset, signs
from helpers.intervals import Estimate, proportion
from helpers.models.cnn import embedding_model, logits_model
from helpers.models.prediction import predict_function
from helpers.models.recipes import spine_recipe
from helpers.models.training import load_or_train

DAYS, DELAY = 30, 5
"""Of a month, and until labels are there."""
USUAL_DAYS = monitoring.Variation(spread=0.2, persistence=0.5)
LEVEL = 0.9
DETECTORS = {
    "input: MMD": False,
    "input: KS": False,
    "output: classes (PSI)": False,
    "output: confidence": False,
    "sets not of one class": False,
    "strange share": False,
    "calibration gap": True,
    "coverage": True,
    "coverage by group": True,
}
"""By name, whether it waits for labels."""


def run_metric(detector: str) -> str:
    """How the metric of a detector's false alarms is called.

    Parameters
    ----------
    detector : str
        One of :data:`DETECTORS`.

    Returns
    -------
    str
        Its name.
    """
    return f"Days until the first false alarm, {detector}"


def time_metric(fault: monitoring.Fault, detector: str) -> str:
    """How the metric of a detector's time to an alarm is called.

    Parameters
    ----------
    fault : monitoring.Fault
        One of ``monitoring.FAULTS``.
    detector : str
        One of :data:`DETECTORS`.

    Returns
    -------
    str
        Its name.
    """
    return f"Median days to the alarm, {never(fault)} for never: {fault.name}, {detector}"


def order_metric(fault: monitoring.Fault) -> str:
    """How the metric of what rings first is called.

    Parameters
    ----------
    fault : monitoring.Fault
        One of ``monitoring.FAULTS``.

    Returns
    -------
    str
        Its name.
    """
    return f"Months in which MMD rings before coverage: {fault.name}"


def never(fault: monitoring.Fault) -> int:
    """The day that stands for never: one more than the month has left.

    Parameters
    ----------
    fault : monitoring.Fault
        One of ``monitoring.FAULTS``.

    Returns
    -------
    int
        A number that no alarm has.
    """
    return DAYS - fault.begins + 1


def run(sizes: Mapping[str, int], seed: int) -> dict[str, Given]:
    """Train the network of notebook 01, let it answer the world's signs once, and watch months drawn from them.

    Parameters
    ----------
    sizes : mapping
        ``train`` and ``passes``: signs learned from, and how often; ``pool``: signs of the world; ``pictures``: on a
        day; ``null``: months that set the thresholds; ``fresh``: months that check them; ``months``: with each fault.
    seed : int
        Seed of the signs, the training and the months.

    Returns
    -------
    dict of str to Estimate or numpy.ndarray
        Expected runs (censored months counted), medians (of months with an alarm or without), and paired shares.
    """
    data = signs.load(train=sizes["train"], calibration=2000, test=1, seed=seed)
    pools = monitoring.pools_of_signs(_service(data, sizes["passes"], seed), pictures=sizes["pool"], seed=seed)
    # What a monitor has of usual days before it is set: 20 of them.
    known = monitoring.simulate_month(pools, days=20, pictures=100, variation=USUAL_DAYS, seed=seed)
    flat = {name: array.reshape(2000, *array.shape[2:]) for name, array in vars(known).items()}
    detectors = monitoring.usual_detectors(monitoring.Served(**flat), seed=seed)

    def months(kind: int, number: int, fault: monitoring.Fault | None = None) -> dict[str, NDArray[np.float64]]:
        return monitoring.watch_months(
            detectors, pools, fault, months=number, delay=DELAY, days=DAYS, pictures=sizes["pictures"],
            variation=USUAL_DAYS, seed=1000 * (seed + 1) + kind,
        )  # fmt: skip

    null, fresh = months(0, sizes["null"]), months(1, sizes["fresh"])
    limits = {name: monitoring.simulated_threshold(null[name], resamples=2).value for name in DETECTORS}
    found: dict[str, Given] = {
        run_metric(name): monitoring.mean_run(monitoring.first_alarms(fresh[name], limit), DAYS)
        for name, limit in limits.items()
    }
    for kind, fault in enumerate(monitoring.FAULTS):
        failing = months(2 + kind, sizes["months"], fault)
        times = {name: monitoring.first_alarms(failing[name][:, fault.begins :], limits[name]) for name in DETECTORS}
        for name, days in times.items():
            median, last = monitoring.median_days(days), never(fault)
            found[time_metric(fault, name)] = Estimate(
                min(median.value, last), min(median.low, last), min(median.high, last), median.n
            )
        found[order_metric(fault)] = proportion(times["input: MMD"] < times["coverage"])
    return found


def _service(data: Dataset, passes: int, seed: int) -> Callable[[Images], monitoring.Said]:
    """The course's service without its server: calibrated, with sets and the flag for strange pictures."""
    recipe = replace(spine_recipe("signs", seed=seed), epochs=passes)
    model = load_or_train(recipe, data.train, classes=len(data.class_names)).model
    logits, features = predict_function(logits_model(model)), predict_function(embedding_model(model))
    images, labels = data.calibration.images, data.calibration.labels
    temperature = uncertainty.fit_temperature(logits(images), labels)

    def probabilities(images: Images) -> NDArray[np.float64]:
        return uncertainty.softmax(logits(images) / temperature)

    lac = uncertainty.calibrate(uncertainty.Lac(), probabilities(images), labels, 1 - LEVEL)
    neighbours = uncertainty.NearestNeighbours.fit(features(data.train.images[:2000]))
    limit = uncertainty.threshold_for_tpr(neighbours.score(features(images)))

    def answer(images: Images) -> monitoring.Said:
        p, embedded = probabilities(images), features(images)
        return monitoring.Said(p, embedded, lac.sets(p), neighbours.score(embedded) > limit)

    return answer


MEASUREMENT = Measurement(
    question="With every detector set to a false alarm in 30 days: which rings after how many days, and which first?",
    run=run,
    full={"train": 12000, "passes": 3, "pool": 4000, "pictures": 200, "null": 1000, "fresh": 200, "months": 50},
    toy={"train": 1000, "passes": 2, "pool": 300, "pictures": 50, "null": 60, "fresh": 40, "months": 11},
    bounds={
        **{run_metric(name): (1, None) for name in DETECTORS},
        **{time_metric(fault, name): (1, never(fault)) for fault in monitoring.FAULTS for name in DETECTORS},
        **{order_metric(fault): (0, 1) for fault in monitoring.FAULTS},
    },
)
