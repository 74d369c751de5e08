"""Epsilon beside dp-accounting's, and a step of DP-SGD beside a plain one and beside Opacus's other ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.harness import Contender, Row, apart, measure
from helpers.contracts import Images, Labels
from helpers.errors import CourseError

if TYPE_CHECKING:
    import torch

    from helpers.privacy.dp_training import PrivateRecipe

IMPORTED = ("torch", "opacus", "dp_accounting")
"""What must be installed, and whose versions stand above the table."""

ABOUT = (
    "epsilon: a question takes the place of a picture, and dp-accounting is given the same list of orders;\n"
    "DP-SGD: one batch of random 28x28 pictures, the private recipe's network, clipping and noise included"
)
"""What stands above the table."""

ORDERS = (*(1 + tenths / 10 for tenths in range(1, 100)), *range(12, 64))
"""Opacus's own orders, handed to both."""


@dataclass(frozen=True)
class Setting:
    """A training, as an accountant sees it.

    Attributes
    ----------
    noise_multiplier, sampling_rate, delta : float
        As in :class:`helpers.privacy.PrivacySpent`.
    steps : int
        Gradient steps.
    """

    noise_multiplier: float
    sampling_rate: float
    steps: int
    delta: float


SETTINGS = (
    Setting(6.0, 0.05, 400, 1e-5),
    Setting(1.1, 256 / 60_000, 14_062, 1e-5),
    Setting(1.5, 0.05, 500, 1e-5),
    Setting(2.0, 0.1, 250, 1e-5),
    Setting(4.0, 0.1, 1000, 1e-6),
    Setting(1.0, 1.0, 1, 1e-5),
    Setting(0.8, 0.02, 500, 1e-5),
    Setting(0.7, 0.01, 1000, 1e-5),
    Setting(1.0, 0.05, 400, 1e-5),
)
"""From an epsilon of 0.6 to one of 7; the second is the example of TensorFlow Privacy, the sixth has no sampling."""

BATCH = 512


def subject() -> None:
    """What the parts are given: nothing, for both draw what they need."""


def epsilons(subject: None, repeats: int, settings: tuple[Setting, ...] = SETTINGS) -> list[Row]:
    """Epsilon by RDP and by PRV, beside dp-accounting's RDP and privacy loss distributions (PLD).

    Parameters
    ----------
    subject : None
        As every part of the bench.
    repeats : int
        Rounds of measurement.
    settings : tuple of Setting
        What is asked.

    Returns
    -------
    list of Row
        Two for each setting.

    Raises
    ------
    CourseError
        If an epsilon differs from the peer's by more than :func:`check_agree` allows.
    """
    rows = []
    for each in settings:
        runs = {"RDP": _own_rdp(each), "PRV": _own_prv(each)}
        runs |= {"dp-accounting RDP": _rdp(each), "dp-accounting PLD": _pld(each)}
        found = {name: run() for name, run in runs.items()}
        check_agree(each, found)
        time_of = measure({name: Contender(run, 1) for name, run in runs.items()}, repeats)
        heading = (
            f"epsilon at delta {each.delta:g}: noise {each.noise_multiplier:g}, "
            f"sampling rate {each.sampling_rate:.4g}, {each.steps:,} steps"
        )
        for own, peer in (("RDP", "dp-accounting RDP"), ("PRV", "dp-accounting PLD")):
            far = apart(np.array(found[own]), np.array(found[peer]))
            note = f"{found[own]:.4f} and {found[peer]:.4f}"
            rows.append(Row(heading, peer, time_of[peer], None, time_of[own], far, note=note))
    return rows


