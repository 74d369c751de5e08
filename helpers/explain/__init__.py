"""Why: methods that explain one answer of a network, and the measures that say whether an explanation is true.

Importing this package loads neither TensorFlow nor shap; the first use of a name loads the module behind it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.explain.base import Explainer, check_maps, positive_part

_MODULE_OF = {
    "Explainer": "base",
    "check_maps": "base",
    "positive_part": "base",
    # helpers.explain.gradients: what looks into the network
    "gradcam": "gradients",
    "gradcam_maps": "gradients",
    "vanilla_gradients": "gradients",
    "gradients_times_inputs": "gradients",
    "integrated_gradients": "gradients",
    "smoothgrad": "gradients",
    "guided_backprop": "gradients",
    "channel_activations": "gradients",
    # helpers.explain.occlusion and baselines: what asks a predict function, or nobody
    "occlusion": "perturbation",
    "random_map": "baselines",
    "centre_gaussian": "baselines",
    "sobel_edges": "baselines",
    # helpers.explain.tf_explain_raw: the library's raw arrays
    "tf_explain_arrays": "tf_explain_raw",
    "tf_explain_maps": "tf_explain_raw",
    # helpers.explain.shapley: Shapley values
    "exact_shapley": "shapley",
    "superpixels": "shapley",
    "grid_superpixels": "shapley",
    "picture_game": "shapley",
    "kernel_shapley": "shapley",
    "kernel_shap": "shapley",
    "paint": "shapley",
    "superpixel_shap": "shapley",
    "seeded": "shap_library",
    "library_kernel_shap": "shap_library",
    "shap_kernel": "shap_library",
    "shap_gradient": "shap_library",
    "shap_deep": "shap_library",
    "shap_partition": "shap_library",
    # helpers.explain.measures: is it true?
    "pointing_game": "measures",
    "relevance_mass": "measures",
    "relevance_rank": "measures",
    "deletion": "measures",
    "insertion": "measures",
    "auc": "measures",
    "mean_colour": "measures",
    "blurred": "measures",
    "max_sensitivity": "measures",
    "completeness": "measures",
    "class_discriminativeness": "measures",
    # helpers.explain.sanity: does it depend on what the network learned?
    "without_mean_map": "sanity",
    "map_similarity": "sanity",
    "independent_pairs": "sanity",
    "model_randomisation": "sanity",
    "label_randomisation": "sanity",
}

__all__ = ["Explainer", "check_maps", "positive_part"]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_MODULE_OF)
