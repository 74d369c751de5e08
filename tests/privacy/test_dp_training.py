"""DP-SGD: its gradients against torch.func's, its steps against Opacus's own engine, and what it refuses."""

import dataclasses
import logging
import math
import warnings

import numpy as np
import pytest
import torch
from opacus import PrivacyEngine
from opacus.grad_sample import GradSampleModule
from opacus.utils.uniform_sampler import UniformWithReplacementSampler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

from helpers import models, privacy
from helpers.datasets.base import Split
from tests.privacy.drawn import clipped_sum, each_gradient, pictures

# torch says of Opacus's hooks that the first layer's input, the pictures, wants no gradient.
pytestmark = pytest.mark.filterwarnings("ignore:Full backward hook is firing:UserWarning")

SHAPE = (20, 20, 1)
QUICK = privacy.PrivateRecipe(
    noise_multiplier=0.0, delta=1e-3, expected_batch=16, epochs=3, learning_rate=1.0, clipping_norm=1.0
)


def weights(network):
    return torch.cat([each.detach().flatten() for each in network.parameters()])


def tensors(n=24, channels=1):
    images, labels = pictures(n, channels=channels)
    return torch.tensor(images), torch.tensor(labels)


# ---- gradients


@pytest.mark.parametrize("norm", [0.1, 1.0, 1e6])
def test_opacus_adds_up_what_torch_func_clips(norm):
    images, labels = tensors()
    network = privacy.tanh_cnn(SHAPE, 3)
    recipe = dataclasses.replace(QUICK, clipping_norm=norm, expected_batch=20)
    expected = clipped_sum(each_gradient(network, images, labels), norm)
    wrapped, optimizer = privacy.private_steps(network, recipe, noise_multiplier=0.0)
    nn.functional.cross_entropy(wrapped(images), labels).backward()
    optimizer.step()
    for name, parameter in network.named_parameters():
        # Divided by what is expected (20), and not by the 24 that came.
        assert torch.allclose(parameter.grad * 20, expected[name], atol=1e-5), name
    total = torch.cat([each.flatten() for each in expected.values()]).norm()
    assert total <= 24 * norm


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("order", ["as they come", "channels first in memory"])
@pytest.mark.parametrize("functorch", [True, False])
def test_gradients_do_not_hang_on_how_pictures_lie_in_memory(channels, order, functorch):
    # Opacus 1.6 reads a convolution's input as if it lay channels first, whatever it does: without the copy in
    # TanhCNN.forward its own formulas (no functorch: PrivacyEngine's default) are wrong in the second layer.
    images, labels = tensors(6, channels)
    if order != "as they come":
        images = images.permute(0, 3, 1, 2).clone(memory_format=torch.contiguous_format).permute(0, 2, 3, 1)
    network = privacy.tanh_cnn((20, 20, channels), 3)
    expected = each_gradient(network, images, labels)
    wrapped = GradSampleModule(network, force_functorch=functorch)
    nn.functional.cross_entropy(wrapped(images), labels).backward()
    for name, parameter in network.named_parameters():
        assert torch.allclose(parameter.grad_sample, expected[name], atol=1e-5), name


class Careless(privacy.TanhCNN):
    """The same network without the copy."""

    def forward(self, images):
        return self.head(self.features((2 * images - 1).permute(0, 3, 1, 2).contiguous()).flatten(1))


def test_without_the_copy_opacus_is_wrong():
    images, labels = tensors(6)
    network = Careless(SHAPE, 3)
    expected = each_gradient(network, images, labels)
    wrapped = GradSampleModule(network)
    nn.functional.cross_entropy(wrapped(images), labels).backward()
    second = network.features[3].weight.grad_sample
    assert (second - expected["features.3.weight"]).abs().max() > 1e-3, (
        "Opacus has mended unfold2d: the copy in TanhCNN.forward, and this test, can go"
    )


# ---- steps


