"""Runs steps in order, in this very process, and stops where a gate refuses."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.pipeline.files import PipelineError
from helpers.pipeline.verdicts import GateRefused

if TYPE_CHECKING:
    from helpers.pipeline.kubeflow_cache import KubeflowCache

RAN, FROM_CACHE, REFUSED, NOT_RUN = "ran", "from the cache", "refused", "not run"


@dataclass(frozen=True)
class Step:
    """One step of a pipeline.

    Attributes
    ----------
    name : str
        Of the step, and of the folder that it fills.
    function : callable
        Takes the folders of earlier steps by name, ``out`` (its own folder, empty) and its parameters.
    inputs : mapping of str to str
        Argument of the function to the earlier step whose folder it gets.
    parameters : mapping of str to object
        What else it is given.
    cached : bool
        Whether a cache may answer in its place, as Kubeflow does unless told otherwise; False for every gate.
    """

    name: str
    function: Callable[..., object]
    inputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    cached: bool = True


@dataclass(frozen=True)
class Done:
    """What became of a step.

    Attributes
    ----------
    step : str
        Its name.
    how : str
        ``"ran"``, ``"from the cache"``, ``"refused"`` or ``"not run"``.
    out : pathlib.Path
        Its folder; there is none where it did not run.
    why : str
        What a gate said that refused.
    number : str
        Of what lies in its folder: a new one where it ran, the old one where a cache answered.
    """

    step: str
    how: str
    out: Path
    why: str = ""
    number: str = ""


@dataclass(frozen=True)
class Run:
    """What became of all steps, in their order.

    Attributes
    ----------
    steps : tuple of Done
        One for each.
    """

    steps: tuple[Done, ...]

    @property
    def finished(self) -> bool:
        """Whether no gate refused, so that the last step was done."""
        return all(done.how in (RAN, FROM_CACHE) for done in self.steps)

    def __getitem__(self, step: str) -> Done:
        """What became of the step of this name."""
        return next(done for done in self.steps if done.step == step)

    def __str__(self) -> str:
        lines = []
        for done in self.steps:
            lines.append(f"{done.step:10}  {done.how}")
            lines += [f"{'':12}{line}" for line in done.why.splitlines()]
        return "\n".join(lines)


def run_pipeline(steps: Sequence[Step], folder: Path, cache: KubeflowCache | None = None) -> Run:
    """Run steps in order; after a gate that refuses, none.

    Parameters
    ----------
    steps : sequence of Step
        Each after the steps whose folders it gets.
    folder : pathlib.Path
        Where the steps' folders go; none of them may be there: each run has a folder of its own.
    cache : KubeflowCache, optional
        What may answer in place of a step that allows it; nothing if not given.

    Returns
    -------
    Run
        What became of each. A gate that refuses is no exception here; a step that breaks is one.

    Raises
    ------
    PipelineError
        If the steps do not fit together, or a step's folder is there already; nothing has run then.
    """
    _check(steps, folder)
    done: dict[str, Done] = {}
    for step in steps:
        stopped = any(earlier.how == REFUSED for earlier in done.values())
        out = folder / step.name
        done[step.name] = Done(step.name, NOT_RUN, out) if stopped else _do(step, done, out, cache)
    return Run(tuple(done.values()))


def _do(step: Step, done: Mapping[str, Done], out: Path, cache: KubeflowCache | None) -> Done:
    numbers = {argument: done[earlier].number for argument, earlier in step.inputs.items()}
    asked = cache if step.cached else None
    if asked is not None and (kept := asked.answer(step, numbers, out)):
        return Done(step.name, FROM_CACHE, out, number=kept)
    out.mkdir(parents=True)
    number = uuid.uuid4().hex
    handed = {argument: done[earlier].out for argument, earlier in step.inputs.items()}
    try:
        step.function(out=out, **handed, **step.parameters)
    except GateRefused as refusal:
        return Done(step.name, REFUSED, out, str(refusal))
    except Exception as error:
        error.add_note(f"in step {step.name!r} of the pipeline")
        raise
    if asked is not None:
        asked.keep(step, numbers, out, number)
    return Done(step.name, RAN, out, number=number)


def _check(steps: Sequence[Step], folder: Path) -> None:
    before: set[str] = set()
    for step in steps:
        if unknown := set(step.inputs.values()) - before:
            raise PipelineError(f"step {step.name!r} needs {sorted(unknown)}, and no step before it is called so")
        if step.name in before or not step.name or "/" in step.name:
            raise PipelineError(f"{step.name!r} cannot be the name of a step: it names a folder, and each another one")
        if (folder / step.name).exists():
            raise PipelineError(f"{folder / step.name} is there already, of another run; give each run a new folder")
        before.add(step.name)