def check_agree(setting: Setting, found: Mapping[str, float]) -> None:
    """Refuse an epsilon that is not the peer's: RDP to 1%, PRV to 2% or 0.02 of PLD, whichever is more.

    Parameters
    ----------
    setting : Setting
        What was asked.
    found : mapping of str to float
        Epsilon by ``RDP``, ``PRV``, ``dp-accounting RDP`` and ``dp-accounting PLD``.

    Raises
    ------
    CourseError
        If one is further away.
    """
    for own, peer, allowed in (
        ("RDP", "dp-accounting RDP", 0.01 * found["dp-accounting RDP"]),
        ("PRV", "dp-accounting PLD", max(0.02, 0.02 * found["dp-accounting PLD"])),
    ):
        if not abs(found[own] - found[peer]) <= allowed:
            raise CourseError(
                f"{setting}: epsilon by {own} is {found[own]:.4f}, and {peer} says {found[peer]:.4f}; they may differ "
                f"by {allowed:.4f}."
            )


def others(settings: tuple[Setting, ...] = SETTINGS) -> dict[str, Any]:
    """What dp-accounting says, for a test that runs where it cannot be installed (tests/privacy/dp_accounting.json).

    Parameters
    ----------
    settings : tuple of Setting
        What is asked.

    Returns
    -------
    dict
        The version, the orders, and for each setting epsilon by ``rdp``, by ``rdp_whole`` (whole orders alone) and
        by ``pld``.
    """
    whole = [order for order in ORDERS if order == int(order)]
    return {
        "made_by": "benchmarks.privacy.others()",
        "library": f"dp-accounting {version('dp-accounting')}",
        "orders": list(ORDERS),
        "settings": [
            asdict(each) | {"rdp": _rdp(each)(), "rdp_whole": _rdp(each, whole)(), "pld": _pld(each)()}
            for each in settings
        ],
    }


def _own_rdp(each: Setting) -> Callable[[], float]:
    from helpers import privacy

    return lambda: privacy.rdp_epsilon(each.noise_multiplier, each.sampling_rate, each.steps, each.delta, ORDERS)


def _own_prv(each: Setting) -> Callable[[], float]:
    from helpers import privacy

    return lambda: privacy.prv_epsilon(each.noise_multiplier, each.sampling_rate, each.steps, each.delta)


def _rdp(each: Setting, orders: Sequence[float] = ORDERS) -> Callable[[], float]:
    from dp_accounting import NeighboringRelation
    from dp_accounting.rdp import RdpAccountant

    def run() -> float:
        accountant = RdpAccountant(list(orders), NeighboringRelation.ADD_OR_REMOVE_ONE)
        return float(accountant.compose(_event(each)).get_epsilon(each.delta))

    return run


def _pld(each: Setting) -> Callable[[], float]:
    from dp_accounting import NeighboringRelation
    from dp_accounting.pld import PLDAccountant

    def run() -> float:
        accountant = PLDAccountant(NeighboringRelation.ADD_OR_REMOVE_ONE)
        return float(accountant.compose(_event(each)).get_epsilon(each.delta))

    return run


def _event(each: Setting) -> Any:
    import dp_accounting

    noisy = dp_accounting.GaussianDpEvent(each.noise_multiplier)
    return dp_accounting.SelfComposedDpEvent(dp_accounting.PoissonSampledDpEvent(each.sampling_rate, noisy), each.steps)


# ---- one step


