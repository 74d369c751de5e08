"""The network that membership inference is tried on: small, for sixteen of them are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from helpers.contracts import Images, Labels, check_seed
from helpers.privacy.private_network import one_thread

if TYPE_CHECKING:
    from helpers.privacy.shadows import ShadowRecipe


class ShadowCNN(nn.Module):
    """A cheap relative of the course CNN that learns by heart: two 3x3 convolutions of stride 2, two dense layers.

    Strides in place of pools make it cheaper, and worse at pictures that it has not seen: what an attack needs. Nothing
    in it is random, and no layer mixes pictures, so DP-SGD can train it, too.

    Parameters
    ----------
    shape : tuple of int
        Height, width and channels of a picture; height and width at least 7.
    classes : int
        Number of classes K.
    width : int
        Channels of the first convolution; the second has twice as many.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, width: int = 16) -> None:
        super().__init__()
        rows, columns, channels = self.shape = shape
        if min(rows, columns) < 7:
            raise ValueError(f"pictures must be at least 7x7 pixels for this network, got {rows}x{columns}")
        flat = 2 * width * (((rows - 1) // 2 - 1) // 2) * (((columns - 1) // 2 - 1) // 2)
        self.layers = nn.Sequential(
            *(nn.Conv2d(channels, width, 3, stride=2), nn.ReLU()),
            *(nn.Conv2d(width, 2 * width, 3, stride=2), nn.ReLU(), nn.Flatten()),
            *(nn.Linear(flat, 64), nn.ReLU(), nn.Linear(64, classes)),
        ).to(memory_format=torch.channels_last)  # a third faster on a processor
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d | nn.Linear):  # torch's own weights are smaller, and learn more slowly
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def logits(self, images: Tensor) -> Tensor:
        """What the softmax is taken of.

        Parameters
        ----------
        images : torch.Tensor of float32, shape (N, H, W, C)
            Pictures in [0, 1].

        Returns
        -------
        torch.Tensor of float32, shape (N, K)
            Logits.
        """
        return self.layers((2 * images - 1).permute(0, 3, 1, 2))

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities.

        Parameters
        ----------
        images : torch.Tensor of float32, shape (N, H, W, C)
            Pictures in [0, 1].

        Returns
        -------
        torch.Tensor of float32, shape (N, K)
            Probabilities.
        """
        return torch.softmax(self.logits(images), dim=1)


def trained(recipe: ShadowRecipe, images: Images, labels: Labels, classes: int, seed: int) -> ShadowCNN:
    """A network of a recipe, trained on these pictures.

    Parameters
    ----------
    recipe : ShadowRecipe
        Passes, batch size, learning rate and width; its own seed has no part in it.
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].
    labels : numpy.ndarray of int64, shape (N,)
        Their classes.
    classes : int
        Number of classes K.
    seed : int
        Of the first weights and of the order of the pictures; torch's own generator is left as it was.

    Returns
    -------
    ShadowCNN
        In evaluation mode.
    """
    height, width, channels = images.shape[1:]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(check_seed(seed))
        model = ShadowCNN((height, width, channels), classes, recipe.width)
    pictures, wanted = torch.tensor(images), torch.tensor(labels)
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    steps = recipe.passes * -(-len(images) // recipe.batch_size)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    rng = np.random.default_rng((seed, 0x5AD0))
    with one_thread():
        for _ in range(recipe.passes):
            for rows in torch.from_numpy(rng.permutation(len(images))).split(recipe.batch_size):
                loss = nn.functional.cross_entropy(model.logits(pictures[rows]), wanted[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                slower.step()
    return model.eval()
