"""Small networks for the tests of attacks: course CNNs in torch on real digits, trained in seconds."""

from functools import cache

import numpy as np
import torch

from helpers import datasets
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
