"""Small networks for the tests of attacks: course CNNs in torch on real digits, trained in seconds."""

from functools import cache

import numpy as np
import torch

from helpers import attacks, datasets
from helpers.models import course_cnn
from helpers.models.torch_twin import CourseCNN

SHAPE, CLASSES = (20, 20, 1), 10
TESTED = 1000


@cache
def digits():
    """Train and test pictures and labels: the middle 20x20 of real digits, which is where their strokes are."""
    data = datasets.load("digits", train=3500, calibration=500, test=TESTED, seed=0)
    return tuple(
        part for split in (data.train, data.test) for part in (split.images[:, 4:24, 4:24].copy(), split.labels)
    )


def trained(epsilon=0.0, epochs=4, seed=0, batch=64):
    """A network trained on digits; with an epsilon on what one step from a random start makes of them (Wong 2020)."""
    torch.manual_seed(seed)
    images, labels = (torch.tensor(part) for part in digits()[:2])
    model = CourseCNN(SHAPE, CLASSES)
    steps = epochs * (len(images) // batch)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    loss = torch.nn.CrossEntropyLoss()
    for step in range(steps):
        if step % (len(images) // batch) == 0:
            order = torch.randperm(len(images))
        rows = order[step % (len(images) // batch) * batch :][:batch]
        x, y = images[rows], labels[rows]
        if epsilon:
            size = epsilon * min(1.0, 2 * step / steps)  # from small to large, or nothing is learnt at all
            start = (x + torch.empty_like(x).uniform_(-size, size)).clamp(0, 1).requires_grad_()
            (slope,) = torch.autograd.grad(loss(model.logits(start), y), start)
            moved = (start + 1.25 * size * slope.sign()).detach()
            x = torch.minimum(torch.maximum(moved, x - size), x + size).clamp(0, 1)
        optimiser.zero_grad()
        loss(model.logits(x), y).backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def to_keras(twin):
    """The Keras model that a torch twin would be the twin of."""
    model = course_cnn(twin.shape, CLASSES, seed=0)
    for name, axes in (("conv1", (2, 3, 1, 0)), ("conv2", (2, 3, 1, 0)), ("conv3", (2, 3, 1, 0)), ("dense", (1, 0))):
        module = getattr(twin, name)
        model.get_layer(name).set_weights(
            [module.weight.detach().numpy().transpose(axes), module.bias.detach().numpy()]
        )
    model.get_layer("logits").set_weights([twin.last.weight.detach().numpy().T, twin.last.bias.detach().numpy()])
    return model


def accuracy(network, images, labels):
    """Share of pictures that are read rightly."""
    return float((network.ask(np.asarray(images)).argmax(axis=1) == labels).mean())


def random_search(predict, images, labels, threat, queries=80):
    """A black-box attack of a few lines: squares of full size, each kept where it lowers the margin (linf only)."""
    rng = np.random.default_rng(0)
    originals = images
    images = threat.project(images + np.float32(threat.epsilon) * rng.choice([-1, 1], (len(images), 1, 20, 1)), images)
    best = attacks.margins(predict(images), labels)
    for query in range(queries):
        side = max(2, round(10 * (1 - query / queries)))
        tried = images.copy()
        for row, (top, left) in enumerate(rng.integers(0, 21 - side, (len(images), 2))):
            part = np.s_[row, top : top + side, left : left + side]
            tried[part] = originals[part] + np.float32(threat.epsilon) * rng.choice([-1, 1])
        tried = threat.project(tried, originals)
        reached = attacks.margins(predict(tried), labels)
        better = reached < best
        images[better], best[better] = tried[better], reached[better]
    count = np.full(len(labels), queries + 1)
    return attacks.Attacked("random squares", threat, images, best <= 0, best.astype(np.float32), count)
