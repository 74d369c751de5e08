"""Pictures and networks of the tests' own, small enough to train in a second."""

import numpy as np
import torch
from torch.func import functional_call, grad, vmap


def pictures(n=64, side=20, channels=1, classes=3, seed=0):
    """Bright stripes whose place says the class, in noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    images = rng.random((n, side, side, channels), dtype=np.float32) * 0.3
    for image, label in zip(images, labels, strict=True):
        image[2 + 5 * label : 5 + 5 * label] += 0.7
    return images, labels


def each_gradient(network, images, labels):
    """One gradient for each picture, by torch.func and not by Opacus: parameter by parameter, (N, ...)."""
    weights = {name: value.detach() for name, value in network.named_parameters()}

    def loss(weights, image, label):
        logits = functional_call(network, weights, (image[None],))
        return torch.nn.functional.cross_entropy(logits, label[None])

    return vmap(grad(loss), (None, 0, 0))(weights, images, labels)


def clipped_sum(gradients, norm):
    """What DP-SGD adds up before the noise."""
    flat = torch.cat([each.flatten(1) for each in gradients.values()], dim=1)
    factors = (norm / flat.norm(dim=1)).clamp(max=1)
    return {name: torch.einsum("i,i...->...", factors, each) for name, each in gradients.items()}