def test_the_steps_are_those_of_opacus_own_engine():
    images, labels = pictures(64)
    recipe = dataclasses.replace(QUICK, noise_multiplier=1.0)
    trained = privacy.train_privately(images, labels, recipe, classes=3)
    network = privacy.tanh_cnn(SHAPE, 3, seed=0)
    optimizer = torch.optim.SGD(network.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
    every = TensorDataset(torch.tensor(images), torch.tensor(labels))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its generators are no secret
        network, optimizer, loader = PrivacyEngine().make_private(
            module=network,
            optimizer=optimizer,
            data_loader=DataLoader(every, batch_size=16, generator=torch.Generator().manual_seed(0)),
            noise_multiplier=1.0,
            max_grad_norm=1.0,
            noise_generator=torch.Generator().manual_seed(2**32),
        )
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer.original_optimizer, 1.0, 1e-3, total_iters=12)
        for _ in range(3):
            for some, named in loader:
                optimizer.zero_grad()
                nn.functional.cross_entropy(network(some), named).backward()
                optimizer.step()
                schedule.step()
    assert torch.allclose(weights(trained.network), weights(network), atol=1e-5)


def test_a_recipe_learns_and_says_what_it_cost():
    images, labels = pictures(300)
    recipe = dataclasses.replace(QUICK, expected_batch=60, epochs=8)
    trained = privacy.train_privately(images, labels, recipe, classes=3)
    predict = privacy.torch_predict(trained.network)
    fresh, truth = pictures(100, seed=1)
    probabilities = predict(fresh)
    assert probabilities.dtype == np.float32
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities.argmax(axis=1) == truth).mean() > 0.9
    assert (trained.spent.epsilon, trained.spent.steps, trained.spent.sampling_rate) == (math.inf, 40, 0.2)
    assert list(trained.history["steps"]) == [5, 10, 15, 20, 25, 30, 35, 40]
    assert trained.history["loss"].iloc[-1] < trained.history["loss"].iloc[0]
    assert len(models.digest(trained.network)) == 16  # nothing of Opacus is left in it


def test_noise_alone_is_between_two_trainings_of_one_seed():
    images, labels = pictures(64)
    quiet, loud = (
        privacy.train_privately(images, labels, dataclasses.replace(QUICK, noise_multiplier=noise), classes=3)
        for noise in (0.0, 1.0)
    )
    assert list(quiet.history["pictures"]) == list(loud.history["pictures"])
    assert not torch.allclose(weights(quiet.network), weights(loud.network), atol=1e-3)
    again = privacy.train_privately(images, labels, dataclasses.replace(QUICK, noise_multiplier=1.0), classes=3)
    assert torch.equal(weights(again.network), weights(loud.network))


@pytest.mark.parametrize(("noise", "moves"), [(1.0, True), (0.0, False)])
def test_an_empty_batch_is_a_step_of_noise_alone(noise, moves, caplog):
    images, labels = pictures(400)
    loader = privacy.private_loader(images, labels, expected_batch=1, seed=1)
    recipe = dataclasses.replace(QUICK, expected_batch=1, noise_multiplier=noise, epochs=1)
    nobody = _Nobody(num_samples=400, sample_rate=1 / 400, steps=4)
    loader = DataLoader(loader.dataset, batch_sampler=nobody, collate_fn=loader.collate_fn)
    network = privacy.tanh_cnn(SHAPE, 3)
    with caplog.at_level(logging.CRITICAL, "opacus"):
        trained = privacy.train_network_privately(network, loader, recipe)
    assert list(trained.history["pictures"]) == [0]
    moved = (weights(trained.network) - weights(network)).std()
    assert bool(moved > 0.5) == moves  # four steps of length 1 with noise 1, and momentum
    assert trained.spent.steps == 4


class _Nobody(UniformWithReplacementSampler):
    def __iter__(self):
        return iter([[]] * self.steps)


def test_what_a_promise_takes_is_known_before_the_first_step():
    recipe = dataclasses.replace(QUICK, noise_multiplier=None, epsilon=2.0, accountant="rdp")
    spent = recipe.spent(64)
    assert 1.98 < spent.epsilon <= 2.0
    assert (spent.steps, spent.sampling_rate, spent.accountant) == (12, 0.25, "rdp")


