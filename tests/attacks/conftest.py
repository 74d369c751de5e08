"""What the tests of attacks share: two networks, trained once."""

import pytest
import torch

from helpers import attacks
from tests.attacks import networks


@pytest.fixture(scope="package", autouse=True)
def _one_thread():
    """Small networks lose more by waiting for a second thread than they gain."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def twins():
    """A plain and an adversarially trained torch twin."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    made = {"plain": networks.trained(), "robust": networks.trained(0.15, epochs=8)}
    torch.set_num_threads(before)
    return made


@pytest.fixture(scope="session")
def plain(twins):
    return attacks.network(twins["plain"])


@pytest.fixture(scope="session")
def robust(twins):
    return attacks.network(twins["robust"])
