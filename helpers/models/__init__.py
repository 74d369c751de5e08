"""Things that predict: the course CNN, its training, twin and exports; ImageNet networks; models that can be read.

Importing this package loads neither TensorFlow nor torch; the first use of a name loads the module behind it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.errors import ModelUnavailable
    from helpers.models.cnn import course_cnn, embedding_model, logits_model
    from helpers.models.export import onnx_predict_function, parity, save_keras, save_onnx
    from helpers.models.imagenet import LAST_MAPS, VGG16_LAST_MAPS, efficientnet_lite0, vgg16
    from helpers.models.imagenet_classes import imagenet_class_names, top_classes
    from helpers.models.interpretable import (
        PixelModel,
        SpamFilter,
        decision_path,
        decision_tree,
        digit_forest,
        questions_asked,
        random_forest,
        size_of,
        softmax_regression,
        spam_filter,
    )
    from helpers.models.prediction import mc_dropout_function, predict_function, predict_split
    from helpers.models.recipes import Recipe, dropout_recipe, planted_recipe, shortcut_recipe, spine_recipe
    from helpers.models.torch_twin import to_torch
    from helpers.models.training import Trained, load_or_train, spine
    from helpers.models.weights import digest

__all__ = [
    "LAST_MAPS",
    "VGG16_LAST_MAPS",
    "ModelUnavailable",
    "PixelModel",
    "Recipe",
    "SpamFilter",
    "Trained",
    "course_cnn",
    "decision_path",
    "decision_tree",
    "digest",
    "digit_forest",
    "dropout_recipe",
    "efficientnet_lite0",
    "embedding_model",
    "imagenet_class_names",
    "load_or_train",
    "logits_model",
    "mc_dropout_function",
    "onnx_predict_function",
    "parity",
    "planted_recipe",
    "predict_function",
    "predict_split",
    "questions_asked",
    "random_forest",
    "save_keras",
    "save_onnx",
    "shortcut_recipe",
    "size_of",
    "softmax_regression",
    "spam_filter",
    "spine",
    "spine_recipe",
    "to_torch",
    "top_classes",
    "vgg16",
]

_MODULE_OF = {
    "course_cnn": "cnn",
    "embedding_model": "cnn",
    "logits_model": "cnn",
    "digest": "weights",
    "onnx_predict_function": "export",
    "parity": "export",
    "save_keras": "export",
    "save_onnx": "export",
    "LAST_MAPS": "imagenet",
    "VGG16_LAST_MAPS": "imagenet",
    "ModelUnavailable": "imagenet",
    "efficientnet_lite0": "imagenet",
    "vgg16": "imagenet",
    "imagenet_class_names": "imagenet_classes",
    "top_classes": "imagenet_classes",
    "PixelModel": "interpretable",
    "SpamFilter": "interpretable",
    "decision_tree": "interpretable",
    "digit_forest": "interpretable",
    "questions_asked": "interpretable",
    "random_forest": "interpretable",
    "size_of": "interpretable",
    "softmax_regression": "interpretable",
    "spam_filter": "interpretable",
    "decision_path": "interpretable",
    "mc_dropout_function": "prediction",
    "predict_function": "prediction",
    "predict_split": "prediction",
    "Recipe": "recipes",
    "dropout_recipe": "recipes",
    "planted_recipe": "recipes",
    "shortcut_recipe": "recipes",
    "spine_recipe": "recipes",
    "to_torch": "torch_twin",
    "Trained": "training",
    "load_or_train": "training",
    "spine": "training",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
