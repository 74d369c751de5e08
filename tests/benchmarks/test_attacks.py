"""The benchmark of attacks: a row for each peer, unequal strength refused, no torchvision. No time is judged."""

import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from benchmarks import attacks, harness
from helpers import models
from helpers.errors import CourseError

SHAPE = (22, 22, 1)
TINY = attacks.Sizes(pictures=6, steps=2, plain=0.1, robust=0.1, left=(0.0, 1.0), apart=1.0)


def read_by(twin, count=8):
    """Random pictures, and labels as the network reads all but the last."""
    images = np.random.default_rng(0).random((count, *SHAPE), dtype=np.float32)
    labels = np.zeros(count, np.int64)
    labels[attacks._misread(twin, images, labels)] = 1
    labels[attacks._misread(twin, images, labels)] = 2
    labels[-1] = (labels[-1] + 1) % 3
    return SimpleNamespace(test=SimpleNamespace(images=images, labels=labels))


@pytest.fixture
def twin():
    return attacks._frozen(models.to_torch(models.course_cnn(SHAPE, 3, seed=0)))


@pytest.fixture
def run(twin, monkeypatch):
    """A run of both networks with the one peer that every author has, on pictures that nobody has to learn."""
    monkeypatch.setattr(attacks, "_twins", lambda data, sizes: {"plain": twin, "robust": twin})
    monkeypatch.setattr(attacks, "PEERS", {"foolbox": attacks._foolbox})

    def go(sizes=TINY):
        with harness.equal_threads(), harness.quiet():
            return attacks.pgd(read_by(twin), 1, sizes)

    return go


def test_a_run_has_three_comparisons_and_no_early_stop_on_the_plain_network(run):
    rows = run()
    found = [(row.part.split(":")[0], row.peer, row.target) for row in rows]
    assert found == [
        ("PGD-2, plain network, no early stop", "foolbox", 1.0),
        ("PGD-2, robust network, no early stop", "foolbox", 1.0),
        ("PGD-2, robust network, early stop", "foolbox", 1.15),
    ]
    assert all(row.own > 0 and row.other > 0 and not row.at_most for row in rows)
    said = harness.table(rows)
    assert "6 digits, L-inf 0.1, own fools" in said
    assert "it offers no early stop" in said


def test_all_peers_of_the_promise_are_there():
    assert list(attacks.PEERS) == ["foolbox", "torchattacks", "ART"]
    assert {"foolbox", "torchattacks", "art"} <= set(attacks.IMPORTED)
    assert attacks.PARTS["pgd"] is attacks.pgd


def test_contenders_are_given_the_same(twin):
    data = read_by(twin)
    task = attacks._task(twin, data, 0.1, TINY)
    assert len(task.images) == 6
    assert not attacks._misread(twin, task.images, task.labels).any()
    assert task.step_size == pytest.approx(0.125)
    assert not any(parameter.requires_grad for parameter in task.twin.parameters())
    (mine, fooled), (theirs, by_foolbox) = (make(task)() for make in (no_early_stop, attacks._foolbox))
    assert mine.shape == theirs.shape == task.images.shape
    for moved in (mine, theirs):
        assert np.abs(moved - task.images).max() <= 0.1 + 1e-6
    assert (fooled >= by_foolbox).all(), "the same way, of which the own PGD keeps the best place"


def no_early_stop(task):
    return attacks._own(task, early_stop=False)


# ---- what is no comparison is refused


def test_a_weaker_attack_is_no_contender(run, monkeypatch):
    def weaker(task):
        return lambda: (task.images, np.zeros(len(task.images), bool))

    def stronger(task):
        return lambda: (task.images, np.ones(len(task.images), bool))

    monkeypatch.setattr(attacks, "PEERS", {"weaker": weaker, "stronger": stronger})
    with pytest.raises(
        CourseError, match=r"not equally strong.* of 6 pictures they fool .*weaker 0, stronger 6; 1 more"
    ):
        run(replace(TINY, apart=0.2))
    run(TINY)  # where any difference will do


def test_equal_means_within_the_share_that_is_said():
    attacks.check_equal({"own": 241, "foolbox": 240, "ART": 236}, 512, 0.01)
    with pytest.raises(CourseError, match=r"own 241, foolbox 240, ART 235; 5 more or less would do"):
        attacks.check_equal({"own": 241, "foolbox": 240, "ART": 235}, 512, 0.01)


@pytest.mark.parametrize("fooled", [0, 20, 80, 100])
def test_an_epsilon_that_tells_nothing(fooled):
    attacks.check_left(50, 100, (0.3, 0.7))
    with pytest.raises(CourseError, match=rf"leaves {100 - fooled}% of 100 pictures; where it is not 30% to 70%"):
        attacks.check_left(fooled, 100, (0.3, 0.7))


# ---- torchattacks, of which some version may one day import what it says it needs


def test_torchattacks_may_not_bring_torchvision(tmp_path, monkeypatch):
    (tmp_path / "torchattacks.py").write_text("import torchvision")
    (tmp_path / "torchvision.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("torchattacks", "torchvision"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(CourseError, match="torchattacks imported torchvision, which no part of the bench may"):
        attacks._import_torchattacks()
    for name in ("torchattacks", "torchvision"):
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "torchattacks.py").write_text("quiet = 1")
    monkeypatch.setitem(sys.modules, "requests", ModuleType("requests"))  # somebody else's
    assert attacks._import_torchattacks().quiet == 1
    monkeypatch.delitem(sys.modules, "torchattacks")


def test_peers_come_last_on_the_path(monkeypatch):
    monkeypatch.setattr(sys, "path", ["first"])
    harness.see_peers()
    harness.see_peers()
    assert sys.path == ["first", str(harness.PEERS)]
