"""AutoAttack: what a process of its own gives, beside the authors' package called as they call it."""

import functools
import subprocess
import sys

import keras
import numpy as np
import psutil
import pyautoattack
import pytest
import torch

from helpers import attacks
from helpers.attacks import ThreatModel, auto
from helpers.attacks.auto_job import Found, Job, stages_of, write_job
from helpers.errors import CourseError
from helpers.models import course_cnn, predict_function, to_torch
from helpers.models.torch_twin import CourseCNN
from helpers.models.twin_weights import twin_weights
from tests.attacks import networks

# A network of four classes on small pictures, as it was made: three targets in place of nine save most of the time.
SHAPE, CLASSES, N = (18, 18, 1), 4, 7
MODEL = course_cnn(SHAPE, CLASSES, seed=0)
TWIN = to_torch(MODEL)
IMAGES = networks.digits()[2][:N, 1:19, 1:19].copy()
LABELS = attacks.network(TWIN).ask(IMAGES).argmax(axis=1)
LABELS[-1] = (LABELS[-1] + 1) % CLASSES  # read wrongly from the start
READ = np.arange(N) < N - 1
THREAT, SEED = ThreatModel(0.01), 5


@pytest.fixture(scope="module")
def found():
    """What comes out of the other process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # as here: sums of floats hang on it
        return attacks.auto_attack(MODEL, IMAGES, LABELS, THREAT, seed=SEED)


class ChannelsFirst(torch.nn.Module):
    def __init__(self, twin):
        super().__init__()
        self.twin = twin

    def forward(self, pictures):
        return self.twin.logits(pictures.permute(0, 2, 3, 1))


def test_it_is_what_the_package_gives_in_one_call(found):
    attack = pyautoattack.AutoAttack(ChannelsFirst(to_torch(MODEL)), norm="Linf", eps=THREAT.epsilon, seed=SEED)
    attack.apgd_targeted.n_target_classes = attack.fab.n_target_classes = CLASSES - 1
    pictures, labels = torch.tensor(IMAGES[READ]).permute(0, 3, 1, 2).contiguous(), torch.tensor(LABELS[READ])
    with torch.random.fork_rng():
        moved, answers = attack.run_standard_evaluation(pictures, labels, batch_size=N)
    fooled = (answers != labels).numpy()
    print(f"{fooled.sum()} of {len(fooled)} fooled")
    assert 0 < fooled.sum() < len(fooled)
    assert (found.fooled[READ] == fooled).all()
    np.testing.assert_allclose(found.images[READ], moved.permute(0, 2, 3, 1).numpy(), atol=1e-6)


def test_what_it_gives_is_asked_of_the_keras_model(found):
    assert (found.name, found.threat) == ("AutoAttack, 3 targets", THREAT)
    assert (THREAT.sizes(found.images, IMAGES) <= THREAT.epsilon + 1e-6).all()
    assert found.images.min() >= 0
    assert found.images.max() <= 1
    asked = attacks.margins(attacks.network(MODEL).ask(found.images), LABELS)
    np.testing.assert_allclose(found.margins, asked, atol=1e-6)
    assert (found.fooled == (asked <= 0)).all()
    held = ~found.fooled
    assert (found.images[held] == IMAGES[held]).all()
    assert found.fooled[~READ].all()
    assert (found.images[~READ] == IMAGES[~READ]).all()
    assert (found.queries[~READ] == 1).all()
    assert found.queries[found.fooled & READ].min() > 100  # APGD-CE alone asks 101 times
    assert found.queries[held].min() > 2 * 3 * 100 + 5000  # each of two attacks three targets, and Square


def test_pgd_fools_none_that_it_leaves(found):
    pgd = attacks.pgd(MODEL, IMAGES, LABELS, THREAT, steps=40)
    print(f"fooled by PGD-40: {pgd.fooled.sum()}, by AutoAttack: {found.fooled.sum()} of {N}")
    assert not (pgd.fooled & ~found.fooled).any()


def test_in_the_table_of_a_robust_evaluation():
    table = attacks.evaluate_robustness(
        predict_function(MODEL), IMAGES, LABELS, ThreatModel(1.5, "l2"),
        {"AutoAttack": functools.partial(attacks.auto_attack, MODEL, batch_size=4)},
    )  # fmt: skip
    assert table.clean.value == pytest.approx((N - 1) / N)
    assert table.attacks["AutoAttack"].value == 0


# ---- a torch network, in this process


@pytest.fixture
def short(monkeypatch):
    """The same with a few steps of each attack; gives what was run."""
    whole = pyautoattack.AutoAttack.run_standard_evaluation
    ran = []

    def run(self, *given, **options):
        self.square.n_queries = 10
        self.apgd.n_iter = self.apgd_targeted.n_iter = self.fab.n_iter = 3
        ran.append((*self.attacks_to_run, self.apgd_targeted.n_target_classes, self.fab.n_target_classes))
        return whole(self, *given, **options)

    monkeypatch.setattr(pyautoattack.AutoAttack, "run_standard_evaluation", run)
    return ran


@pytest.mark.parametrize(
    ("classes", "name", "stages"),
    [
        (2, "AutoAttack, without DLR", ["apgd-ce", "fab-t", "square"]),
        (3, "AutoAttack, DLR without targets", ["apgd-ce", "apgd-dlr", "fab-t", "square"]),
        (4, "AutoAttack, 3 targets", ["apgd-ce", "apgd-t", "fab-t", "square"]),
        (11, "AutoAttack", ["apgd-ce", "apgd-t", "fab-t", "square"]),
    ],
)
def test_with_few_classes_the_name_says_what_the_targeted_attacks_did(short, classes, name, stages):
    torch.manual_seed(0)
    twin = CourseCNN((18, 18, 1), classes).eval()
    images = np.random.default_rng(0).random((2, 18, 18, 1), dtype=np.float32)
    labels = attacks.network(twin).ask(images).argmax(axis=1)
    found = attacks.auto_attack(twin, images, labels, ThreatModel(1e-5))
    assert found.name == name
    assert [each[0] for each in short] == stages
    assert {each[1:] for each in short} == {2 * (min(9, classes - 1),)}


def test_with_many_classes_nine_targets_are_tried():
    assert stages_of(10) == stages_of(100) == (("apgd-ce", "apgd-t", "fab-t", "square"), 9)
    assert stages_of(5)[1] == 4


def test_what_torch_and_a_debugger_had_is_left_alone(short):
    before, state = TWIN.conv1.weight.clone(), torch.get_rng_state()
    kept = sys.gettrace()

    def trace(*event):
        return None

    sys.settrace(trace)
    try:
        attacks.auto_attack(TWIN, IMAGES, LABELS, ThreatModel(1e-5))
        assert sys.gettrace() is trace
    finally:
        sys.settrace(kept)
    assert (torch.get_rng_state() == state).all()
    assert (TWIN.conv1.weight == before).all()
    assert TWIN.conv1.weight.grad is None
    assert TWIN.conv1.weight.requires_grad


def test_each_block_and_each_seed_draws_for_itself(short):
    attack = functools.partial(attacks.auto_attack, TWIN, threat=ThreatModel(0.05))
    whole = attack(IMAGES[:6], LABELS[:6], batch_size=3, seed=SEED)
    part = attack(IMAGES[3:6], LABELS[3:6], seed=SEED)
    assert part.fooled.any()
    np.testing.assert_array_equal(whole.images[3:6], part.images)
    one, other = (attack(IMAGES[:6], LABELS[:6], seed=seed).images for seed in (1, 2))
    assert (one != other).any()


def test_nothing_is_started_where_there_is_nothing_to_do(monkeypatch):
    monkeypatch.setattr(auto, "_run", None)
    wrong = (LABELS[READ] + 1) % CLASSES
    assert attacks.auto_attack(MODEL, IMAGES[READ], wrong, THREAT).fooled.all()
    nothing = attacks.auto_attack(MODEL, IMAGES, LABELS, ThreatModel(0.0))
    assert nothing.fooled.sum() == 1
    assert (nothing.images == IMAGES).all()


# ---- the other process


@pytest.mark.parametrize(
    ("module", "unloaded"),
    [
        ("helpers.attacks.auto", ["torch", "tensorflow", "keras", "pyautoattack"]),
        ("helpers.attacks.auto_worker", ["tensorflow", "keras", "torchvision", "requests", "scipy", "pandas"]),
    ],
)
def test_each_process_loads_its_own_framework(module, unloaded):
    code = f"import sys, {module}; print([name for name in {unloaded} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_ends_when_the_notebook_does(tmp_path):
    write_job(tmp_path, Job(twin_weights(MODEL), IMAGES[READ], LABELS[READ], ThreatModel(1e-5), 100, 0))
    command = [sys.executable, "-m", "helpers.attacks.auto_worker", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "step\n"
        process.stdin.close()
        assert process.wait(60) == 1
    assert not (tmp_path / "result.npz").exists()


def test_an_interrupted_cell_ends_it(monkeypatch):
    def interrupted(things, what):
        yield 0
        raise KeyboardInterrupt

    monkeypatch.setattr(auto, "with_bar", interrupted)
    before = set(psutil.Process().children())
    with pytest.raises(KeyboardInterrupt):
        attacks.auto_attack(MODEL, IMAGES, LABELS, ThreatModel(1e-5))
    assert set(psutil.Process().children()) <= before


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9, and nothing was attacked.*batch_size"),
        ("raise SystemExit('OSError: no room')", "failed, and nothing was attacked: OSError: no room"),
        ("raise SystemExit(3)", "failed, and nothing was attacked: it said nothing"),
    ],
)
def test_a_process_that_dies_is_no_result(monkeypatch, code, message):
    run = auto._run
    monkeypatch.setattr(auto, "_run", lambda command, *rest: run([sys.executable, "-c", code], *rest))
    with pytest.raises(CourseError, match=message):
        attacks.auto_attack(MODEL, IMAGES, LABELS, THREAT)


def test_a_twin_that_is_another_network_is_refused_and_remarks_are_handed_on(monkeypatch):
    logits = attacks.network(MODEL).ask(IMAGES[READ])
    found = Found(IMAGES[READ], np.ones(N - 1, np.int64), logits, ("gradients are 0",))
    monkeypatch.setattr(auto, "_elsewhere", lambda *given: found)
    with pytest.warns(UserWarning, match="AutoAttack remarks: gradients are 0"):
        attacks.auto_attack(MODEL, IMAGES, LABELS, THREAT)
    found = found._replace(logits=logits + 0.5)
    with pytest.raises(CourseError, match=r"the torch twin is another network: its logits are up to 0\.5 from"):
        attacks.auto_attack(MODEL, IMAGES, LABELS, THREAT)


# ---- one sentence for each mistake


def test_a_package_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(auto.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"needs the package pyautoattack.*make course") as caught:
        attacks.auto_attack(MODEL, IMAGES, LABELS, THREAT)
    assert caught.value.name == "pyautoattack"


def other_layers():
    inputs = keras.Input(SHAPE)
    logits = keras.layers.Dense(10, name="logits")(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Softmax()(logits), name="shallow")


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"model": other_layers}, ValueError, "only models made by course_cnn have a torch twin; 'shallow' differs"),
        ({"model": lambda: lambda images: images}, TypeError, "got function"),
        ({"threat": 0.1}, TypeError, "threat must be a ThreatModel"),
        ({"images": IMAGES * 3}, ValueError, r"images must lie in \[0, 1\]"),
        ({"images": IMAGES[:, :17]}, ValueError, r"must have shape \(N, 18, 18, 1\) for this model"),
        ({"labels": LABELS + 5}, ValueError, r"labels must lie in 0\.\.3"),
        ({"labels": LABELS[:3]}, ValueError, r"labels must have shape \(7,\)"),
        ({"batch_size": 0}, ValueError, "batch_size must be a whole number of at least 1, got 0"),
        ({"seed": -1}, ValueError, "seed must be a whole number"),
    ],
)
def test_mistakes(monkeypatch, wrong, error, message):
    monkeypatch.setattr(auto, "_run", None)
    call = {"model": lambda: MODEL, "images": IMAGES, "labels": LABELS, "threat": THREAT} | wrong
    with pytest.raises(error, match=message):
        attacks.auto_attack(**(call | {"model": call["model"]()}))


def test_a_network_with_something_around_it_has_no_twin():
    with pytest.raises(TypeError, match=r"AutoAttack needs torch's own gradients.*take pgd, bpda, eot and square"):
        attacks.auto_attack(attacks.saturated(attacks.network(TWIN)), IMAGES, LABELS, THREAT)
