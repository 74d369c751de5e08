"""DP-SGD written out is Opacus's, part by part and as a whole; each broken one differs in one part."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from torch import nn

from helpers import privacy
from helpers.models.torch_twin import CourseCNN
from helpers.privacy.broken import BATCH_CLIPPED, NO_NOISE, REALISED_BATCH, WRONG_LOADER
from tests.privacy.small import CLASSES, PLAN, SHAPE, pictures


def probe():
    return privacy.linear_probe(SHAPE, CLASSES)


def steps(implementation, *, plan=PLAN, seed=0, n=400, planted=None):
    return list(privacy.releases(implementation, probe(), *pictures(n), plan, planted=planted, seed=seed))


@pytest.fixture(params=[1, 3])  # Opacus reads pictures of one channel and of more in other ways
def cnn(request):
    torch.manual_seed(0)
    return CourseCNN((22, 22, request.param), 10)


@pytest.fixture
def batch(cnn):
    rng = np.random.default_rng(0)
    return rng.random((5, *cnn.shape), dtype=np.float32), np.arange(5)


def test_gradients_are_those_of_one_picture_after_the_other(cnn, batch):
    images, labels = batch
    found = privacy.per_picture_gradients(cnn, images, labels)
    for row, image, label in zip(found, images, labels, strict=True):
        loss = nn.functional.cross_entropy(cnn.logits(torch.tensor(image[None])), torch.tensor([label]))
        alone = torch.autograd.grad(loss, list(cnn.parameters()))
        torch.testing.assert_close(row, torch.cat([each.flatten() for each in alone]), atol=1e-6, rtol=1e-4)


def test_gradients_clipped_and_summed_are_those_of_opacus(cnn, batch):
    ours = privacy.HONEST.gradients(cnn, *map(torch.tensor, batch))
    theirs = privacy.OPACUS.gradients(cnn, *map(torch.tensor, batch))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    norm = float(ours.norm(dim=1).median())  # clips some and not others
    difference = privacy.HONEST.summed(ours, norm) - privacy.OPACUS.summed(theirs, norm)
    assert float(difference.abs().max()) < 1e-5
    assert all(weights.grad is None for weights in cnn.parameters())


def test_a_network_whose_call_gives_logits_will_do():
    images, labels = pictures(5)
    plain = nn.Sequential(nn.Flatten(), probe().last)
    ours, theirs = (
        each.gradients(plain, torch.tensor(images), torch.tensor(labels)) for each in (privacy.HONEST, privacy.OPACUS)
    )
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    torch.testing.assert_close(ours, privacy.per_picture_gradients(probe(), images, labels), atol=1e-6, rtol=0)


def test_clipping_shortens_what_is_long_and_leaves_the_rest():
    given = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    torch.testing.assert_close(privacy.clip_each(given, 1.0), torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]]))


def test_the_whole_of_it_is_opacus_with_the_same_batches_and_the_same_noise():
    for ours, theirs in zip(steps(privacy.HONEST), steps(privacy.OPACUS), strict=True):
        assert ours.indices.tolist() == theirs.indices.tolist()
        torch.testing.assert_close(ours.total, theirs.total, atol=1e-4, rtol=0)
        torch.testing.assert_close(ours.released, theirs.released, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("broken", "part"),
    [(NO_NOISE, "noised"), (BATCH_CLIPPED, "summed"), (REALISED_BATCH, "divided"), (WRONG_LOADER, "batches")],
)
def test_each_broken_one_has_one_other_part_and_the_same_claim(broken, part):
    assert broken in privacy.BROKEN
    other = {
        field.name for field in fields(broken) if getattr(broken, field.name) != getattr(privacy.HONEST, field.name)
    }
    assert other == {"name", part}
    assert str(broken) == f"{broken.name} (epsilon = 3, said the library)"


def test_training_learns_moves_a_copy_and_is_the_sum_of_what_was_released():
    images, labels = pictures()
    start = probe()
    trained = privacy.trained_with(privacy.HONEST, start, images, labels, PLAN, seed=3)
    released = sum(step.released for step in steps(privacy.HONEST, seed=3))
    moved = nn.utils.parameters_to_vector(trained.parameters())
    torch.testing.assert_close(moved, -PLAN.learning_rate * released, atol=1e-4, rtol=0)
    assert not nn.utils.parameters_to_vector(start.parameters()).any()
    answers = trained(torch.tensor(images)).argmax(dim=1).numpy()
    assert (answers == labels).mean() > 0.9


def test_one_seed_gives_all_implementations_the_same_batches_and_another_seed_others():
    first, same, other = steps(privacy.HONEST), steps(NO_NOISE), steps(privacy.HONEST, seed=1)
    assert [s.indices.tolist() for s in first] == [s.indices.tolist() for s in same]
    assert first[0].indices.tolist() != other[0].indices.tolist()
    assert not torch.equal(first[0].noisy - first[0].total, other[0].noisy - other[0].total)


@pytest.mark.parametrize(
    "implementation", [privacy.HONEST, privacy.OPACUS, *privacy.BROKEN], ids=lambda each: each.name
)
def test_an_empty_batch_releases_noise_alone(implementation):
    found = steps(implementation, plan=replace(PLAN, rate=0.01), n=30)
    empty = [step for step in found if not len(step.indices)]
    assert bool(empty) == (implementation is not WRONG_LOADER)
    for step in empty:
        assert not step.total.any()
        assert bool(step.released.any()) == (implementation is not NO_NOISE)
        assert step.released.isfinite().all()


def test_planted_gradients_are_members_like_others():
    size = sum(each.numel() for each in probe().parameters())
    planted = torch.zeros(400, size)
    planted[:, 0] = 50.0
    found = steps(NO_NOISE, planted=planted, n=400)
    drawn = sum(int((step.indices >= 400).sum()) for step in found)
    assert 0.09 < drawn / (400 * PLAN.steps) < 0.11
    for step in found:
        # Each is clipped to C; what pictures add to this weight is small.
        assert abs(float(step.total[0]) - int((step.indices >= 400).sum())) < 12


@pytest.mark.parametrize("value", [0, 1, float("nan")])
def test_a_plan_needs_a_rate_inside_0_and_1(value):
    with pytest.raises(ValueError, match="rate must lie strictly between 0 and 1"):
        replace(PLAN, rate=value)


@pytest.mark.parametrize("name", ["noise", "norm", "learning_rate"])
@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan")])
def test_a_plan_needs_numbers_above_0(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a finite number above 0"):
        replace(PLAN, **{name: value})


def test_planted_gradients_of_another_network_are_refused():
    with pytest.raises(
        ValueError, match=r"planted gradients must have shape \(m, 148\) for this network, got \(3, 7\)"
    ):
        steps(privacy.HONEST, planted=torch.zeros(3, 7))
