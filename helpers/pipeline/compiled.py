"""Reads a compiled Kubeflow pipeline (its YAML, IR version 2), and finds the gates that a cache may answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from helpers.pipeline.files import PipelineError

_WORDS = ("gate",)


@dataclass(frozen=True)
class CompiledTask:
    """A task of a compiled pipeline.

    Attributes
    ----------
    name : str
        With the sub-pipelines that it lies in: ``"release/gate"``.
    names : tuple of str
        All that it and what it lies in are called: tasks' keys, the names that are shown, components.
    after : tuple of str
        Tasks of the same pipeline that it waits for.
    cached : bool
        Whether a cache may answer in its place.
    """

    name: str
    names: tuple[str, ...]
    after: tuple[str, ...]
    cached: bool


def compiled_tasks(pipeline: Path) -> tuple[CompiledTask, ...]:
    """List the tasks of a compiled pipeline, those of sub-pipelines, conditions and loops included.

    Parameters
    ----------
    pipeline : pathlib.Path
        The YAML that kfp's compiler wrote.

    Returns
    -------
    tuple of CompiledTask
        In the file's order, what contains others left out: caches answer what runs.

    Raises
    ------
    PipelineError
        If the file cannot be read or is no compiled pipeline.
    """
    try:
        documents = list(yaml.safe_load_all(pipeline.read_text(encoding="utf-8")))
        whole = next(each for each in documents if isinstance(each, dict) and "root" in each)
        return tuple(_tasks(whole["root"]["dag"], whole["components"], "", ()))
    except (OSError, ValueError, yaml.YAMLError, StopIteration, KeyError, TypeError, AttributeError) as error:
        raise PipelineError(
            f"{pipeline} is no compiled pipeline ({type(error).__name__}: {error}); kfp's compiler writes one, with "
            "'root.dag.tasks' and 'components'"
        ) from None


def cached_gates(pipeline: Path, words: Sequence[str] = _WORDS) -> tuple[str, ...]:
    """Find each gate of a compiled pipeline whose caching is on.

    A gate is known by its name: one that is called otherwise is not found. Nor is what happens later: whoever starts a
    run with ``enable_caching=True`` turns the cache on for each task of the outermost pipeline, whatever the file says.

    Parameters
    ----------
    pipeline : pathlib.Path
        The YAML that kfp's compiler wrote.
    words : sequence of str
        What a gate's name contains: that of its task, its component, the one that is shown, or a sub-pipeline's
        around it.

    Returns
    -------
    tuple of str
        Names of these tasks; empty where every gate is asked anew.

    Raises
    ------
    PipelineError
        As :func:`compiled_tasks`, and if there is no gate at all: then nothing was audited.
    """
    gates = [task for task in compiled_tasks(pipeline) if _has_word(task.names, words)]
    if not gates:
        raise PipelineError(f"{pipeline} has no task whose name has one of {list(words)}: there is no gate to audit")
    return tuple(task.name for task in gates if task.cached)


def _has_word(names: Sequence[str], words: Sequence[str]) -> bool:
    return any(word.lower() in name.lower() for word in words for name in names)


def _tasks(
    dag: Mapping[str, Any], components: Mapping[str, Any], inside: str, around: tuple[str, ...]
) -> Iterator[CompiledTask]:
    for key, task in dag["tasks"].items():
        component = task["componentRef"]["name"]
        name, names = f"{inside}{key}", (*around, key, task.get("taskInfo", {}).get("name", key), component)
        if "dag" in components[component]:
            yield from _tasks(components[component]["dag"], components, f"{name}/", names)
        else:
            # Turned off, it is an empty mapping; turned on, it says so.
            cached = (task.get("cachingOptions") or {}).get("enableCache") is True
            yield CompiledTask(name, names, tuple(task.get("dependentTasks", ())), cached)
