"""Whatever is sent, the answer is 2xx or 4xx: a client's mistake is never called the service's."""

import io
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from helpers import serving as room
from helpers.serving import app as app_module
from tests.serving.client import serving
from tests.serving.fake import FakeEngine
from tests.serving.fuzz import BEFORE, DAMAGE, PARTS, QUICK, attacked, requests, send_bodies, whole_bodies


def answers(ask, n, seed=0):
    """How often each kind of damage was answered with which hundred, and the worst answers."""
    counts, faults = Counter(), []
    for name, path, kind, body in requests(n, seed):
        response = ask.post(path, content=body, headers={"content-type": kind})
        counts[name, response.status_code // 100] += 1
        if response.status_code >= 500:
            faults.append((name, path, body[:80]))
        elif response.status_code >= 400:
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["status"] == response.status_code
    return counts, faults


def test_bodies_without_damage_are_answered():
    with serving(room.create_app(FakeEngine)) as ask:
        for path, kind, body in whole_bodies():
            assert ask.post(path, content=body, headers={"content-type": kind}).status_code == 200


def test_damage_is_answered_with_2xx_or_4xx():
    with serving(room.create_app(FakeEngine)) as ask:
        counts, faults = answers(ask, QUICK)
    assert faults == []
    assert {hundred for _, hundred in counts} == {2, 4}
    assert {name for name, hundred in counts if hundred == 4} == {damage.__name__ for damage in DAMAGE}
    assert sum(counts.values()) == QUICK


def test_ten_thousand_damaged_requests_are_answered_with_2xx_or_4xx_and_leave_no_memory_behind(tmp_path):
    found, growth = {}, []
    for send, n, limits in PARTS:
        (tmp_path / send.__name__).mkdir()
        answers, ratio = attacked(tmp_path / send.__name__, send, n, limits)
        found |= answers
        growth.append(ratio)
    assert found.keys() == {damage.__name__ for damage in (*DAMAGE, *BEFORE)}
    assert min(sum(counts.values()) for counts in found.values()) >= 500
    assert sum(sum(counts.values()) for counts in found.values()) >= 10_000
    found["endless"].pop("reset", 0)  # the system may drop the answer to a client that is still sending
    statuses = {name: set(counts) for name, counts in found.items()}
    assert {name for name, each in statuses.items() if not each <= {200, *range(400, 500)}} == set(), statuses
    assert {name for name, each in statuses.items() if not each & set(range(400, 500))} == set(), statuses
    assert statuses["slow"] == {408}
    assert max(growth) < 1.1


def test_a_service_that_keeps_something_of_each_request_is_noticed(tmp_path):
    assert attacked(tmp_path, send_bodies, QUICK, {}, engine="leaky")[1] > 1.1


def careless_file(data, shape):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.float32).reshape(shape) / 255


def careless_numbers(nested, shape, name):
    return np.asarray(nested, np.float32).reshape(tuple(shape))


@pytest.mark.parametrize(("name", "fault"), [("decoded", careless_file), ("numbers", careless_numbers)])
@pytest.mark.filterwarnings("ignore")
def test_a_careless_service_is_noticed(monkeypatch, name, fault):
    monkeypatch.setattr(app_module, name, fault)
    with serving(room.create_app(FakeEngine)) as ask:
        _, faults = answers(ask, QUICK // 2)
    assert len(faults) > 5
