"""Shadow models: who learns from what, one training for each row, the cache, and the whole attack on small networks."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from helpers import datasets, privacy
from helpers.datasets.base import Split
from helpers.privacy import private_network, shadow_cnn, shadows
from tests.conftest import ROOT

TINY = privacy.ShadowRecipe("signs", pictures=140, models=16, passes=8, width=8, batch_size=20)


def some(n=12, side=8):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (n, side, side, 1), dtype=np.uint8)
    return Split(pixels, np.arange(n) % 3, pd.DataFrame(index=range(n)))


# ---- who learns from what


def test_each_picture_is_in_exactly_half_of_the_models_and_nothing_else_is_settled():
    member = privacy.random_halves(16, 5000, seed=3)
    assert member.shape == (16, 5000)
    assert (member.sum(axis=0) == 8).all()
    assert abs(member.mean(axis=1) - 0.5).max() < 4 * 0.5 / np.sqrt(5000)
    # Of two models, 7 in 15 pictures of the one are the other's, too.
    shared = (member[:-1] & member[1:]).sum(axis=1) / member[:-1].sum(axis=1)
    assert abs(shared - 7 / 15).max() < 4 * 0.5 / np.sqrt(2500)
    assert (privacy.random_halves(16, 5000, seed=3) == member).all()
    assert (privacy.random_halves(16, 5000, seed=4) != member).any()


def test_every_model_learns_from_its_own_row_and_answers_for_all():
    split, seen = some(), []
    member = privacy.random_halves(4, len(split), seed=0)

    def fit(images, labels, seed):
        seen.append((images, labels, seed))
        known = {image.tobytes() for image in images}

        def predict(asked):
            sure = [0.9 if image.tobytes() in known else 0.4 for image in asked]
            rows = np.full((len(asked), 3), (1 - np.array(sure)[:, None]) / 2, np.float32)
            rows[np.arange(len(asked)), split.labels] = sure
            return rows

        return predict

    found = privacy.shadows_of(fit, split, member, classes=3, seed=7)
    np.testing.assert_allclose(found, np.where(member, np.log(9), np.log(2 / 3)), rtol=1e-5)
    for row, (images, labels, _) in zip(member, seen, strict=True):
        np.testing.assert_array_equal(images, split.images[row])
        np.testing.assert_array_equal(labels, split.labels[row])
    assert len({seed for *_, seed in seen}) == 4


# ---- the network


def test_the_network_takes_pictures_of_the_course_and_gives_probabilities():
    model = shadow_cnn.ShadowCNN((28, 28, 1), 10).eval()
    answers = privacy.torch_predict(model)(np.random.default_rng(0).random((600, 28, 28, 1), np.float32))
    assert (answers.shape, answers.dtype) == ((600, 10), np.float32)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    with torch.no_grad():
        pictures = torch.rand(2, 28, 28, 1)
        assert torch.equal(model(pictures), torch.softmax(model.logits(pictures), dim=1))


@pytest.mark.parametrize(
    "network",
    [privacy.linear_probe((28, 28, 1), 10), privacy.tanh_cnn((28, 28, 1), 10), shadow_cnn.ShadowCNN((28, 28, 1), 10)],
    ids=["linear_probe", "TanhCNN", "ShadowCNN"],
)
def test_every_network_is_asked_for_its_logits_and_softmax_is_taken_once(network):
    torch.nn.init.normal_(list(network.parameters())[-1])  # a probe's weights are 0, and 0 does not tell
    images = np.random.default_rng(0).random((5, 28, 28, 1), np.float32)
    with torch.no_grad():
        wanted = torch.softmax(private_network.logits_of(network)(torch.tensor(images)), dim=1).numpy()
        assert not np.allclose(wanted, torch.softmax(torch.tensor(wanted), dim=1))
    np.testing.assert_allclose(privacy.torch_predict(network)(images), wanted, atol=1e-6)


def test_one_thread_ends_with_as_many_as_before():
    before = torch.get_num_threads()
    with pytest.raises(KeyError), private_network.one_thread():
        assert torch.get_num_threads() == 1
        raise KeyError
    assert torch.get_num_threads() == before


def test_dp_sgd_can_train_its_layers():
    from opacus.validators import ModuleValidator

    assert ModuleValidator.validate(shadow_cnn.ShadowCNN((32, 32, 3), 10), strict=False) == []


def test_training_hangs_on_its_seed_and_leaves_torchs_generator_alone():
    split = some(side=9)

    def weights(seed):
        fit = shadow_cnn.trained(privacy.ShadowRecipe(passes=2), split.images, split.labels, 3, seed)
        return torch.cat([value.flatten() for value in fit.state_dict().values()])

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = weights(1)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first, weights(1))
    assert not torch.equal(first, weights(2))


# ---- all of it


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Sixteen networks of 70 signs each, and the cache that they lie in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIGILANT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield privacy.train_shadows(TINY)


def test_networks_that_learned_by_heart_give_their_pictures_away(tiny):
    inside, outside = tiny.accuracy
    assert inside > outside + 0.2
    scores = privacy.lira(tiny.confidences, tiny.membership)
    found = privacy.measure_attack(scores, tiny.membership, resamples=200)
    assert (found.members, found.non_members, found.auc.n) == (1120, 1120, 140)
    assert found.auc.low > 0.6
    ahead = privacy.compare_attacks(scores, privacy.loss_threshold(tiny.confidences), tiny.membership, resamples=200)
    assert ahead.low > 0


def test_by_a_wrong_list_they_give_nothing_away(tiny):
    wrong = privacy.random_halves(TINY.models, TINY.pictures, seed=99)
    scores = privacy.lira(tiny.confidences, wrong)
    auc = privacy.measure_attack(scores, wrong, resamples=200, confidence=0.9999).auc
    assert auc.low < 0.5 < auc.high


def test_the_second_time_they_are_read(tiny, monkeypatch):
    monkeypatch.setattr(shadow_cnn, "trained", None)
    again = privacy.train_shadows(TINY)
    np.testing.assert_array_equal(again.confidences, tiny.confidences)
    np.testing.assert_array_equal(again.correct, tiny.correct)
    with pytest.raises(TypeError, match="NoneType"):  # another recipe is another file
        privacy.train_shadows(privacy.ShadowRecipe("signs", pictures=140, models=16, passes=9))


def test_a_cache_that_cannot_be_written_costs_a_warning_and_no_training(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setattr(shadows, "_path", lambda recipe, split: blocked / "models" / "x.npz")
    with pytest.warns(UserWarning, match="trained and you can go on, but will be trained again"):
        found = privacy.train_shadows(privacy.ShadowRecipe("signs", pictures=20, models=4, passes=1))
    assert found.confidences.shape == (4, 20)


def test_a_recipe_loads_no_torch():
    code = "import sys; from helpers.privacy import ShadowRecipe, random_halves, lira; ShadowRecipe()\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}print({{'torch', 'tensorflow'}} & set(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.strip() == "set()"


# ---- what is refused


def uniform(images, labels, seed):
    return lambda asked: np.full((len(asked), 3), 1 / 3, np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: privacy.random_halves(5, 10, 0), "an even number.*got 5"),
        (lambda: privacy.random_halves(4, 0, 0), "pictures must be"),
        (lambda: privacy.ShadowRecipe(models=15), "even number of at least 4, got 15"),
        (lambda: privacy.ShadowRecipe(models=2), "at least 4, got 2"),
        (lambda: privacy.ShadowRecipe(pictures=1), "at least 2, got 1"),
        (lambda: privacy.ShadowRecipe(passes=0), "passes must be a whole number"),
        (lambda: privacy.ShadowRecipe(learning_rate=0), "learning_rate must be above 0"),
        (lambda: privacy.shadows_of(uniform, some(), np.ones((4, 9), bool), classes=3), "each of the 12 pictures"),
        (
            lambda: privacy.shadows_of(uniform, some(), np.eye(2, 12) > 1, classes=3),
            "model 0 would learn from no picture",
        ),
        (lambda: privacy.shadows_of(uniform, some(), np.ones((2, 12), bool), classes=4), "answers with 3 classes"),
        (lambda: shadow_cnn.ShadowCNN((6, 28, 1), 10), "at least 7x7 pixels for this network, got 6x28"),
    ],
)
def test_what_cannot_be_trained_says_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_what_is_of_another_kind():
    with pytest.raises(TypeError, match=r"recipe must be a ShadowRecipe.*got str"):
        privacy.train_shadows("signs")
    with pytest.raises(TypeError, match=r"split must be a Split"):
        privacy.shadows_of(uniform, some().images, np.ones((2, 12), bool), classes=3)
    with pytest.raises(datasets.DatasetError, match="no_such"):
        privacy.train_shadows(privacy.ShadowRecipe("no_such"))
