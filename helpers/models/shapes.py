"""Whether pictures fit a model: one check for Keras, ONNX and torch, so that all say the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray


def check_fits(images: NDArray[Any], input_shape: Sequence[object], name: str = "images") -> NDArray[Any]:
    """Refuse pictures of another size than the model was made for.

    Parameters
    ----------
    images : numpy.ndarray, shape (N, H, W, C)
        The pictures.
    input_shape : sequence
        The model's input shape, batch first; what is not an integer stands for any size.
    name : str
        How the message calls the pictures.

    Returns
    -------
    numpy.ndarray
        The same pictures.

    Raises
    ------
    ValueError
        If height, width or channels differ.
    """
    expected = tuple(side if isinstance(side, int) else None for side in input_shape[1:])
    given = images.shape[1:]
    if len(given) != len(expected) or any(want not in (None, side) for want, side in zip(expected, given, strict=True)):
        wanted = ", ".join("any" if side is None else str(side) for side in expected)
        raise ValueError(
            f"{name} must have shape (N, {wanted}) for this model, got {images.shape}. "
            "Was it trained on another data set?"
        )
    return images
