"""One step as a program: ``python -m helpers.pipeline gate --model ... --measured ... --out ...``."""

from __future__ import annotations

import argparse
import inspect
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from helpers.errors import CourseError
from helpers.pipeline.registry import publish_bundle
from helpers.pipeline.steps import draw_data, measure_model, package_model, sign_package, train_model
from helpers.pipeline.verdicts import GateRefused, release_gate

STEPS: Mapping[str, Callable[..., None]] = MappingProxyType(
    {
        "data": draw_data,
        "train": train_model,
        "measure": measure_model,
        "gate": release_gate,
        "package": package_model,
        "sign": sign_package,
        "publish": publish_bundle,
    }
)
"""What a container of the pipeline can be told to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed; taken from the process if not given.

    Returns
    -------
    int
        0, 1 if a step cannot be done or a gate refuses, 2 if the command was not understood. Kubeflow ends the run on
        anything but 0.
    """
    options = vars(_parser().parse_args(arguments))
    name = options.pop("step")
    try:
        STEPS[name](**options)
    except GateRefused as refusal:
        print(f"step {name} refuses: {refusal}", file=sys.stderr)
    except (CourseError, ValueError) as error:
        print(f"step {name}: {error}", file=sys.stderr)
    else:
        return 0
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m helpers.pipeline", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="step", metavar="STEP")
    for name, function in STEPS.items():
        command = commands.add_parser(name, help=(inspect.getdoc(function) or "").partition("\n")[0])
        kinds = typing.get_type_hints(function)
        for given in inspect.signature(function).parameters.values():
            wanted = given.default is given.empty
            option = f"--{given.name.replace('_', '-')}"
            command.add_argument(
                option, type=kinds[given.name], required=wanted, default=None if wanted else given.default
            )
    return parser


if __name__ == "__main__":
    sys.exit(main())
