"""What is expected of the notebooks beyond their bands, one file each.

Every file holds five tables.

CLAIMS : dict
    A sentence of the notebook, and a function that takes ``of`` (a metric's name to its record on the notebook's own
    pictures) and says whether the records bear it out.
SPOILT_CLAIMS : list
    ``(metric, value, words of the claim)``: with this value in the record's place, or with these fields where it is a
    dict, the claim must break.
SPOILT : dict
    How the records would be spoilt if what they measure were gone. The key is a regular expression that matches whole
    names of metrics; the value is what happened, and a function of ``of`` (a metric's name to its value on the same
    pictures, same seed) and ``own`` (the record's own value) that gives the spoilt value. Every band made by
    ``vigilant bands`` must refuse the spoilt record of each of its seeds.
EXPLAINED : dict
    Why a record of an unseen seed lies outside its band: ``(data set of the run, metric, seed)`` to a sentence.
TITLES : dict
    For each function ``..._title`` of the notebook: ``(arguments, text)`` pairs, with both outcomes.
"""

from types import ModuleType

from tests.notebooks.expected import (
    adversarial_training,
    attacks,
    decision,
    deployment,
    fairness,
    gradcam,
    interpretable,
    monitoring,
    pipeline,
    privacy,
    shap,
    start_here,
    training,
    uncertainty,
)

BY_NOTEBOOK: dict[str, ModuleType] = {
    "00_start_here": start_here,
    "01_training": training,
    "02_uncertainty": uncertainty,
    "03_interpretable": interpretable,
    "04_gradcam": gradcam,
    "05_shap": shap,
    "06_attacks": attacks,
    "07_adversarial_training": adversarial_training,
    "08_fairness": fairness,
    "09_privacy": privacy,
    "10_deployment": deployment,
    "11_monitoring": monitoring,
    "12_pipeline": pipeline,
    "13_decision": decision,
}