def dp_sgd(subject: None, repeats: int, batch: int = BATCH) -> list[Row]:
    """A step of the course's private training beside a plain step and beside Opacus's other ways to take it.

    Parameters
    ----------
    subject : None
        As every part of the bench.
    repeats : int
        Rounds of measurement.
    batch : int
        Pictures in a step.

    Returns
    -------
    list of Row
        One for each peer; ``apart`` is how far the weights after one step without noise are from each other.

    Raises
    ------
    CourseError
        If a private peer does not take the same step.
    """
    rng = np.random.default_rng(0)
    images = rng.random((batch, 28, 28, 1), dtype=np.float32)
    labels = rng.integers(0, 10, batch)
    after = {name: _weights(make, images, labels) for name, make in STEPS.items()}
    far = {name: apart(after[OWN], weights) for name, weights in after.items()}
    for name, distance in far.items():
        if name != PLAIN and distance > 1e-4:
            raise CourseError(f"{name} does not take the step that the course takes: weights differ by {distance:.1e}")
    runs = {name: make(images, labels, 1.0)[0] for name, make in STEPS.items()}
    time_of = measure({name: Contender(run, batch) for name, run in runs.items()}, repeats)
    heading = f"DP-SGD, {batch} pictures in a step, own takes {1e6 / time_of[OWN]:,.0f} pictures a second"
    rows = []
    for name in list(STEPS)[1:]:
        note, distance = f"{1e6 / time_of[name]:,.0f} a second", float("nan") if name == PLAIN else far[name]
        rows.append(Row(heading, name, time_of[name], None, time_of[OWN], distance, note=note))
    return rows


Step = tuple[Callable[[], None], "torch.nn.Module"]


def _weights(make: Callable[[Images, Labels, float], Step], images: Images, labels: Labels) -> Any:
    run, network = make(images, labels, 0.0)
    run()
    return np.concatenate([each.detach().numpy().ravel() for each in network.parameters()])


def _own(images: Images, labels: Labels, noise: float) -> Step:
    from helpers import privacy

    network, recipe = _start(images)
    wrapped, optimizer = privacy.private_steps(network, recipe, noise)
    return _taking(wrapped, optimizer, _loss(), images, labels), network


def _plain(images: Images, labels: Labels, noise: float) -> Step:
    network, recipe = _start(images)
    return _taking(network, _descent(network, recipe), _loss(), images, labels), network


def _opacus(mode: str, images: Images, labels: Labels, noise: float) -> Step:
    """As its users would: PrivacyEngine, here with one batch of all pictures."""
    import torch
    from opacus import PrivacyEngine

    network, recipe = _start(images)
    every = torch.utils.data.TensorDataset(torch.tensor(images), torch.tensor(labels))
    made = PrivacyEngine().make_private(
        module=network,
        optimizer=_descent(network, recipe),
        criterion=_loss(),
        data_loader=torch.utils.data.DataLoader(every, batch_size=len(images)),
        noise_multiplier=noise,
        max_grad_norm=recipe.clipping_norm,
        poisson_sampling=False,
        grad_sample_mode=mode,
    )
    loss = made[2] if mode == "ghost" else _loss()
    return _taking(made[0], made[1], loss, images, labels), network


OWN, PLAIN = "own", "plain step, not private"
STEPS: dict[str, Callable[[Images, Labels, float], Step]] = {
    OWN: _own,
    PLAIN: _plain,
    "Opacus, hooks": partial(_opacus, "hooks"),
    "Opacus, functorch": partial(_opacus, "functorch"),
    "Opacus, ghost clipping": partial(_opacus, "ghost"),
}


def _start(images: Images) -> tuple[torch.nn.Module, PrivateRecipe]:
    from helpers import privacy

    recipe = privacy.PrivateRecipe(noise_multiplier=1.0, expected_batch=len(images))
    return privacy.tanh_cnn((28, 28, 1), 10, seed=0), recipe


def _descent(network: torch.nn.Module, recipe: PrivateRecipe) -> torch.optim.Optimizer:
    import torch

    return torch.optim.SGD(network.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)


def _loss() -> torch.nn.Module:
    import torch

    return torch.nn.CrossEntropyLoss()


def _taking(network: Any, optimizer: Any, loss: Any, images: Images, labels: Labels) -> Callable[[], None]:
    import torch

    pictures, classes = torch.tensor(images), torch.tensor(labels)

    def run() -> None:
        optimizer.zero_grad()
        loss(network(pictures), classes).backward()
        optimizer.step()

    return run


# ---- what the command line names

PARTS = {
    "epsilons": epsilons,
    "dp-sgd": dp_sgd,
}
