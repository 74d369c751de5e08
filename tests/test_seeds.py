"""Every public function that takes a seed refuses, at its door, what a library would refuse in the middle of a run."""

import contextlib
import dataclasses
import importlib
import inspect

import pytest

from helpers.contracts import LARGEST_SEED

ROOMS = ("models", "explain")
NO_SEEDS = (-1, LARGEST_SEED + 1, 0.5, True, None)


def takes_a_seed(thing):
    return (inspect.isfunction(thing) or dataclasses.is_dataclass(thing)) and "seed" in inspect.signature(
        thing
    ).parameters


def functions():
    rooms = [importlib.import_module(f"helpers.{name}") for name in ROOMS]
    named = {f"{room.__name__}.{name}": getattr(room, name) for room in rooms for name in dir(room) if name[0] != "_"}
    return {name: thing for name, thing in named.items() if takes_a_seed(thing)}


FUNCTIONS = functions()


def ask(function, seed):
    """Call with nothing else than a seed: whoever looks at another argument first stumbles over None."""
    parameters = inspect.signature(function).parameters.values()
    required = [each.name for each in parameters if each.default is each.empty and each.kind is not each.VAR_KEYWORD]
    given = function(**{**dict.fromkeys(required), "seed": seed})
    if isinstance(given, contextlib.AbstractContextManager):
        with given:
            pass


def test_the_functions_are_found():
    assert {"helpers.models.course_cnn", "helpers.models.Recipe", "helpers.explain.shap_gradient"} <= set(FUNCTIONS)
    assert len(FUNCTIONS) > 15


@pytest.mark.parametrize("name", FUNCTIONS)
def test_refuses_seeds_at_the_door(name):
    for seed in NO_SEEDS:
        with pytest.raises(ValueError, match=f"seed must be a whole number from 0 to 4,294,967,295, got {seed!r}"):
            ask(FUNCTIONS[name], seed)