# ---- what is refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epsilon": 3.0}, "either epsilon or noise_multiplier, got epsilon=3.0 and noise_multiplier=0.0"),
        ({"noise_multiplier": None}, "either epsilon or noise_multiplier"),
        ({"expected_batch": 0}, "expected_batch must be a whole number"),
        ({"epochs": 1.5}, "epochs must be a whole number"),
        ({"clipping_norm": 0}, "clipping_norm must be above 0"),
        ({"learning_rate": math.inf}, "learning_rate must be above 0"),
        ({"momentum": 1}, r"momentum must lie in \[0, 1\)"),
    ],
)
def test_recipes_that_are_none(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(QUICK, **change)


def test_delta_and_batch_fit_the_pictures():
    images, labels = pictures(64)
    with pytest.raises(ValueError, match=r"delta must be below 1/n = 0.016 for 64 pictures"):
        privacy.train_privately(images, labels, dataclasses.replace(QUICK, delta=0.02), classes=3)
    with pytest.raises(ValueError, match="expected_batch must be at most the 64 pictures"):
        privacy.train_privately(images, labels, dataclasses.replace(QUICK, expected_batch=65), classes=3)
    with pytest.raises(ValueError, match="expected_batch must be at most the 8 pictures"):
        QUICK.spent(8)
    with pytest.raises(ValueError, match=r"labels must lie in 0..1 for 2 classes"):
        privacy.train_privately(images, labels, QUICK, classes=2)


def test_a_loader_of_another_batch_is_refused():
    loader = privacy.private_loader(*pictures(64), expected_batch=8)
    with pytest.raises(ValueError, match="draws 8 pictures on average, and the recipe divides by 16"):
        privacy.train_network_privately(privacy.tanh_cnn(SHAPE, 3), loader, QUICK)


# ---- loaders


def test_a_private_loader_draws_each_picture_by_a_coin_of_its_own():
    loader = privacy.private_loader(*pictures(100), expected_batch=25, seed=3)
    assert privacy.check_private_loader(loader) == 0.25
    sizes = [len(labels) for _ in range(25) for _, labels in loader]
    assert len(sizes) == 100
    # Binomial(100, 1/4): mean 25, variance 18.75. Fixed batches have none.
    assert abs(np.mean(sizes) - 25) < 2
    assert 9 < np.var(sizes) < 36


def test_the_rate_is_the_batch_over_the_pictures_however_they_divide():
    # Opacus's engine takes 104 batches of 105, and accounts for a rate of 1/104.
    loader = privacy.private_loader(*pictures(105), expected_batch=1)
    assert privacy.check_private_loader(loader) == 1 / 105


@pytest.mark.parametrize("n", [64, 99, 105, 123, 1000])
@pytest.mark.parametrize("batch", [1, 16])
def test_the_bill_known_before_is_for_the_steps_of_the_loader(n, batch):
    recipe = dataclasses.replace(QUICK, expected_batch=batch, epochs=2, delta=1e-5)
    assert recipe.spent(n).steps == 2 * len(privacy.private_loader(*pictures(n, side=2), expected_batch=batch))


def test_a_longer_loader_is_billed_for_its_own_steps():
    loader = privacy.private_loader(*pictures(64), expected_batch=16)
    loader.batch_sampler.steps = 7
    recipe = dataclasses.replace(QUICK, noise_multiplier=2.0, epochs=1)
    trained = privacy.train_network_privately(privacy.tanh_cnn(SHAPE, 3), loader, recipe)
    assert trained.spent == privacy.epsilon(2.0, 0.25, 7, QUICK.delta)
    assert list(trained.history["steps"]) == [7]


def test_other_loaders_are_refused():
    images, labels = tensors()
    data = TensorDataset(images, labels)
    for loader in (DataLoader(data, batch_size=8, shuffle=True), DataLoader(data, batch_size=8)):
        with pytest.raises(ValueError, match="assume Poisson sampling, and this loader draws by BatchSampler"):
            privacy.check_private_loader(loader)
    weighted = DataLoader(data, batch_size=8, sampler=WeightedRandomSampler([1.0] * 24, 24))
    with pytest.raises(ValueError, match=r"WeightedRandomSampler draws some pictures more often.*Weights against"):
        privacy.check_private_loader(weighted)
    batches = torch.utils.data.BatchSampler(WeightedRandomSampler([1.0] * 24, 24), 8, drop_last=False)
    with pytest.raises(ValueError, match="WeightedRandomSampler"):
        privacy.check_private_loader(DataLoader(data, batch_sampler=batches))
    part = UniformWithReplacementSampler(num_samples=12, sample_rate=0.5)
    with pytest.raises(ValueError, match="draws from 12 of its 24 pictures"):
        privacy.check_private_loader(DataLoader(data, batch_sampler=part))
    with pytest.raises(TypeError, match="loader must be a DataLoader from private_loader"):
        privacy.check_private_loader([1, 2])
    with pytest.raises(ValueError, match="this loader draws by BatchSampler"):
        privacy.train_network_privately(privacy.tanh_cnn(SHAPE, 3), DataLoader(data, batch_size=16), QUICK)


# ---- networks


def test_layers_that_mix_the_pictures_of_a_batch_are_refused():
    mixed = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 3))
    with pytest.raises(ValueError, match=r"private training cannot use 1 \(BatchNorm2d\).*Use GroupNorm"):
        privacy.check_layers(mixed)
    loader = privacy.private_loader(*pictures(64), expected_batch=16)
    with pytest.raises(ValueError, match="BatchNorm2d"):
        privacy.train_network_privately(mixed, loader, QUICK)
    # Frozen or not, and in evaluation mode: its statistics are still of the batch once it trains.
    with pytest.raises(ValueError, match="BatchNorm2d"):
        privacy.check_layers(mixed.eval())
    fine = nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.Flatten())
    assert privacy.check_layers(fine) is fine
    assert privacy.check_layers(privacy.tanh_cnn(SHAPE, 3))
    with pytest.raises(ValueError, match="nothing to train"):
        privacy.check_layers(nn.Tanh())
    with pytest.raises(TypeError, match="network must be a torch network"):
        privacy.check_layers("a network")


