"""What an audit in one run shows of DP-SGDs that claim an epsilon of 3, one honest and four broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from helpers.course.measurements.base import Given, Measurement
from helpers.datasets import digits
from helpers.privacy.audit import Audit, audit_gradients, audit_training, mislabelled_canaries
from helpers.privacy.broken import BROKEN, HONEST, Plan, linear_probe

PLAN = Plan(rate=0.1, steps=100, noise=1.8, learning_rate=2.0)
"""Worth an epsilon of 3 at a delta of 1e-5, by accountants of RDP: the tests ask one."""

IMPLEMENTATIONS = {each.name: each for each in (HONEST, *BROKEN)}
"""What is audited, by name. Opacus is not: with the same seed its steps are the honest one's, as the tests show."""


BY_GRADIENTS = "Bound on epsilon by gradient canaries"
BY_PICTURES = "Bound on epsilon by mislabelled pictures"
REFUTED = "Audits by gradient canaries that refute the claim"


def metric(what: str, name: str) -> str:
    """How a metric of an implementation is called.

    Parameters
    ----------
    what : str
        One of the names above.
    name : str
        One of :data:`IMPLEMENTATIONS`.

    Returns
    -------
    str
        Both.
    """
    return f"{what}, {name}"


def run(sizes: Mapping[str, int], seed: int) -> dict[str, Given]:
    """Audit each implementation several times, each time with other coins, batches and noise.

    Parameters
    ----------
    sizes : mapping
        ``runs``: audits of each kind; ``pictures`` and ``steps``: of a training; ``canaries`` and ``guesses``: of an
        audit.
    seed : int
        Seed of the split and of all runs.

    Returns
    -------
    dict of str to numpy.ndarray
        Audit by audit.
    """
    data = digits.load(train=sizes["pictures"], calibration=sizes["canaries"], test=1, seed=seed)
    guesses, plan = sizes["guesses"], replace(PLAN, steps=sizes["steps"])
    found: dict[str, Given] = {}
    seeds = [int(each) for each in np.random.SeedSequence(seed).generate_state(sizes["runs"])]
    for name, implementation in IMPLEMENTATIONS.items():
        network = linear_probe((28, 28, 1), 10)
        inside: list[Audit] = []
        outside: list[Audit] = []
        for each in seeds:
            training = (implementation, network, data.train.images, data.train.labels)
            canaries = mislabelled_canaries(
                data.calibration.images, data.calibration.labels, classes=10, number=sizes["canaries"], seed=each
            )
            inside.append(audit_gradients(*training, plan, canaries=sizes["canaries"], guesses=guesses, seed=each))
            outside.append(audit_training(*training, canaries, plan, guesses=guesses, seed=each)[0])
        found[metric(BY_GRADIENTS, name)] = np.array([audit.bound for audit in inside])
        found[metric(REFUTED, name)] = np.array([audit.exceeded for audit in inside])
        found[metric(BY_PICTURES, name)] = np.array([audit.bound for audit in outside])
    return found


MEASUREMENT = Measurement(
    question="Which of five DP-SGDs that claim an epsilon of 3 does an audit in one run refute?",
    run=run,
    full={"runs": 4, "pictures": 1000, "steps": PLAN.steps, "canaries": 1000, "guesses": 200},
    toy={"runs": 3, "pictures": 200, "steps": 60, "canaries": 300, "guesses": 100},
    bounds={
        metric(what, name): (0, 1 if what == REFUTED else None)
        for name in IMPLEMENTATIONS
        for what in (BY_GRADIENTS, REFUTED, BY_PICTURES)
    },
)