def test_weights_come_from_the_seed_and_leave_torch_alone():
    state = torch.random.get_rng_state()
    one, same, other = (privacy.tanh_cnn(SHAPE, 3, seed) for seed in (0, 0, 1))
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.equal(weights(one), weights(same))
    assert not torch.equal(weights(one), weights(other))


@pytest.mark.parametrize("shape", [(18, 18, 1), (19, 30, 3), (28, 28, 1), (32, 32, 3)])
def test_networks_fit_their_pictures(shape):
    images = np.full((2, *shape), 0.5, np.float32)
    assert privacy.torch_predict(privacy.tanh_cnn(shape, 4))(images).shape == (2, 4)


def test_pictures_of_another_shape_are_refused():
    network = privacy.tanh_cnn(SHAPE, 3)
    with pytest.raises(ValueError, match="sides of at least 18"):
        privacy.tanh_cnn((10, 28, 1), 3)
    with pytest.raises(ValueError, match=r"images must have shape \(N, 20, 20, 1\), channels last"):
        network(torch.zeros(2, 1, 20, 20))
    with pytest.raises(ValueError, match=r"images must have shape \(N, 20, 20, 1\) for this model"):
        privacy.torch_predict(network)(np.zeros((2, 28, 28, 1), np.float32))


# ---- the cache


@pytest.fixture
def split():
    images, labels = pictures(64)
    import pandas as pd

    return Split((np.clip(images, 0, 1) * 255).astype(np.uint8), labels, pd.DataFrame(index=range(64)))


def test_a_private_network_is_trained_once(split, cold_cache, monkeypatch):
    from helpers.privacy import dp_training

    recipe = dataclasses.replace(QUICK, noise_multiplier=1.0)
    first = privacy.load_or_train_private(recipe, split, classes=3)
    taken = []
    real = dp_training.train_privately
    monkeypatch.setattr(
        dp_training, "train_privately", lambda *given, **named: taken.append(1) or real(*given, **named)
    )
    second = privacy.load_or_train_private(recipe, split, classes=3)
    assert taken == []
    assert models.digest(first.network) == models.digest(second.network)
    assert first.spent == second.spent
    assert first.history.equals(second.history)
    privacy.load_or_train_private(dataclasses.replace(recipe, seed=1), split, classes=3)
    assert taken == [1]
    stored = next(path for path in (cold_cache / "private").glob("*.npz"))
    for path in (cold_cache / "private").glob("*.npz"):
        path.write_bytes(stored.read_bytes()[:100])
    with pytest.warns(UserWarning, match="is damaged .* and is trained again"):
        again = privacy.load_or_train_private(recipe, split, classes=3)
    assert models.digest(again.network) == models.digest(first.network)


def test_a_cache_that_cannot_be_written_is_said(split, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("VIGILANT_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="the network is trained and you can go on"):
        trained = privacy.load_or_train_private(QUICK, split, classes=3)
    assert trained.spent.epsilon == math.inf


def test_what_is_no_recipe_or_split(split):
    with pytest.raises(TypeError, match="recipe must be a PrivateRecipe"):
        privacy.load_or_train_private(3.0, split, classes=3)
    with pytest.raises(TypeError, match="train must be a Split"):
        privacy.load_or_train_private(QUICK, split.images, classes=3)
